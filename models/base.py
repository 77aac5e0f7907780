"""What every model is, and how its weights are addressed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import models  # noqa: F401  isort: skip
import numpy as np
import tensorflow as tf
import tf_keras as keras
from tensorflow.python.distribute.sharded_variable import ShardedVariable

from models.layers import folding
from models.layers.scenario_routing import ScenarioRoutes, route, single_route
from models.settings import ModelSettings
from schemas.bias import DebiasSettings
from schemas.declaration import HISTORY_LENGTH
from schemas.features import FeatureSet

if TYPE_CHECKING:
    from models.training import TrainingModel


class RankingModel(keras.Model):
    """A serving model: features to the logit of a click. Built from a feature set alone.

    Subclasses create their layers in `__init__`, compute in `call(features, training)`, and say of themselves:
      registered: how configurations call the model.
      paper: where it was published.
      settings_class: its settings.
      needs: what a feature set must have.
      without_noise: settings under which a training step draws no random numbers.
    What only training needs belongs in the object that `training_model` returns.

    Args:
      features: the inputs.
      settings: an instance of `settings_class`, or its fields.

    Call arguments:
      features: tensors by feature name, int64 `[B]` (`[B, L]` for sequences) or float32 if numeric, and
        `history_length` int64 `[B]` if there is a history; other keys are ignored. Rows that are the candidates of
        one request, of one user in one scenario, may share their history: sequences `[L]`, `history_length` a scalar.
      training: whether dropout and batch statistics are on.

    Returns:
      logits, float32 `[B]`.
    """

    registered: ClassVar[str]
    paper: ClassVar[str]
    settings_class: ClassVar[type[ModelSettings]] = ModelSettings
    needs: ClassVar[tuple[Literal["history", "trigger"], ...]] = ()
    without_noise: ClassVar[dict[str, Any]] = {}

    def __init__(
        self, features: FeatureSet | str, settings: ModelSettings | Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        options.setdefault("name", self.registered)
        super().__init__(autocast=False, **options)  # layers cast what they are given; ids and numbers arrive whole
        self.features = FeatureSet.from_json(features) if isinstance(features, str) else features
        self.settings = self.settings_class.model_validate({} if settings is None else settings)

    def build_weights(self) -> None:
        """Creates all weights, by one call on two rows."""
        self(example_batch(self.features, 2, 1))

    def scenario_of(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """int64 `[B]` in `[0, scenarios)`; 0, unknown, for an index that has no row."""
        scenario = tf.cast(features[self.features.scenario], tf.int64)
        return tf.where((scenario >= 0) & (scenario < self.features.scenarios), scenario, 0)

    def routes(self, features: Mapping[str, tf.Tensor]) -> ScenarioRoutes:
        """How the rows go through what belongs to scenarios."""
        scenario = self.scenario_of(features)
        return single_route(scenario) if shares_history(features) else route(scenario, self.features.scenarios)

    def fold(self) -> None:
        """Computes ahead what inference derives from weights alone, see `layers.folding`; undone by `unfold`."""
        folding.fold(self)

    def unfold(self) -> None:
        folding.unfold(self)

    def output_biases(self) -> list[tf.Variable]:
        """Biases that the logit contains once each, directly or in a mean of logits; the subclass names them."""
        return []

    def start_at(self, click_rate: float) -> None:
        """Shifts a fresh model's logits so that it predicts about `click_rate`, in (0, 1), for everything.

        Otherwise the first hundreds of steps learn little else.
        """
        logit = math.log(click_rate / (1.0 - click_rate))
        for bias in self.output_biases():
            bias.assign_add(tf.fill(bias.shape, logit))

    def training_class(self) -> type[TrainingModel]:
        """Of the object to train; a subclass whose training has losses or layers of its own names it."""
        from models.training import TrainingModel

        return TrainingModel

    def training_model(self, debias: DebiasSettings | None = None) -> TrainingModel:
        """The object to train: this model as `.serving`, and whatever only training needs."""
        model = self.training_class()(self, debias)
        model.build_weights()
        return model

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "features": self.features.to_json(), "settings": self.settings.model_dump()}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> RankingModel:
        model = cls(**config)
        model.build_weights()
        return model


def shares_history(features: Mapping[str, tf.Tensor]) -> bool:
    """Whether rows are candidates of one request, with one history, as in `RankingModel`'s call arguments."""
    return HISTORY_LENGTH in features and features[HISTORY_LENGTH].shape.rank == 0


