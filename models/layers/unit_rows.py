"""Tables whose rows start on the unit sphere."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable("scenerank")
class UnitRows(keras.initializers.Initializer):
    """Starts rows `[rows, d]` at length 1, two of which have the dot product `likeness` on average.

    Each is a direction drawn at random and one that all rows have in common, `sqrt(1 - likeness) z + sqrt(likeness) c`,
    brought to length 1. c has the same number everywhere, so that parts of a table on several servers share it.

    So scenarios' vectors start in MARIA, whose Eq. 21 is a mean of their dot products.

    Args:
      likeness: in [0, 1); 0: directions are drawn at random.
      seed: None: another one for every table.

    Example:
      >>> tf.norm(UnitRows(0.5)((3, 4)), axis=-1).numpy().round(3)
      array([1., 1., 1.], dtype=float32)
    """

    def __init__(self, likeness: float = 0.0, seed: int | None = None) -> None:
        self.likeness, self.seed = likeness, seed
        self.normal = keras.initializers.RandomNormal(0.0, 1.0, seed)

    def __call__(self, shape: Any, dtype: Any = None, **options: Any) -> tf.Tensor:
        drawn = tf.math.l2_normalize(self.normal(shape, dtype, **options), -1)
        common = tf.constant((self.likeness / shape[-1]) ** 0.5, drawn.dtype)
        return tf.math.l2_normalize((1.0 - self.likeness) ** 0.5 * drawn + common, -1)

    def get_config(self) -> dict[str, Any]:
        return {"likeness": self.likeness, "seed": self.seed}
