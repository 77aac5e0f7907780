"""The client against TF Serving's protocols over a trained SavedModel, and against TF Serving where there is one.

Set TF_MODEL_SERVER to the path of a `tensorflow_model_server` for the second.
"""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import yaml
from click.testing import CliRunner

from scenerank.components.pusher.releases import release, rollback
from scenerank.components.pusher.settings import PusherSettings
from scenerank.components.pusher.tf_serving import configure, write
from scenerank.components.workspace import Workspace
from scenerank.errors import ConfigurationError, ServiceError
from scenerank.pipeline.cli.main import main
from scenerank.pipeline.config import load_config
from scenerank.pipeline.serving.client import Client
from scenerank.pipeline.serving.columns import columns
from tests.components import tiny
from tests.pipeline.model_server import BINARY, Guard, binary, in_process, patient

ROWS = tiny.table(2000).slice(1700, 40)
OLD, NEW = 2024030301, 2024030401
protocols = pytest.mark.parametrize("rest", [False, True], ids=["grpc", "rest"])


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("config")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(json.loads(tiny.DECLARATION.model_dump_json(exclude_unset=True))))
    (folder / "config.yaml").write_text("declaration: tiny.yaml\n")
    return str(folder / "config.yaml")


@pytest.fixture
def workspace(tmp_path):
    """Two versions in service, of which one before."""
    found = Workspace(str(tmp_path / "w"))
    for version in (OLD, NEW):
        found.copy(str(tiny.trained() / "run/model/Format-Serving"), found.model(version))
    configure(found, "tiny", PusherSettings())
    return found


@pytest.fixture(
    params=[
        "in process",
        pytest.param("binary", marks=pytest.mark.skipif(not BINARY, reason="TF_MODEL_SERVER names no binary")),
    ]
)
def server(request, workspace, config, loaded):
    running = in_process(workspace, loaded) if request.param == "in process" else binary(workspace, load_config(config))
    with running as address:
        yield address


@pytest.fixture(scope="module")
def inputs():
    import pyarrow as pa

    return columns(tiny.DECLARATION, pa.Table.from_batches([ROWS]))


@pytest.fixture(scope="module")
def loaded():
    return dict.fromkeys((OLD, NEW), tf.saved_model.load(str(tiny.trained() / "run/model/Format-Serving")))


@pytest.fixture(scope="module")
def signatures(loaded):
    return loaded[NEW].signatures


def client(server, rest, **options):
    port = server.rest if rest else server.grpc
    return Client("localhost", "tiny", port, rest=rest, **{"timeout": 60.0, **options})


def request_of(inputs, row=0):
    """The user, scenario and history of a row, and the items of all."""
    names = tiny.DECLARATION.candidate_columns
    asked = {name: value[row] for name, value in inputs.items() if name not in names}
    return asked, {name: value for name, value in inputs.items() if name in names}


@protocols
def test_rows_score_as_the_saved_model_scores_them(server, inputs, signatures, rest):
    expected = signatures["predict"](**{name: tf.constant(value) for name, value in inputs.items()})
    found = client(server, rest).score(inputs)
    assert found.probability.dtype == np.float32
    np.testing.assert_allclose(found.probability, expected["probability"], atol=1e-6)
    assert found.version == (None if rest else NEW)


@protocols
def test_candidates_are_ranked_as_rows_are(server, inputs, signatures, rest):
    request, candidates = request_of(inputs, 3)
    flat = {name: np.repeat(np.asarray(value)[np.newaxis], len(ROWS), 0) for name, value in request.items()}
    expected = signatures["predict"](**{name: tf.constant(value) for name, value in {**flat, **candidates}.items()})
    found = client(server, rest, label="stable").rank(request, candidates).probability
    np.testing.assert_allclose(found, expected["probability"], atol=1e-6)
    assert np.ptp(found) > 0.01


@protocols
def test_plain_values_will_do(server, inputs, rest):
    request, candidates = request_of(inputs, 3)
    asked = client(server, rest)
    plain = asked.rank(
        *({n: np.asarray(value).tolist() for n, value in part.items()} for part in (request, candidates))
    )
    np.testing.assert_allclose(plain.probability, asked.rank(request, candidates).probability, atol=1e-6)


def test_an_older_version_answers_after_a_rollback(server, workspace, inputs):
    asked = client(server, False, label="stable")
    assert asked.score(inputs).version == NEW
    rollback(workspace)
    write(workspace)
    patient(lambda: asked.score(inputs).version == OLD)
    assert release(workspace).stable == OLD


