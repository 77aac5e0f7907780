"""What keeps a model calibrated that was trained with bias nets and is served without: an intercept a scenario.

Trained with them, a model's scores are those at the reference (FC = 1, the top of the page): clicks there are likelier
than on the page as it is. So after training the serving model scores ordinary impressions, shown as they come where
nobody intervened, and each scenario gets the number that its logits lack. Ranks within a request stay.
"""

from __future__ import annotations

from collections.abc import Sequence

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip
import numpy as np

from components.fairness_coefficient.ordinary import ordinary
from components.trainer.dataset import READ_BATCH, Reader
from models.base import RankingModel
from schemas import FAIRNESS

MOST_ROWS = 1 << 19
SPREAD = 0.2
"""Standard deviation of scenarios' intercepts about the common one, in log odds, that a small scenario is held to."""
STEPS = 25


def intercepts(model: RankingModel, reader: Reader, files: Sequence[str], rows: int = MOST_ROWS) -> np.ndarray:
    """What to add to the logits of each scenario, float32 `[scenarios]`; row 0, unknown ones, has the common one.

    Args:
      model: the serving model, its weights trained.
      files: of examples; the last are read first, up to about so many `rows`.
    """
    score = tf.function(lambda batch: model(batch, training=False), reduce_retracing=True, autograph=False)
    parts: list[tuple[np.ndarray, ...]] = []
    read = 0
    for file in reversed(files):
        for serialized in reader.records([file]).batch(READ_BATCH):
            batch, label, weight = reader.dense(*reader.element(serialized))
            weight *= tf.cast(_ordinary(reader, batch), weight.dtype)
            parts.append(tuple(x.numpy() for x in (model.scenario_of(batch), score(batch), label, weight)))
            read += len(parts[-1][0])
        if read >= rows:
            break
    columns = (np.concatenate(column) for column in zip(*parts))
    return fit(*columns, model.features.scenarios) if parts else np.zeros(model.features.scenarios, np.float32)


def _ordinary(reader: Reader, batch: dict[str, tf.Tensor]) -> tf.Tensor:
    """bool `[B]`; a flag that bias nets are told is there as its row, 1 + its value."""
    flag = reader.declaration.intervention
    told = flag is not None and flag.encoding is not None
    return ordinary(batch[FAIRNESS], batch[flag.name] - 1 if told else None)


def fit(scenario: np.ndarray, logit: np.ndarray, label: np.ndarray, weight: np.ndarray, scenarios: int) -> np.ndarray:
    """Maximum likelihood of a common intercept, then that of each scenario about it, with a prior of `SPREAD`.

    Args:
      scenario: int `[N]`, below `scenarios`; logit float `[N]`; label 0 or 1 `[N]`; weight float `[N]`, at least 0.
    """
    logit = logit.astype(np.float64)
    common = _newton(np.zeros(len(logit), np.int64), logit, label, weight, 1, 0.0)[0]
    own = _newton(scenario, logit + common, label, weight, scenarios, SPREAD**-2)
    own[0] = 0.0
    return (common + own).astype(np.float32)


def _newton(
    group: np.ndarray, logit: np.ndarray, label: np.ndarray, weight: np.ndarray, groups: int, precision: float
) -> np.ndarray:
    """An intercept for each group, float64 `[groups]`; 0 where there is no weight, bounded where all labels are one."""
    found = np.zeros(groups)
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(logit + found[group])))
        slope = np.bincount(group, weight * (label - p), groups) - precision * found
        curvature = np.bincount(group, weight * p * (1 - p), groups) + precision
        found += np.clip(np.divide(slope, curvature, out=np.zeros(groups), where=curvature > 0), -1, 1)
    return np.clip(found, -10, 10)
