"""Training of any model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras as keras

from scenerank.models.base import RankingModel, example_batch
from scenerank.models.layers.bias_nets import BiasTower
from scenerank.models.losses import effective_share, weighted_cross_entropy, weighted_mean
from scenerank.schemas.bias import DebiasSettings
from scenerank.schemas.columns import FAIRNESS
from scenerank.schemas.features import FeatureSet

AUC_THRESHOLDS = 4096
EFFECTIVE = "effective_share"
"""What weighting leaves of a batch's rows."""


class Outputs(NamedTuple):
    """Outputs that a training step looks at.

    Attributes:
      logits: float32 `[B]`.
      losses: values beside the cross-entropy, float `[B]` by name; their means over the batch's weight are added
        to the loss.
      watched: numbers that tell whether parts of the model do anything, float `[B]` or `[]` by name.
    """

    logits: tf.Tensor
    losses: dict[str, tf.Tensor]
    watched: Mapping[str, tf.Tensor] = {}


class ExamplesSeen(keras.metrics.Sum):
    """Counts examples that the weights have learned from, over all epochs and interruptions: checkpoints have it."""

    def __init__(self) -> None:
        super().__init__(name="examples", dtype=tf.float64)  # whole up to 2**53

    def reset_state(self) -> None:
        """Does nothing: it counts on from epoch to epoch."""


