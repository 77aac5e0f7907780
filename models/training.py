"""Training of any model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import models  # noqa: F401  isort: skip
import tensorflow as tf
import tf_keras as keras

from models.base import RankingModel, example_batch
from models.losses import weighted_cross_entropy, weighted_mean
from schemas.declaration import FAIRNESS

AUC_THRESHOLDS = 4096


class Outputs(NamedTuple):
    """What a training step looks at.

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
    """How many examples the weights have learned from: over all epochs, and over interruptions, as a checkpoint has it
    beside the weights."""

    def __init__(self) -> None:
        super().__init__(name="examples", dtype=tf.float64)  # whole up to 2**53

    def reset_state(self) -> None:
        """Nothing: it counts on from epoch to epoch."""


class TrainingModel(keras.Model):
    """A serving model and what only its training needs. Only `.serving` is ever exported.

    Compile it with an optimizer alone; fit it on batches `(features, labels, weights)`: tensors by name (see
    `RankingModel`), float `[B]`, float `[B]`. Features hold `fairness_coefficient` float `[B]` where the settings
    weigh by it or there are bias nets.

    The loss is the weighted cross-entropy over the batch's weight, plus what `forward` names beside it, plus the
    layers' penalties. Validation and `evaluate` look at the serving model alone, without Fairness Coefficients.

    Metrics: `loss` (cross-entropy alone, over all weight seen), `auc`, and in training those of `auxiliary`, those of
    `watched` (means over the rows seen) and `examples` (see `ExamplesSeen`).

    Args:
      serving: the model to train.
    """

    auxiliary: tuple[str, ...] = ()
    """Names of the losses that `forward` gives, in training."""
    watched: tuple[str, ...] = ()
    """Names of what it gives beside them."""

    def __init__(self, serving: RankingModel, **options: Any) -> None:
        super().__init__(autocast=False, **options)
        self.serving = serving
        self.distribute_reduction_method = "first"  # what a metric tells is of all replicas already
        self.loss_metric = keras.metrics.Mean(name="loss")
        self.auc_metric = keras.metrics.AUC(num_thresholds=AUC_THRESHOLDS, from_logits=True, name="auc")
        self.examples_metric = ExamplesSeen()
        self.auxiliary_metrics = {name: keras.metrics.Mean(name=name) for name in self.auxiliary}
        self.watched_metrics = {name: keras.metrics.Mean(name=name) for name in self.watched}

    def build_weights(self) -> None:
        """Creates all weights, by one call on two rows."""
        batch = example_batch(self.serving.features, 2, 1)
        self({**batch, FAIRNESS: tf.ones((2,), tf.float32)})

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        further = (*self.auxiliary_metrics.values(), *self.watched_metrics.values())
        return [self.loss_metric, self.auc_metric, self.examples_metric, *further]

    def call(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Logits float32 `[B]`, bias nets included where there are any."""
        return self.serving(features, training=training)

    def forward(self, features: dict[str, tf.Tensor], training: bool = True) -> Outputs:
        """Logits and the named losses beside the cross-entropy: none, unless a subclass has some."""
        return Outputs(self(features, training=training), {})

    def _seen(self, features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Features as training sees them: some scenarios unknown (`scenario_dropout`)."""
        share = self.serving.settings.scenario_dropout
        if not share:
            return features
        name = self.serving.features.scenario
        scenario = features[name]
        hidden = tf.random.uniform(tf.shape(scenario)) < share
        return {**features, name: tf.where(hidden, tf.zeros_like(scenario), scenario)}

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        features, labels, weights = data
        weights = tf.cast(weights, tf.float32)
        if self.serving.settings.fairness_weighting:
            weights *= tf.cast(features[FAIRNESS], tf.float32)
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        with tf.GradientTape() as tape:
            logits, losses, watched = self.forward(self._seen(features))
            loss = weighted_cross_entropy(labels, logits, weights)
            loss += sum(weighted_mean(values, weights) for values in losses.values())
            penalties = tf.add_n([tf.cast(p, tf.float32) for p in self.losses]) if self.losses else 0.0
            total = loss + penalties / replicas
        variables = self.trainable_variables
        gradients = tape.gradient(total, variables)
        self.optimizer.apply_gradients(zip(gradients, variables))
        for name, values in losses.items():
            self.auxiliary_metrics[name].update_state(values, sample_weight=weights)
        for name, values in watched.items():
            self.watched_metrics[name].update_state(tf.broadcast_to(values, tf.shape(labels)))
        self.examples_metric.update_state(tf.shape(labels)[0])
        measured = {n: m.result() for n, m in (self.auxiliary_metrics | self.watched_metrics).items()}
        return self._measure(labels, logits, weights) | measured | {"examples": self.examples_metric.result()}

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
        return {"serving": self.serving.get_config()}
