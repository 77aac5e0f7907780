"""The weights that a trained model gives the behaviors of a day's examples."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import tensorflow as tf

from scenerank.components import storage
from scenerank.components.trainer.checkpoint.weights import WEIGHTS, read_arrays
from scenerank.components.transform.example_reader import ExampleReader
from scenerank.components.transform.raw import DTYPES
from scenerank.errors import WorkspaceError
from scenerank.models.base import RankingModel, named_weights
from scenerank.models.registry import MODELS, build_model
from scenerank.pipeline.drawing.page import Missing
from scenerank.pipeline.report.run import Run
from scenerank.schemas.declaration import HISTORY_LENGTH

READ = 24_000
"""Examples that are looked through."""


def measure(run: Run, weights: str, graph: str, per_scenario: int) -> tuple[np.ndarray, ...]:
    """Runs the candidate on a sample of the day's examples.

    Args:
      weights, graph: URIs of the trained weights and of Transform's output.
      per_scenario: impressions of a scenario at most.

    Returns:
      current, behavior, weight, length: what `attention.summarize` takes.

    Raises:
      Missing: a model without attention, or a day without histories.
    """
    reader = ExampleReader.of(run.declaration, graph)
    model = _model(run, reader, weights)
    sample = _sample(run, per_scenario)
    history = run.declaration.history
    if history is None or not sample:
        raise Missing("The day's examples have no behaviors to attend to.")
    scenario = run.declaration.scenario.name
    parts: list[tuple[np.ndarray, ...]] = []
    dataset = tf.data.Dataset.from_tensor_slices(sample).batch(1024)
    for serialized in dataset:
        features, _, _ = reader.dense(*reader.element(serialized))
        length = features[HISTORY_LENGTH].numpy()
        weight = model.attention_weights(features).numpy()
        parsed = tf.io.parse_example(serialized, _scenario_spec(run))
        # the newest behaviors are the ones that the model sees
        names = parsed[f"history_{scenario}"][:, -history.length :]
        parts.append(
            (
                _text(parsed[scenario].numpy()),
                _text(names.flat_values.numpy()),
                weight[np.arange(weight.shape[1]) < length[:, None]],
                length,
            )
        )
    return tuple(np.concatenate(column) for column in zip(*parts))


def _model(run: Run, reader: ExampleReader, weights: str) -> RankingModel:
    """The candidate with its weights."""
    settings = run.config.get("trainer")
    if settings is None:
        raise Missing("Neither the run's record nor a pushed version tells the settings of the model.")
    if run.model_name not in MODELS:
        raise Missing(f"Nothing is known of a model {run.model_name!r}.")
    model = build_model(run.model_name, reader.features, settings.get("model_settings", {}))
    require_attention(model)
    arrays = read_arrays(f"{weights}/{WEIGHTS}")
    for name, variable in named_weights(model).items():
        variable.assign(arrays[f"serving/{name}"])
    return model


def require_attention(model: RankingModel) -> None:
    """Raises:
    Missing: a model without attention over behaviors.
    """
    extract = getattr(model, "extract", None)
    if not hasattr(model, "attention_weights") or extract is None:
        raise Missing(f"The model {model.registered} has no attention over behaviors.")
    if not extract.scores:
        raise Missing("The model averages the behaviors: its attention is switched off.")


def _scenario_spec(run: Run) -> dict[str, tf.io.FixedLenFeature | tf.io.RaggedFeature]:
    column = run.declaration.scenario
    kind = DTYPES[column.type]
    return {
        column.name: tf.io.FixedLenFeature([], kind, column.fill),
        f"history_{column.name}": tf.io.RaggedFeature(kind, row_splits_dtype=tf.int64),
    }


def _sample(run: Run, per_scenario: int) -> list[bytes]:
    """Serialized examples with a history, at most `per_scenario` of a scenario, from all files alike."""
    try:
        folder = f"{run.workspace.day('examples', run.day)}/examples"
    except (FileNotFoundError, WorkspaceError):
        raise Missing(f"The examples of {run.day} are no longer published.") from None
    files = storage.expand([f"{folder}/*.gz"])
    if not files:
        raise Missing(f"The examples of {run.day} are no longer published.")
    records = tf.data.Dataset.from_tensor_slices(files).interleave(
        lambda file: tf.data.TFRecordDataset(file, compression_type="GZIP"), cycle_length=len(files)
    )
    name = run.declaration.scenario.name
    taken: dict[bytes | int, int] = {}
    chosen = []
    for serialized in records.take(READ).batch(8192):
        parsed = tf.io.parse_example(serialized, _scenario_spec(run))
        known = parsed[f"history_{name}"].row_lengths().numpy() > 0
        for scenario, row, has_history in zip(parsed[name].numpy().tolist(), serialized.numpy(), known):
            if has_history and taken.get(scenario, 0) < per_scenario:
                taken[scenario] = taken.get(scenario, 0) + 1
                chosen.append(row)
    return chosen


def _text(values: np.ndarray) -> np.ndarray:
    """Names, whether they are bytes or numbers; object `[N]`."""
    if values.dtype != object:
        return values.astype(str).astype(object)
    encoded = pa.array(values, pa.binary()).dictionary_encode()
    names = np.array([name.decode("utf-8", "replace") for name in encoded.dictionary.to_pylist()], object)
    return names[encoded.indices.to_numpy(zero_copy_only=False)] if len(names) else values
