"""What every model is, and how its weights are addressed."""

from __future__ import annotations

import collections
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import tensorflow as tf
import tf_keras as keras

from scenerank.models.compat import ShardedVariable, is_sharded, shards_of
from scenerank.models.layers import folding
from scenerank.models.layers.scenario_routing import ScenarioRoutes, route, single_route
from scenerank.models.settings import ModelSettings
from scenerank.schemas.declaration import HISTORY_LENGTH
from scenerank.schemas.features import FeatureSet


class RankingModel(keras.Model):
    """A serving model: features to the logit of a click. Built from a feature set alone.

    Subclasses create their layers in `__init__`, compute in `call(features, training)`, and say of themselves:
      registered: how configurations call the model.
      paper: where it was published.
      settings_class: its settings.
      needs: what a feature set must have.
      without_noise: settings under which a training step draws no random numbers.
    What only training needs belongs in the object that `models.training.training_model` returns.

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
        """Scenario of each row, int64 `[B]` in `[0, scenarios)`; 0, unknown, for an index that has no row."""
        scenario = tf.cast(features[self.features.scenario], tf.int64)
        return tf.where((scenario >= 0) & (scenario < self.features.scenarios), scenario, 0)

    def routes(self, features: Mapping[str, tf.Tensor]) -> ScenarioRoutes:
        """Routes the rows through what belongs to scenarios."""
        scenario = self.scenario_of(features)
        return single_route(scenario) if shares_history(features) else route(scenario, self.features.scenarios)

    def fold(self) -> None:
        """Computes ahead what inference derives from weights alone, see `layers.folding`; undone by `unfold`."""
        folding.fold(self)

    def unfold(self) -> None:
        """Takes `fold` back."""
        folding.unfold(self)

    def output_biases(self) -> list[tf.Variable]:
        """Names the biases that the logit contains once each, directly or in a mean of logits; a subclass's own."""
        return []

    def start_at(self, click_rate: float) -> None:
        """Shifts a fresh model's logits so that it predicts about `click_rate`, in (0, 1), for everything.

        Otherwise the first hundreds of steps learn little else.
        """
        logit = math.log(click_rate / (1.0 - click_rate))
        for bias in self.output_biases():
            bias.assign_add(tf.fill(bias.shape, logit))

    def training_class(self) -> type[keras.Model] | None:
        """Names the subclass of `models.training.TrainingModel` that trains this model; None: that class itself.

        A subclass whose training has losses or layers of its own names it.
        """
        return None

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "features": self.features.to_json(), "settings": self.settings.model_dump()}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> RankingModel:
        model = cls(**config)
        model.build_weights()
        return model


def shares_history(features: Mapping[str, tf.Tensor]) -> bool:
    """Tells whether rows are candidates of one request, with one history, as in `RankingModel`'s call arguments."""
    return HISTORY_LENGTH in features and features[HISTORY_LENGTH].shape.rank == 0


def example_batch(features: FeatureSet, rows: int, length: int) -> dict[str, tf.Tensor]:
    """Makes inputs of the right keys, types and shapes, all 0 and with empty histories."""
    batch = {}
    for feature in features.features:
        shape = (rows, length) if feature.sequence else (rows,)
        batch[feature.name] = tf.zeros(shape, tf.int64 if feature.categorical else tf.float32)
    if features.history_length:
        batch[HISTORY_LENGTH] = tf.zeros((rows,), tf.int64)
    return batch


def input_signature(features: FeatureSet, request: bool = False) -> dict[str, tf.TensorSpec]:
    """Specifies a model's inputs, batch and history length left open.

    Args:
      request: whether the rows share their history.
    """
    shared = {*(f.name for f in features.features if f.sequence), HISTORY_LENGTH} if request else set()
    return {
        name: tf.TensorSpec([None] * (tensor.shape.rank - (name in shared)), tensor.dtype, name=name)
        for name, tensor in example_batch(features, 1, 1).items()
    }


def named_weights(model: keras.Model) -> dict[str, tf.Variable | ShardedVariable]:
    """Finds all weights of a model, trainable or not, by a name that is the same in every process; no metric's state.

    A name is the path of attributes to the weight, e.g. `embedding/table_user_id` or `gate/dense/kernel`.
    Embedding tables and per-scenario tables have the table's rows in axis 0, see `table_of`. A table that lies on
    several parameter servers is one weight.
    """
    metrics = {id(variable) for metric in model.metrics for variable in metric.variables}
    known = {id(weight) for weight in model.weights} - metrics
    parts = tracked_parts(model)
    sharded = [part for part in parts.values() if is_sharded(part) and id(shards_of(part)[0]) in known]
    known = (known - {id(shard) for table in sharded for shard in shards_of(table)}) | {id(table) for table in sharded}
    return {name: parts[name] for name in sorted(parts) if id(parts[name]) in known}


def tracked_parts(model: keras.Model) -> dict[str, Any]:
    """Finds all that a checkpoint of the model would hold, by the shortest path of attributes to it, each part once."""
    view = tf.train.TrackableView(model)
    names, ahead = {id(model): ""}, collections.deque([model])
    parts: dict[str, Any] = {"": model}
    while ahead:
        part = ahead.popleft()
        for name, child in view.children(part).items():
            if id(child) not in names:
                path = f"{names[id(part)]}/{name}".lstrip("/").replace(".", "/")
                names[id(child)] = path
                parts[path] = child
                ahead.append(child)
    return parts


def weight_values(model: keras.Model) -> dict[str, np.ndarray]:
    """Reads the values of `named_weights`, by name."""
    found = {}
    for name, weight in named_weights(model).items():
        shards = [shard.numpy() for shard in shards_of(weight)]
        found[name] = np.concatenate(shards) if len(shards) > 1 else shards[0]
    return found


def assign_weights(model: keras.Model, values: Mapping[str, np.ndarray]) -> None:
    """Sets all of `named_weights`.

    Raises:
      KeyError: `values` lacks one.
    """
    for name, weight in named_weights(model).items():
        if not is_sharded(weight):
            weight.assign(values[name])
            continue
        first = 0
        for shard in shards_of(weight):
            shard.assign(values[name][first : first + shard.shape[0]])
            first += shard.shape[0]


def table_of(model: keras.Model) -> dict[str, str]:
    """Says which table's rows a weight has in axis 0: names as in `named_weights`, to `Feature.table`.

    Weights that belong to no table (dense layers) are left out.
    """
    tables = {}
    for layer in model.submodules:
        if hasattr(layer, "row_tables") and getattr(layer, "built", True):
            tables.update({id(variable): table for variable, table in layer.row_tables()})
    return {name: tables[id(weight)] for name, weight in named_weights(model).items() if id(weight) in tables}
