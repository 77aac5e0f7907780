"""How an epoch's rows become batches."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def even_batches(dataset: tf.data.Dataset, rows: int, steps: int) -> tf.data.Dataset:
    """The dataset's `rows` rows in `steps` batches whose sizes differ by one at most.

    Their static size is unknown even where all are alike: a model is then traced once for all days.
    """
    sizes = np.diff(np.arange(steps + 1, dtype=np.int64) * rows // steps)
    never_reached = sizes[-1:] + 1
    return dataset.rebatch(np.concatenate([sizes, never_reached]))
