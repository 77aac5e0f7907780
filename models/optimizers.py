"""Adam whose step costs what the batch touched."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from scenerank.models.compat import SparseAdam, moments_of
from scenerank.models.settings import OptimizerSettings

CACHED_ELEMENTS = 1 << 18
"""Elements of a wide table (per-scenario weights) that are updated at a time, to stay in the processor's cache."""
WIDE_ROW = 1024
MOSTLY = 0.9
"""Share of a wide table's rows from which on all are moved by the fused kernel, and the others put back."""


@keras.utils.register_keras_serializable("scenerank")
class LazyAdam(SparseAdam):
    """Adam (Kingma and Ba, 2015) that leaves table rows alone which the batch did not look up.

    A dense gradient takes the ordinary step, by the fused kernel. An `IndexedSlices` gradient moves, and
    decays the moments of, only its rows: the cost of a step follows the batch, not the tables, and a rare
    row keeps its place between its look-ups instead of drifting on old momentum. Where every row is looked
    up in every step it equals Adam.

    Args:
      learning_rate: float or schedule, for dense gradients.
      table_learning_rate_factor: times `learning_rate` for sparse gradients.
      **options: as `tf_keras.optimizers.Adam`; `amsgrad`, `weight_decay` and `use_ema` are refused.

    Raises:
      ValueError: for an option that has no lazy form.
    """

    def __init__(self, learning_rate: Any = 1e-3, table_learning_rate_factor: float = 1.0, **options: Any) -> None:
        for name in ("amsgrad", "weight_decay", "use_ema"):
            if options.get(name):
                raise ValueError(f"LazyAdam has no {name}: leave it out or choose the optimizer 'adam'")
        options.setdefault("name", "lazy_adam")
        options.setdefault("jit_compile", False)
        super().__init__(learning_rate=learning_rate, **options)
        self.table_learning_rate_factor = table_learning_rate_factor

    def update_step(self, gradient: Any, variable: tf.Variable) -> None:
        m, v = moments_of(self, variable)
        dtype = variable.dtype
        step = tf.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = tf.cast(self.beta_1, dtype), tf.cast(self.beta_2, dtype)
        rate = tf.identity(tf.cast(self.learning_rate, dtype))

        def move_all(gradient: tf.Tensor, rate: tf.Tensor) -> None:
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=m.handle, v=v.handle, beta1_power=tf.pow(beta_1, step),
                beta2_power=tf.pow(beta_2, step), lr=rate, beta1=beta_1, beta2=beta_2,
                epsilon=tf.cast(self.epsilon, dtype), grad=gradient,
            )  # fmt: skip

        if not isinstance(gradient, tf.IndexedSlices):
            move_all(gradient, rate)
            return
        whole_rate = rate * self.table_learning_rate_factor
        rate *= self.table_learning_rate_factor * tf.sqrt(1 - tf.pow(beta_2, step)) / (1 - tf.pow(beta_1, step))
        rows, values = gradient.indices, gradient.values  # each row once, see `unique_rows`

        def move(rows: tf.Tensor, values: tf.Tensor) -> None:
            m_rows, v_rows = tf.gather(m, rows), tf.gather(v, rows)
            m_rows += (values - m_rows) * (1 - beta_1)
            v_rows += (tf.square(values) - v_rows) * (1 - beta_2)
            m.scatter_update(tf.IndexedSlices(m_rows, rows))
            v.scatter_update(tf.IndexedSlices(v_rows, rows))
            variable.scatter_sub(tf.IndexedSlices(rate * m_rows / (tf.sqrt(v_rows) + self.epsilon), rows))

        width = variable.shape.num_elements() // variable.shape[0]
        at_once = max(CACHED_ELEMENTS // width, 1)
        if variable.shape[0] <= at_once or width < WIDE_ROW:
            move(rows, values)
            return

        def move_in_pieces() -> tf.Tensor:
            def body(start: tf.Tensor) -> tuple[tf.Tensor]:
                move(rows[start : start + at_once], values[start : start + at_once])
                return (start + at_once,)

            return tf.while_loop(lambda start: start < tf.size(rows), body, (0,), parallel_iterations=1)[0]

        def move_whole() -> tf.Tensor:
            others = tf.sets.difference(tf.range(variable.shape[0])[tf.newaxis], tf.cast(rows, tf.int32)[tf.newaxis])
            kept = [(state, tf.gather(state, others.values)) for state in (variable, m, v)]
            whole = tf.scatter_nd(tf.cast(rows, tf.int32)[:, tf.newaxis], values, variable.shape)
            with tf.control_dependencies([before for _, before in kept]):
                move_all(whole, whole_rate)
            for state, before in kept:
                state.scatter_update(tf.IndexedSlices(before, others.values))
            return tf.size(rows)

        mostly = tf.size(rows) >= int(variable.shape[0] * MOSTLY)
        tf.cond(mostly, move_whole, move_in_pieces)

    def unique_rows(self, gradient: tf.IndexedSlices) -> tf.IndexedSlices:
        """Sums rows that occur twice; a gradient that has none, as those of scenario layers, is not copied."""
        rows, place = tf.unique(gradient.indices)
        count = tf.size(rows)
        values = tf.cond(
            count == tf.size(gradient.indices),
            lambda: gradient.values,
            lambda: tf.math.unsorted_segment_sum(gradient.values, place, count),
        )
        return tf.IndexedSlices(values, rows, gradient.dense_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "table_learning_rate_factor": self.table_learning_rate_factor}


@keras.utils.register_keras_serializable("scenerank")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from 0 over `steps` steps, then follows `after` (a float or a schedule)."""

    def __init__(self, steps: int, after: Any) -> None:
        self.steps, self.after = steps, after

    def __call__(self, step: Any) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        after = self.after(tf.maximum(step - self.steps, 0.0)) if callable(self.after) else self.after
        return tf.minimum((step + 1.0) / self.steps, 1.0) * after

    def get_config(self) -> dict[str, Any]:
        after = keras.optimizers.schedules.serialize(self.after) if callable(self.after) else self.after
        return {"steps": self.steps, "after": after}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Warmup:
        after = config["after"]
        return cls(config["steps"], keras.optimizers.schedules.deserialize(after) if isinstance(after, dict) else after)


def _schedule(settings: OptimizerSettings, total_steps: int | None) -> Any:
    rate = settings.learning_rate
    schedules = keras.optimizers.schedules
    steps = settings.decay_steps or (max(total_steps - settings.warmup_steps, 1) if total_steps else None)
    schedule: Any = rate
    if settings.decay != "constant":
        if steps is None:
            raise ValueError(
                f"optimizer.decay is {settings.decay!r}: set optimizer.decay_steps, or give the number of steps"
            )
        if settings.decay == "exponential":
            schedule = schedules.ExponentialDecay(rate, steps, settings.decay_rate)
        elif settings.decay == "cosine":
            schedule = schedules.CosineDecay(rate, steps, alpha=settings.final_fraction)
        else:
            schedule = schedules.PolynomialDecay(rate, steps, rate * settings.final_fraction)
    return Warmup(settings.warmup_steps, schedule) if settings.warmup_steps else schedule


def build_optimizer(settings: OptimizerSettings, total_steps: int | None = None) -> keras.optimizers.Optimizer:
    """Makes the optimizer that the settings describe.

    Args:
      total_steps: optimizer steps of the whole training; decays without `decay_steps` reach their end there.

    Raises:
      ValueError: a decay whose length is neither in the settings nor known from `total_steps`.
    """
    options: dict[str, Any] = {
        "learning_rate": _schedule(settings, total_steps),
        "beta_1": settings.beta_1,
        "beta_2": settings.beta_2,
        "epsilon": settings.epsilon,
        "global_clipnorm": settings.clip_norm,
    }
    if settings.name == "adam":
        return keras.optimizers.Adam(jit_compile=False, **options)
    factor = (settings.table_learning_rate or settings.learning_rate) / settings.learning_rate
    return LazyAdam(table_learning_rate_factor=factor, **options)
