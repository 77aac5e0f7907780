"""The SavedModel: what it answers, and what is not in it."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from scenerank.components.export.serving import EXAMPLES, PREDICT, RANK, export, predict_signature
from scenerank.components.export.warmup import PATH, requests
from scenerank.components.storage import expand
from scenerank.components.trainer.checkpoint.weights import Weights
from scenerank.components.trainer.input.in_memory import load
from scenerank.components.transform.example_reader import ExampleReader
from scenerank.models.base import named_weights
from scenerank.models.layers.folding import foldable
from scenerank.models.registry import build_model
from scenerank.schemas import HISTORY_LENGTH, Declaration
from tests.components import tiny


@pytest.fixture(scope="module")
def folder() -> pathlib.Path:
    return tiny.trained()


@pytest.fixture(scope="module")
def saved(folder) -> str:
    return str(folder / "run/model/Format-Serving")


@pytest.fixture(scope="module")
def loaded(saved):
    return tf.saved_model.load(saved)


@pytest.fixture(scope="module")
def rows() -> pa.RecordBatch:
    return tiny.table(2000).slice(1700)


@pytest.fixture(scope="module")
def serialized(rows) -> tf.Tensor:
    return tf.constant(tiny.serialize(rows))


def answer(loaded, signature: str, **inputs: tf.Tensor) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in loaded.signatures[signature](**inputs).items()}


def columns(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """Inputs of `predict` for these examples."""
    proto = requests(tiny.DECLARATION, list(serialized.numpy()))[1]
    return {name: tf.constant(tf.make_ndarray(value)) for name, value in proto.inputs.items()}


def test_scores_are_those_of_the_trainer(folder, loaded, serialized):
    """The model rebuilt from the training weights, on rows read as the Trainer reads them."""
    weights = Weights.read(str(folder / "run/model_run/weights"))
    reader = ExampleReader.of(tiny.DECLARATION, str(folder / "transform"))
    serving = build_model("sar_net", weights.features, tiny.SMALL)
    for name, variable in named_weights(serving).items():
        variable.assign(weights.arrays[f"serving/{name}"])
    tiny_rows = load(reader, expand([str(folder / "Split-eval/*")]))
    features, _, _ = next(iter(tiny_rows.evaluation(1)))
    files = tf.data.TFRecordDataset(expand([str(folder / "Split-eval/*")]), compression_type="GZIP")
    examples = tf.constant([record.numpy() for record in files])
    history = json.loads((folder / "run/model_run/weights/history.json").read_text())
    own = np.array(history["intercepts"], np.float32)[features["scenario"].numpy()]
    expected = tf.sigmoid(serving(features) + own).numpy()
    assert expected.std() > 0.02 and np.abs(own).max() > 0.05
    np.testing.assert_allclose(answer(loaded, EXAMPLES, examples=examples)["probability"], expected, atol=1e-6)


def test_both_signatures_agree(loaded, serialized, rows):
    one = answer(loaded, EXAMPLES, examples=serialized)
    other = answer(loaded, PREDICT, **columns(serialized))
    np.testing.assert_allclose(other["probability"], one["probability"], atol=1e-6)
    assert one["probability"].dtype == np.float32 and one["probability"].shape == (len(rows),)
    for found in (one, other):
        assert [value.decode() for value in found["scenario"]] == rows.column("scenario").to_pylist()


def listed(candidates: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The candidates of one request as `rank` takes them."""
    return {name: value[tf.newaxis] for name, value in candidates.items()}


@pytest.mark.parametrize("row", range(6))
def test_ranking_scores_as_if_the_request_were_written_out_for_every_candidate(loaded, serialized, row):
    inputs = columns(serialized)
    candidates = {name: inputs[name] for name in tiny.DECLARATION.candidate_columns}
    asked = {name: value[row : row + 1] for name, value in inputs.items() if name not in candidates}
    found = answer(loaded, RANK, **asked, **listed(candidates))
    count = serialized.shape[0]
    flat = {name: tf.repeat(value, count, 0) for name, value in asked.items()}
    expected = answer(loaded, PREDICT, **flat, **candidates)["probability"]
    assert expected.std() > 0.01
    np.testing.assert_allclose(found["probability"], expected[np.newaxis], atol=1e-6)
    np.testing.assert_array_equal(found["item"], candidates[tiny.DECLARATION.item.name][tf.newaxis])
    nothing = {name: value[:0] for name, value in candidates.items()}
    assert answer(loaded, RANK, **asked, **listed(nothing))["probability"].shape == (1, 0)


