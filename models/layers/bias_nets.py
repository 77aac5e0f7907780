"""What bias nets do to a model's score, in training alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import tensorflow as tf
import tf_keras as keras

from scenerank.models.layers.bias_embedding import BiasEmbedding
from scenerank.models.layers.configured import ConfiguredLayer
from scenerank.models.layers.experts import SharedExperts
from scenerank.models.layers.scenario_experts import ScenarioExperts
from scenerank.models.layers.scenario_routing import ScenarioRoutes, route
from scenerank.schemas.bias import BiasFeature, DebiasSettings

Fusion = Literal["add", "multiply"]
Columns = Sequence[BiasFeature | Mapping[str, Any]]
Debias = DebiasSettings | Mapping[str, Any]


def fuse(score: tf.Tensor, bias: tf.Tensor, fusion: Fusion) -> tf.Tensor:
    """Puts a score, a logit, under a bias of its shape: `score + bias`, or `score * 2 sigmoid(bias)`."""
    bias = tf.cast(bias, score.dtype)
    return score * (2.0 * tf.sigmoid(bias)) if fusion == "multiply" else score + bias


class _Nets(ConfiguredLayer):
    """What both kinds share: their input, and the difference to the reference."""

    def __init__(
        self,
        columns: Sequence[BiasFeature | Mapping[str, Any]],
        settings: DebiasSettings | Mapping[str, Any],
        **options: Any,
    ) -> None:
        super().__init__(autocast=False, **options)
        self.settings = DebiasSettings.model_validate(settings)
        s = self.settings
        self.embedding = BiasEmbedding(columns, s.coefficient, dim=s.dim, buckets=s.buckets, name="embedding")


@keras.utils.register_keras_serializable("scenerank")
class BiasTower(_Nets):
    """Puts the logit of any model under a bias, of one shallow net (SAR-Net section 4.5, one net for all experts).

    The bias is what the net gives for the row less what it gives for the reference, as in `BiasNets`.

    Args:
      columns: the bias columns.
      settings: `DebiasSettings`.

    Call arguments:
      logits: float `[B]`.
      features: see `BiasEmbedding`.

    Returns:
      float `[B]`, the logits under the bias.

    Example:
      >>> tower = BiasTower([BiasFeature("place", size=6, reference=1)], DebiasSettings(nets=True))
      >>> tower(tf.zeros([3]), {"fairness_coefficient": tf.ones([3]), "place": tf.constant([1, 2, 5])}).shape
      TensorShape([3])
    """

    def __init__(
        self,
        columns: Sequence[BiasFeature | Mapping[str, Any]],
        settings: DebiasSettings | Mapping[str, Any],
        **options: Any,
    ) -> None:
        super().__init__(columns, settings, **options)
        self.net = SharedExperts(1, self.settings.units, zero_output=True, name="net")

    def biases(self, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Bias of each row, float `[B]`."""
        rows, reference = tf.split(self.net(self.embedding(features), training=training)[:, 0, 0], 2)
        return rows - reference

    def call(self, logits: tf.Tensor, features: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        return fuse(logits, self.biases(features, training), self.settings.fusion)


@keras.utils.register_keras_serializable("scenerank")
class BiasNets(_Nets):
    """Puts experts' scores under a bias, of a net for each (SAR-Net section 4.5); a scenario's experts' are its own.

    The bias is what the net gives for the row less what it gives, in the same scenario, for the reference: FC = 1 and
    the reference of each bias column. An impression that nobody intervened in is left as it is, always and not only at
    first. Serving, which leaves the nets out, thus is training at the reference, and a day whose coefficients are all 1
    trains the main nets alone. All biases start at 0.

    Args:
      scenarios: S.
      table: name of the scenario's embedding table.
      specific, shared: numbers of experts.
      columns: the bias columns.
      settings: `DebiasSettings`.

    Call arguments:
      main: the experts' scores, float `[B, specific + shared]`.
      features: see `BiasEmbedding`.
      routes: `ScenarioRoutes` of the batch.

    Returns:
      float `[B, specific + shared]`, the scores under the bias.

    Example:
      >>> settings = DebiasSettings(nets=True)
      >>> nets = BiasNets(3, "page", specific=1, shared=2, columns=[], settings=settings)
      >>> nets(tf.zeros([2, 3]), {"fairness_coefficient": tf.ones([2])}, route(tf.constant([1, 2]), 3)).shape
      TensorShape([2, 3])
    """

    def __init__(
        self,
        scenarios: int,
        table: str,
        *,
        specific: int,
        shared: int,
        columns: Columns,
        settings: Debias,
        **options: Any,
    ) -> None:
        super().__init__(columns, settings, **options)
        self.scenarios = scenarios
        units = self.settings.units
        self.specific_nets = (
            ScenarioExperts(scenarios, table, experts=specific, units=units, zero_output=True, name="specific_nets")
            if specific
            else None
        )
        self.shared_nets = SharedExperts(shared, units, zero_output=True, name="shared_nets") if shared else None

    def biases(self, features: Mapping[str, tf.Tensor], routes: ScenarioRoutes, training: bool = False) -> tf.Tensor:
        """Bias of each score, float `[B, specific + shared]`."""
        vector = self.embedding(features)
        parts = []
        if self.specific_nets is not None:
            both = route(tf.concat([routes.scenario, routes.scenario], 0), self.scenarios)
            parts.append(self.specific_nets(vector, both, training=training)[:, :, 0])
        if self.shared_nets is not None:
            parts.append(self.shared_nets(vector, training=training)[:, :, 0])
        rows, reference = tf.split(tf.concat(parts, 1), 2)
        return rows - reference

    def call(
        self, main: tf.Tensor, features: Mapping[str, tf.Tensor], routes: ScenarioRoutes, training: bool = False
    ) -> tf.Tensor:
        return fuse(main, self.biases(features, routes, training), self.settings.fusion)