def example_batch(features: FeatureSet, rows: int, length: int) -> dict[str, tf.Tensor]:
    """Inputs of the right keys, types and shapes, all 0 and with empty histories."""
    batch = {}
    for feature in features.features:
        shape = (rows, length) if feature.sequence else (rows,)
        batch[feature.name] = tf.zeros(shape, tf.int64 if feature.categorical else tf.float32)
    if features.history_length:
        batch[HISTORY_LENGTH] = tf.zeros((rows,), tf.int64)
    return batch


def input_signature(features: FeatureSet, request: bool = False) -> dict[str, tf.TensorSpec]:
    """Specification of a model's inputs, batch and history length left open.

    Args:
      request: whether the rows share their history.
    """
    shared = {*(f.name for f in features.features if f.sequence), HISTORY_LENGTH} if request else set()
    return {
        name: tf.TensorSpec([None] * (tensor.shape.rank - (name in shared)), tensor.dtype, name=name)
        for name, tensor in example_batch(features, 1, 1).items()
    }


def named_weights(model: keras.Model) -> dict[str, tf.Variable | ShardedVariable]:
    """All weights of a model, trainable or not, by a name that is the same in every process; metrics' state left out.

    A name is the path of attributes to the weight, e.g. `embedding/table_user_id` or `gate/dense/kernel`.
    Embedding tables and per-scenario tables have the table's rows in axis 0, see `table_of`. A table that lies on
    several parameter servers is one weight.
    """
    metrics = {id(variable) for metric in model.metrics for variable in metric.variables}
    trackables, paths = tf.__internal__.tracking.ObjectGraphView(model).breadth_first_traversal()
    known = {id(weight) for weight in model.weights} - metrics
    sharded = [t for t in trackables if isinstance(t, ShardedVariable) and id(t.variables[0]) in known]
    known = (known - {id(shard) for table in sharded for shard in table.variables}) | {id(table) for table in sharded}
    found = {"/".join(part.name for part in paths[t]).replace(".", "/"): t for t in trackables if id(t) in known}
    return {name: found[name] for name in sorted(found)}


def weight_values(model: keras.Model) -> dict[str, np.ndarray]:
    """Values of `named_weights`, by name."""
    found = {}
    for name, weight in named_weights(model).items():
        shards = weight.variables if isinstance(weight, ShardedVariable) else [weight]
        found[name] = np.concatenate([shard.numpy() for shard in shards]) if len(shards) > 1 else shards[0].numpy()
    return found


def assign_weights(model: keras.Model, values: Mapping[str, np.ndarray]) -> None:
    """Sets all of `named_weights`.

    Raises:
      KeyError: `values` lacks one.
    """
    for name, weight in named_weights(model).items():
        if isinstance(weight, ShardedVariable):
            first = 0
            for shard in weight.variables:
                shard.assign(values[name][first : first + shard.shape[0]])
                first += shard.shape[0]
        else:
            weight.assign(values[name])


def table_of(model: keras.Model) -> dict[str, str]:
    """Which table's rows a weight has in axis 0: names as in `named_weights`, to `Feature.table`.

    Weights that belong to no table (dense layers) are left out.
    """
    tables = {}
    for layer in model.submodules:
        if hasattr(layer, "row_tables") and getattr(layer, "built", True):
            tables.update({id(variable): table for variable, table in layer.row_tables()})
    return {name: tables[id(weight)] for name, weight in named_weights(model).items() if id(weight) in tables}
