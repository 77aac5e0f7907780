"""The transform graph: each encoding against its definition, and what it may not touch."""

from __future__ import annotations

import math
import pathlib

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from hypothesis import given, settings
from hypothesis import strategies as st

from scenerank.components.transform import raw
from scenerank.components.transform.graph import TransformGraph
from scenerank.components.transform.preprocessing import _age_bucket, resolved_features
from scenerank.schemas import FAIRNESS, HISTORY_LENGTH, Declaration
from tests.components import tiny

ROWS = 600


@pytest.fixture(scope="module")
def batch() -> pa.RecordBatch:
    return tiny.table(ROWS)


@pytest.fixture(scope="module")
def output(batch: pa.RecordBatch, tmp_path_factory: pytest.TempPathFactory) -> tft.TFTransformOutput:
    return tft.TFTransformOutput(tiny.transform(tmp_path_factory.mktemp("transform"), batch))


def transform(output: tft.TFTransformOutput, serialized: list[bytes]) -> dict[str, tf.Tensor | tf.RaggedTensor]:
    spec = raw.feature_spec(tiny.DECLARATION)
    return TransformGraph(output, spec)(tf.io.parse_example(tf.constant(serialized), spec))


@pytest.fixture(scope="module")
def features(output: tft.TFTransformOutput, batch: pa.RecordBatch) -> dict[str, tf.Tensor | tf.RaggedTensor]:
    return transform(output, tiny.serialize(batch))


def test_outputs_are_the_features_and_nothing_else(features, output):
    expected = resolved_features(tiny.DECLARATION, output)
    assert set(features) == {f.name for f in expected.features} | {HISTORY_LENGTH}
    for feature in expected.features:
        value = features[feature.name]
        assert value.dtype == (tf.int64 if feature.categorical else tf.float32)
        assert isinstance(value, tf.RaggedTensor) == feature.sequence
        if feature.categorical:
            flat = value.flat_values if feature.sequence else value
            assert int(tf.reduce_min(flat)) >= 0 and int(tf.reduce_max(flat)) < feature.size


def test_vocabulary_rows_follow_frequency_then_value(features, output, batch):
    values, counts = np.unique(batch.column("brand").to_pylist(), return_counts=True)
    expected = [v for n, v in sorted(zip(counts, values), reverse=True) if n >= 3]
    assert [v.decode() for v in output.vocabulary_by_name("brand")] == expected
    rows = {v: 1 + i for i, v in enumerate(expected)}
    np.testing.assert_array_equal(features["brand"], [rows.get(v, 0) for v in batch.column("brand").to_pylist()])


def test_integers_are_values_of_vocabularies_too(features, output, batch):
    rows = {int(v): 1 + i for i, v in enumerate(output.vocabulary_by_name("level"))}
    np.testing.assert_array_equal(features["level"], [rows[v] for v in batch.column("level").to_pylist()])


def test_hash_depends_on_the_value_alone(features, batch):
    users = tf.strings.to_hash_bucket_fast(tf.strings.as_string(batch.column("user").to_numpy()), 64)
    np.testing.assert_array_equal(features["user"], users)


def test_buckets_hold_equal_shares(features):
    shares = np.bincount(features["price"], minlength=4) / ROWS
    np.testing.assert_allclose(shares, 0.25, atol=0.02)


def test_numeric_is_standardized_after_the_logarithm(features, batch):
    logs = np.log1p(batch.column("mass").to_numpy())
    np.testing.assert_allclose(features["mass"], (logs - logs.mean()) / logs.std(), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(features["hour"], batch.column("hour").to_numpy().astype(np.float32))


def test_behaviors_are_encoded_as_the_target(output):
    """A row whose only behavior is its own item and scenario has the same numbers twice."""
    one = {
        "scenario": ["s1"], "item": ["i3"], "brand": ["b1"], "price": [7.5], "mass": [0.3],
        "history_scenario": [["s1"]], "history_item": [["i3"]], "history_brand": [["b1"]],
        "history_price": [[7.5]], "history_mass": [[0.3]], "history_type": [["buy"]], "history_age_s": [[7.0]],
    }  # fmt: skip
    single = {"price", "mass", "history_price", "history_mass", "history_age_s"}
    columns = {}
    for name, value in one.items():
        kind = pa.float32() if name in single else pa.string()
        columns[name] = pa.array(value, pa.list_(kind) if name.startswith("history") else kind)
    encoded = transform(output, tiny.serialize(pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))))
    for name in ("scenario", "item", "brand", "price", "mass"):
        assert encoded[f"history_{name}"].to_list() == [[encoded[name].numpy()[0]]]
    assert encoded["history_type"].to_list() == [[2]]
    assert encoded["history_age_s"].to_list() == [[3]]


def test_the_latest_behaviors_are_kept(features, batch):
    lengths = np.array([len(h) for h in batch.column("history_item").to_pylist()])
    np.testing.assert_array_equal(features[HISTORY_LENGTH], np.minimum(lengths, 6))
    row = int(np.argmax(lengths))
    last = tf.strings.to_hash_bucket_fast(batch.column("history_item")[row].as_py()[-6:], 128)
    np.testing.assert_array_equal(features["history_item"][row], last)