@protocols
def test_what_a_server_refuses_is_one_sentence(server, inputs, rest):
    with pytest.raises(ServiceError, match=r"^localhost:\d+ refused predict of tiny \(canary\): [^\n]*canary[^\n]*$"):
        client(server, rest, label="canary").score(inputs)
    lacking = {name: value for name, value in inputs.items() if name != "item"}
    with pytest.raises(ServiceError, match=r"^localhost:\d+ refused predict of tiny: [^\n]*item[^\n]*$"):
        client(server, rest).score(lacking)


@protocols
def test_a_late_answer_is_given_up(workspace, loaded, inputs, rest):
    with in_process(workspace, loaded, seconds=2.0) as server:
        words = r"^localhost:\d+ did not answer for tiny within 0.3 s: raise the timeout$"
        with pytest.raises(ServiceError, match=words):
            client(server, rest, timeout=0.3).score(inputs)


@protocols
def test_a_server_that_is_not_there(inputs, rest):
    with pytest.raises(ServiceError, match=r"^localhost:1 "):
        Client("localhost", "tiny", 1, rest=rest, timeout=5.0).score(inputs)


@pytest.mark.parametrize("options", [(), ("--rest",), ("--rank",), ("--rank", "--rest")])
def test_command_asks_for_the_rows_of_a_file(workspace, loaded, config, tmp_path, inputs, options):
    file = pathlib.Path(tmp_path, "rows.jsonl")
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS.to_pylist()))
    with in_process(workspace, loaded) as server:
        port = server.rest if "--rest" in options else server.grpc
        given = ["-c", config, "--input", str(file), "--port", str(port), "--timeout", "60", *options]
        answer = CliRunner().invoke(main, ["ask", *given])
        assert answer.exit_code == 0, answer.output
        found = [json.loads(line) for line in answer.output.splitlines()]
        asked = client(server, False)
        expected = asked.rank(*request_of(inputs)) if "--rank" in options else asked.score(inputs)
    order = np.argsort(-expected.probability, kind="stable") if "--rank" in options else np.arange(len(ROWS))
    items = ROWS.column("item").to_pylist()
    np.testing.assert_allclose([row["probability"] for row in found], expected.probability[order], atol=2e-6)
    assert [row["item"] for row in found] == [items[i] for i in order]


@pytest.fixture
def guarded(workspace, loaded, tmp_path):
    """A server behind TLS that wants a token, and its guard."""
    guard = Guard(tmp_path)
    with in_process(workspace, loaded, guard=guard) as address:
        yield address, guard


@protocols
def test_encrypted_with_a_token_it_answers_as_ever(guarded, inputs, signatures, rest):
    address, guard = guarded
    known = {"authorities": str(guard.certificate), "metadata": {"Authorization": guard.authorization}}
    expected = signatures["predict"](**{name: tf.constant(value) for name, value in inputs.items()})
    found = client(address, rest, **known).score(inputs)
    np.testing.assert_allclose(found.probability, expected["probability"], atol=1e-6)


@protocols
def test_who_is_not_known_is_not_answered(guarded, inputs, rest):
    address, guard = guarded
    for options, told in (
        ({"authorities": str(guard.certificate)}, "who are you"),
        ({"tls": True, "metadata": {"authorization": guard.authorization}, "timeout": 5.0}, "localhost"),
        ({"metadata": {"authorization": guard.authorization}, "timeout": 5.0}, "localhost"),
    ):
        with pytest.raises(ServiceError, match=told) as refused:
            client(address, rest, **options).score(inputs)
        assert "\n" not in str(refused.value)


def test_authorities_that_are_none_are_named(tmp_path):
    (tmp_path / "no.pem").write_text("no")
    for path in (tmp_path / "no.pem", tmp_path / "absent.pem"):
        with pytest.raises(ConfigurationError, match=f"{path} is no PEM file of authorities"):
            Client("localhost", "tiny", authorities=str(path))


@protocols
def test_the_command_sends_the_token(guarded, config, tmp_path, rest, monkeypatch):
    import pyarrow as pa

    address, guard = guarded
    pa.parquet.write_table(pa.Table.from_batches([ROWS]), tmp_path / "rows.parquet")
    monkeypatch.setenv("SCENERANK_TOKEN", guard.authorization.removeprefix("Bearer "))
    port = address.rest if rest else address.grpc
    asked = ["score", "-c", config, "--input", str(tmp_path / "rows.parquet"), "--port", str(port), "--timeout", "60"]
    asked += ["--tls", "--ca", str(guard.certificate), "--metadata", "x-request-id=7", *(["--rest"] if rest else [])]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0 and len(done.output.splitlines()) == ROWS.num_rows, done.output
    assert CliRunner().invoke(main, [*asked, "--metadata", "none"]).exit_code == 2
