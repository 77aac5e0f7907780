"""The schema that a declaration yields, by those who read it: TFDV, Transform and the parsers."""

from __future__ import annotations

import pyarrow as pa
import pytest

# isort: split
import tensorflow as tf
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import schema_utils
from tfx_bsl.tfxio import tf_example_record

from scenerank.components.log_example_gen.writing.tf_example import encode
from scenerank.schemas import FAIRNESS, bundled, load_declaration, tfmd
from tests.components.ingestion import declare, put, row, run


@pytest.mark.parametrize("name", bundled())
def test_every_bundled_declaration_has_one(name):
    declaration = load_declaration(name)
    proto = tfmd.schema(declaration, fairness=True)
    assert {f.name for f in proto.feature} == {*declaration.example_schema.names, FAIRNESS}
    text_format.Parse(text_format.MessageToString(proto), schema_pb2.Schema())


def test_histories_are_ragged_and_the_rest_scalars():
    specs = schema_utils.schema_as_feature_spec(tfmd.schema(declare())).feature_spec
    assert isinstance(specs["history_item"], tf.io.RaggedFeature)
    assert specs["history_price"].dtype == tf.float32
    for name in ("click", "price", "note", "rate_click_item", "count_user_scene"):
        assert specs[name].shape == [] and isinstance(specs[name], tf.io.FixedLenFeature)
    parsed = tf.io.parse_example(tf.constant(_records()), specs)
    assert parsed["history_item"].to_list() == [[], [b"i1"], [b"i1", b"i1"]]
    assert parsed["click"].numpy().tolist() == [1, 1, 0]


def test_transforms_readers_see_ragged_tensors():
    io = tf_example_record.TFExampleRecord("none", schema=tfmd.schema(declare()), telemetry_descriptors=["test"])
    tensors = io.TensorAdapter().TypeSpecs()
    assert isinstance(tensors["history_item"], tf.RaggedTensorSpec)
    assert tensors["price"] == tf.TensorSpec([None], tf.float32)


def test_clean_days_have_no_anomaly(tmp_path):
    rows = [row(i, user=f"u{i % 3}", click=i % 2, price=None if i % 5 else 0.0, note=None) for i in range(30)]
    put(tmp_path, rows)
    result = run(tmp_path)
    written = text_format.Parse(result.schema, schema_pb2.Schema())
    assert written == tfmd.schema(declare())
    assert not _anomalies(result, written)
    assert not _anomalies(run_first_day(tmp_path / "first"), written)


def run_first_day(workspace):
    """No behavior at all, so that every history is empty."""
    put(workspace, [row(i, click=0) for i in range(5)])
    return run(workspace)


def test_broken_promises_are_anomalies(tmp_path):
    put(tmp_path, [row(i, age=60 + i, click=i % 2) for i in range(10)])
    columns = declare().model_dump()["columns"]
    next(c for c in columns if c["name"] == "age")["max"] = 65
    schema = tfmd.schema(declare(columns=columns), fairness=True)
    assert set(_anomalies(run(tmp_path), schema)) == {"age", FAIRNESS}


def test_a_null_s_default_is_within_its_domain():
    columns = declare().model_dump()["columns"]
    for column in columns:
        if column["name"] == "price":
            column.update(min=2.0, default=-1.0)
        if column["name"] == "note":
            column.update(values=("a", "b"))
    features = {f.name: f for f in tfmd.schema(declare(columns=columns)).feature}
    assert features["price"].float_domain.min == features["history_price"].float_domain.min == -1.0
    assert list(features["note"].string_domain.value) == ["a", "b", ""]


def test_serving_needs_features_only():
    absent = {f.name for f in tfmd.schema(declare(), fairness=True).feature if tfmd.SERVING in f.not_in_environment}
    assert absent == {"time_ms", "click", FAIRNESS}


def _anomalies(result, schema) -> dict:
    statistics = tfdv.generate_statistics_from_tfrecord(f"{result.out}/examples/Split-day/*")
    return dict(tfdv.validate_statistics(statistics, schema, environment=tfmd.TRAINING).anomaly_info)


def _records() -> list[bytes]:
    declaration = declare()
    rows = []
    for n, click in enumerate((1, 1, 0)):
        example = {f.name: [] if pa.types.is_list(f.type) else 0.5 for f in declaration.example_schema}
        example.update({k: v for k, v in row(n, click=click).items() if k != "buy"})
        for column in declaration.history_columns:
            value = {"int64": 1, "float32": 1.0, "string": "i1"}[column.type]
            example[column.name] = [value] * n
        rows.append(example)
    return encode(pa.RecordBatch.from_pylist(rows, schema=declaration.example_schema))