def test_requests_that_are_joined_into_a_batch_score_as_alone(loaded, serialized):
    """TF Serving pads what is shorter; inputs of a signature must then have equal first dimensions."""
    inputs = columns(serialized)
    names = tiny.DECLARATION.candidate_columns
    asked = {name: value[:3] for name, value in inputs.items() if name not in names}
    candidates = {name: tf.reshape(inputs[name][:30], [3, 10]) for name in names}
    together = answer(loaded, RANK, **asked, **candidates)["probability"]
    for i in range(3):
        one = {name: value[i : i + 1] for name, value in (asked | candidates).items()}
        np.testing.assert_allclose(answer(loaded, RANK, **one)["probability"][0], together[i], atol=1e-6)
    for signature in (EXAMPLES, PREDICT, RANK):
        taken = loaded.signatures[signature].structured_input_signature[1]
        assert all(spec.shape.rank and spec.shape[0] is None for spec in taken.values())


def test_padding_is_never_read(loaded, serialized):
    inputs = columns(serialized)
    expected = answer(loaded, PREDICT, **inputs)["probability"]
    real = tf.sequence_mask(inputs[HISTORY_LENGTH])
    for name in [d.name for d in tiny.DECLARATION.history_columns]:
        junk = tf.fill(real.shape, "junk" if inputs[name].dtype == tf.string else tf.constant(9e9, tf.float32))
        inputs[name] = tf.where(
            real, inputs[name], tf.cast(junk, inputs[name].dtype) if junk.dtype != tf.string else junk
        )
    np.testing.assert_allclose(answer(loaded, PREDICT, **inputs)["probability"], expected, atol=1e-6)


def test_a_row_does_not_depend_on_its_batch(loaded, serialized):
    together = answer(loaded, EXAMPLES, examples=serialized[:20])["probability"]
    alone = [answer(loaded, EXAMPLES, examples=serialized[i : i + 1])["probability"][0] for i in range(20)]
    np.testing.assert_allclose(alone, together, atol=1e-6)


def example(**values: list) -> bytes:
    out = tf.train.Example()
    for name, value in values.items():
        kind = {str: "bytes_list", float: "float_list", int: "int64_list"}[type(value[0])]
        encoded = [v.encode() for v in value] if kind == "bytes_list" else value
        getattr(out.features.feature[name], kind).value.extend(encoded)
    return out.SerializeToString()


LONG = {"float32": [1.0] * 500, "string": ["x"] * 500}
USUAL = {"scenario": ["s1"], "user": [3], "level": [1], "item": ["i1"], "brand": ["b1"], "price": [1.0], "mass": [1.0]}
USUAL |= {"hour": [3]}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"scenario": ["never seen"], "item": ["never seen"], "brand": ["never seen"]},
        {"price": [3e38], "mass": [-3e38], "user": [-(2**63)]},
        {d.name: LONG[d.type] for d in tiny.DECLARATION.history_columns},
    ],
    ids=["usual", "unseen", "extreme", "long history"],
)
def test_odd_rows_are_served(loaded, values):
    served = example(**{**USUAL, **values})
    found = answer(loaded, EXAMPLES, examples=tf.constant([served, served]))["probability"]
    assert found.shape == (2,) and np.all(np.isfinite(found)) and np.all((found > 0) & (found < 1))


def test_no_rows_are_served(loaded):
    assert answer(loaded, EXAMPLES, examples=tf.constant([], tf.string))["probability"].shape == (0,)


def test_inputs_are_those_declared(loaded):
    _, taken = loaded.signatures[PREDICT].structured_input_signature
    expected = predict_signature(tiny.DECLARATION)
    assert {n: (s.dtype, s.shape.rank) for n, s in taken.items()} == {
        n: (s.dtype, s.shape.rank) for n, s in expected.items()
    }
    assert list(loaded.signatures[EXAMPLES].structured_input_signature[1]) == ["examples"]