def test_absent_columns_take_their_defaults(output):
    encoded = transform(output, [b""])
    level = [v.decode() for v in output.vocabulary_by_name("level")]
    assert int(encoded["level"][0]) == 1 + level.index("3")
    assert int(encoded["scenario"][0]) == 0
    assert float(encoded["rate_clicked_item"][0]) == 0.0
    dense = raw.densify(encoded, resolved_features(tiny.DECLARATION, output))
    assert dense["history_item"].shape == (1, 1) and int(dense[HISTORY_LENGTH][0]) == 0


def test_labels_weights_and_coefficients_are_not_inputs(output):
    graph = TransformGraph(output, raw.feature_spec(tiny.DECLARATION))
    names = {node.name for node in graph._pruned.graph.as_graph_def().node if node.op == "Placeholder"}
    fed = len(tf.nest.flatten(tf.io.parse_example([b""], raw.feature_spec(tiny.DECLARATION)), expand_composites=True))
    captured = len(graph._pruned.captured_inputs)
    assert len(names) == fed + captured
    assert not {"clicked", "importance", FAIRNESS} & set(raw.feature_spec(tiny.DECLARATION))


def test_a_column_of_a_later_declaration_is_refused(output):
    with pytest.raises(ValueError, match="without colour: run Transform again"):
        TransformGraph(output, ["colour"])


def test_analysis_twice_gives_the_same_vocabularies_and_numbers(output, batch, features, tmp_path):
    again = tft.TFTransformOutput(tiny.transform(tmp_path, batch))
    for name in ("scenario", "level", "brand"):
        assert again.vocabulary_by_name(name) == output.vocabulary_by_name(name)
    for name, value in transform(again, tiny.serialize(batch)).items():
        first = features[name]
        if isinstance(value, tf.RaggedTensor):
            first, value = first.flat_values, value.flat_values
        np.testing.assert_array_equal(value, first)


def test_a_vocabulary_without_values_still_serves(batch, tmp_path):
    fields = tiny.DECLARATION.model_dump()
    for column in fields["columns"]:
        if column["name"] == "brand":
            column["encoding"]["min_count"] = 10**6
    declaration = Declaration.model_validate(fields)
    folder = tiny.analyse(tiny.split(tmp_path, "train", batch.slice(0, 50)), tmp_path / "transform", declaration)
    output = tft.TFTransformOutput(folder)
    assert not np.any(transform(output, tiny.serialize(batch.slice(0, 50)))["brand"])
    assert resolved_features(declaration, output)["brand"].size >= 1


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.integers(0, 2**40), st.integers(0, 31).map(lambda p: 2**p - 1), st.integers(0, 31).map(lambda p: 2**p))
)
def test_age_bucket_is_the_floored_logarithm(seconds: int):
    value = np.float32(1) + np.float32(seconds)
    expected = min(31, math.frexp(float(value))[1] - 1)
    assert int(_age_bucket(tf.constant([seconds], tf.float32))[0]) == expected


@pytest.mark.slow
def test_stock_component_gives_the_same_graph(batch, features, tmp_path: pathlib.Path):
    """Through TFX's own executor, with the properties that the component sets."""
    from google.protobuf import text_format
    from tfx.components.transform.executor import Executor
    from tfx.components.util import examples_utils
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.proto import example_gen_pb2
    from tfx.types.artifact_utils import encode_split_names
    from tfx.types.standard_artifacts import Examples, Schema
    from tfx.types.standard_artifacts import TransformGraph as Graph
    from tfx.utils import json_utils

    from scenerank.schemas.tfmd import schema

    examples, described, graph = Examples(), Schema(), Graph()
    for artifact, name in ((examples, "examples"), (described, "schema"), (graph, "graph")):
        artifact.uri = str(tmp_path / name)
    tiny.split(tmp_path / "examples", "train", batch)
    tiny.split(tmp_path / "examples", "eval", batch.slice(0, 20))
    examples.split_names = encode_split_names(["train", "eval"])
    examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/schema.pbtxt").write_text(text_format.MessageToString(schema(tiny.DECLARATION, fairness=True)))
    context = BaseBeamExecutor.Context(tmp_dir=str(tmp_path / "tmp"), unique_id="1")
    Executor(context).Do(
        {"examples": [examples], "schema": [described]},
        {"transform_graph": [graph]},
        {
            "preprocessing_fn": "scenerank.components.transform.preprocessing.preprocessing_fn",
            "custom_config": json_utils.dumps(tiny.CONFIG),
            "force_tf_compat_v1": 0,
            "disable_statistics": 1,
        },
    )
    for name, value in transform(tft.TFTransformOutput(graph.uri), tiny.serialize(batch)).items():
        first = features[name]
        if isinstance(value, tf.RaggedTensor):
            first, value = first.flat_values, value.flat_values
        np.testing.assert_allclose(value, first, rtol=1e-5)