class TrainingModel(keras.Model):
    """A serving model and what only its training needs. Only `.serving` is ever exported.

    Compile it with an optimizer alone; fit it on batches `(features, labels, weights)`: tensors by name (see
    `RankingModel`), float `[B]`, float `[B]`. Features hold `fairness_coefficient` float `[B]` and the bias columns
    int64 `[B]` where `debias` weighs by it or has bias nets.

    The loss is the weighted cross-entropy over the batch's weight, plus what `forward` names beside it, plus the
    layers' penalties. Validation and `evaluate` look at the serving model alone, without Fairness Coefficients.

    Metrics: `loss` (cross-entropy alone, over all weight seen), `auc`, and in training those of `auxiliary`, those of
    `watched` (means over the rows seen) and `examples` (see `ExamplesSeen`).

    Args:
      serving: the model to train.
      debias: `DebiasSettings` or their fields; None: no debiasing.

    Attributes:
      tower: `BiasTower` on the logit, or None.
    """

    auxiliary: tuple[str, ...] = ()
    """Names of the losses that `forward` gives, in training."""
    watched: tuple[str, ...] = ()
    """Names of what it gives beside them."""

    def __init__(self, serving: RankingModel, debias: Any = None, **options: Any) -> None:
        super().__init__(autocast=False, **options)
        self.serving = serving
        self.debias = DebiasSettings.model_validate(debias or {})
        self.tower = self.bias_tower() if self.debias.nets else None
        self.distribute_reduction_method = "first"  # what a metric tells is of all replicas already
        self.loss_metric = keras.metrics.Mean(name="loss")
        self.auc_metric = keras.metrics.AUC(num_thresholds=AUC_THRESHOLDS, from_logits=True, name="auc")
        self.examples_metric = ExamplesSeen()
        self.auxiliary_metrics = {name: keras.metrics.Mean(name=name) for name in self.auxiliary}
        watched = (*self.watched, *((EFFECTIVE,) if self.debias.weighting else ()))
        self.watched_metrics = {name: keras.metrics.Mean(name=name) for name in watched}

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compiles as Keras does, and makes the optimizer's variables; made in the first step they trace it twice."""
        super().compile(*args, **kwargs)
        self.optimizer.build(self.trainable_variables)

    def bias_tower(self) -> BiasTower | None:
        """Makes the bias net of the logit; None where a subclass has nets elsewhere."""
        return BiasTower(self.serving.features.bias, self.debias, name="tower")

    def build_weights(self) -> None:
        """Creates all weights, by one call on two rows."""
        self(training_batch(self.serving.features, 2, 1))

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        further = (*self.auxiliary_metrics.values(), *self.watched_metrics.values())
        return [self.loss_metric, self.auc_metric, self.examples_metric, *further]

    def call(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Computes logits, float32 `[B]`, bias nets included where there are any."""
        return self.under_bias(self.forward(features, training).logits, features, training)

    def forward(self, features: Mapping[str, tf.Tensor], training: bool = True) -> Outputs:
        """Computes logits, but for the tower, and named losses beside the cross-entropy, which subclasses may have."""
        return Outputs(self.serving(features, training=training), {})

    def under_bias(self, logits: tf.Tensor, features: Mapping[str, tf.Tensor], training: bool) -> tf.Tensor:
        """Puts logits, float `[B]`, under what the tower makes of how the rows were shown."""
        return logits if self.tower is None else self.tower(logits, features, training=training)

    def _seen(self, features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Features as training sees them: some scenarios unknown (`scenario_dropout`)."""
        share = self.serving.settings.scenario_dropout
        if not share:
            return features
        name = self.serving.features.scenario
        scenario = features[name]
        hidden = tf.random.uniform(tf.shape(scenario)) < share
        return {**features, name: tf.where(hidden, tf.zeros_like(scenario), scenario)}

    @tf.autograph.experimental.do_not_convert  # no model needs it, and it doubles the time until the first step
    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        features, labels, weights = data
        weights = tf.cast(weights, tf.float32)
        if self.debias.weighting:
            weights *= tf.maximum(tf.cast(features[FAIRNESS], tf.float32), self.debias.weight_floor)
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        with tf.GradientTape() as tape:
            seen = self._seen(features)
            logits, losses, watched = self.forward(seen)
            logits = self.under_bias(logits, seen, training=True)
            loss = weighted_cross_entropy(labels, logits, weights)
            loss += sum(weighted_mean(values, weights) for values in losses.values())
            penalties = tf.add_n([tf.cast(p, tf.float32) for p in self.losses]) if self.losses else 0.0
            total = loss + penalties / replicas
        variables = self.trainable_variables
        gradients = tape.gradient(total, variables)
        self.optimizer.apply_gradients(zip(gradients, variables))
        for name, values in losses.items():
            self.auxiliary_metrics[name].update_state(values, sample_weight=weights)
        if self.debias.weighting:
            watched = {**watched, EFFECTIVE: effective_share(weights)}
        for name, values in watched.items():
            self.watched_metrics[name].update_state(tf.broadcast_to(values, tf.shape(labels)))
        self.examples_metric.update_state(tf.shape(labels)[0])
        measured = {n: m.result() for n, m in (self.auxiliary_metrics | self.watched_metrics).items()}
        return self._measure(labels, logits, weights) | measured | {"examples": self.examples_metric.result()}

    @tf.autograph.experimental.do_not_convert
    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        features, labels, weights = data
        return self._measure(labels, self.serving(features, training=False), tf.cast(weights, tf.float32))

    def _measure(self, labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor) -> dict[str, tf.Tensor]:
        labels = tf.cast(labels, tf.float32)
        self.loss_metric.update_state(
            tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits), sample_weight=weights
        )
        self.auc_metric.update_state(labels, logits, sample_weight=weights)
        return {metric.name: metric.result() for metric in (self.loss_metric, self.auc_metric)}

    def get_config(self) -> dict[str, Any]:
        return {"serving": self.serving.get_config(), "debias": self.debias.model_dump()}


def training_model(serving: RankingModel, debias: DebiasSettings | None = None) -> TrainingModel:
    """Makes the object to train, with all its weights: the model as `.serving`, and whatever only training needs.

    Args:
      serving: the model; its `training_class` says what it is trained as.
      debias: None: no debiasing.
    """
    model = (serving.training_class() or TrainingModel)(serving, debias)
    model.build_weights()
    return model


def training_batch(features: FeatureSet, rows: int, length: int) -> dict[str, tf.Tensor]:
    """Makes inputs as `example_batch` does, with what only training knows beside them."""
    known = {column.name: tf.zeros((rows,), tf.int64) for column in features.bias}
    return {**example_batch(features, rows, length), **known, FAIRNESS: tf.ones((rows,), tf.float32)}