def test_nothing_of_training_is_in_the_file(folder, saved):
    """No label, weight or coefficient, no weight of the bias nets, no op that draws, drops or differentiates."""
    text = b"".join(path.read_bytes() for path in pathlib.Path(saved).rglob("*") if path.is_file())
    for word in (b"clicked", b"importance", b"fairness", b"bias_net", b"bought", b"shelf", b"pushed"):
        found = text.replace(b"rate_clicked_item", b"").lower()
        assert word not in found, word
    graph = saved_model_pb2.SavedModel.FromString((pathlib.Path(saved) / "saved_model.pb").read_bytes())
    meta = graph.meta_graphs[0].graph_def
    ops = {node.op for node in meta.node} | {node.op for f in meta.library.function for node in f.node_def}
    ops.discard("StopGradient")  # an identity, in the softmax over behaviors
    assert not [op for op in ops if "Random" in op or "Dropout" in op or "Grad" in op or op.startswith("ResourceApply")]
    weights = Weights.read(str(folder / "run/model_run/weights"))
    model = build_model("sar_net", weights.features, tiny.SMALL)
    for name, variable in named_weights(model).items():
        variable.assign(weights.arrays[f"serving/{name}"])
    model.fold()
    folded = [constant for part in foldable(model) for constant in part.folded]
    assert folded
    serving = {variable.numpy().tobytes() for variable in (*model.weights, *folded)}
    stored = tf.train.load_checkpoint(f"{saved}/variables/variables")
    shapes = stored.get_variable_to_shape_map()
    kept = [name for name in shapes if name.startswith("weights/")]
    assert kept and all(stored.get_tensor(name).tobytes() in serving for name in kept)
    assert not [name for name in shapes if not name.startswith(("weights/", "_CHECKPOINTABLE", "save_counter"))]


LONELY = """
import sys, json
sys.path.insert(0, {site!r})
import tensorflow as tf
for name in ("models", "components", "schemas"):
    try:
        __import__(name)
    except ImportError:
        continue
    raise SystemExit(f"{{name}} can be imported")
loaded = tf.saved_model.load({saved!r})
records = tf.data.TFRecordDataset({file!r}, compression_type="GZIP")
out = loaded.signatures["serving_default"](examples=tf.constant([r.numpy() for r in records]))
print(json.dumps(out["probability"].numpy().tolist()))
"""


@pytest.mark.slow
def test_runs_where_the_project_is_not_installed(folder, saved, loaded):
    """A bare interpreter: no site packages but TensorFlow's folder, whose .pth files are not read."""
    file = expand([str(folder / "Split-eval/*")])[0]
    site = str(pathlib.Path(tf.__file__).parents[1])
    code = LONELY.format(site=site, saved=saved, file=file)
    found = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, cwd="/")
    assert found.returncode == 0, found.stderr[-2000:]
    examples = tf.constant([r.numpy() for r in tf.data.TFRecordDataset(file, compression_type="GZIP")])
    expected = answer(loaded, EXAMPLES, examples=examples)["probability"]
    np.testing.assert_allclose(json.loads(found.stdout.splitlines()[-1]), expected, atol=1e-6)


def test_warm_up_requests_can_be_replayed(saved, loaded):
    """As TF Serving does: inputs by name to the signature that the request names."""
    seen = []
    for record in tf.data.TFRecordDataset(f"{saved}/{PATH}"):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
        found = answer(loaded, request.model_spec.signature_name, **inputs)["probability"]
        seen.append((request.model_spec.signature_name, found.size))
        assert len({len(value) for value in inputs.values()}) == 1  # else a server that joins requests refuses them
        assert np.all(np.isfinite(found))
    assert seen == [(EXAMPLES, 5), (PREDICT, 5), (RANK, 5), (EXAMPLES, 1), (PREDICT, 1), (RANK, 1)]


@pytest.mark.slow
def test_a_data_set_without_histories_rates_and_weights(rows, tmp_path):
    fields = tiny.DECLARATION.model_dump()
    fields.update(history=None, rates=None, columns=[c for c in fields["columns"] if c["group"] != "weight"])
    plain = Declaration.model_validate(fields)
    folder = tiny.analyse(tiny.split(tmp_path, "train", rows), tmp_path / "transform", plain)
    reader = ExampleReader.of(plain, folder)
    store = load(reader, expand([str(tmp_path / "Split-train/*")]))
    features, label, weight = next(iter(store.training(1, seed=0)))
    assert store.clicks == int(tf.reduce_sum(label)) and float(tf.reduce_min(weight)) == 1.0
    serving = build_model("sar_net", reader.features, tiny.SMALL)
    export(serving, reader, str(tmp_path / "saved"))
    asked = {
        name: tf.zeros([3], spec.dtype) for name, spec in predict_signature(plain).items() if spec.dtype != tf.string
    }
    asked.update({n: tf.fill([3], "b1") for n, spec in predict_signature(plain).items() if spec.dtype == tf.string})
    found = answer(tf.saved_model.load(str(tmp_path / "saved")), PREDICT, **asked)
    assert found["probability"].shape == (3,) and np.all(np.isfinite(found["probability"]))
