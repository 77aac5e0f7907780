"""What starts TF Serving: manifests that Kubernetes' own client knows, and places that agree with models.config."""

import re
import shlex

import pytest
import yaml
from click.testing import CliRunner
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from scenerank.components.pusher.tf_serving import BATCHING, MODELS, configure
from scenerank.components.workspace import Workspace
from scenerank.pipeline.cli.main import main
from scenerank.pipeline.config import load_config
from scenerank.pipeline.serving.manifests import CONFIGURATION
from tests.pipeline.kubernetes_client import typed

KINDS = {"Deployment", "Service", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget"}
CLAIM = ("--set", "cluster.serving.volume_claim=clicks")


@pytest.fixture
def workspace(tmp_path):
    """One version, pushed as the simulator's configuration has it."""
    found = Workspace(str(tmp_path / "w"))
    found.write_text(f"{found.model(2024030201)}/saved_model.pb", "graph")
    configure(found, "simulator", load_config("simulator").pusher)
    return found


def deploy(workspace, *args):
    return CliRunner().invoke(main, ["deploy", "-c", "simulator", "-w", getattr(workspace, "root", workspace), *args])


def manifests(workspace, *args):
    answer = deploy(workspace, *args)
    assert answer.exit_code == 0, answer.output
    return {found["kind"]: found for found in yaml.safe_load_all(answer.output)}


def told(workspace):
    text = workspace.read_text(workspace.uri(*MODELS))
    (model,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    return model


def options(arguments):
    return dict(argument.removeprefix("--").split("=", 1) for argument in arguments)


def test_kubernetes_client_reads_every_field(workspace):
    found = manifests(workspace, *CLAIM, "--set", "cluster.serving.max_replicas=5")
    assert found.keys() == KINDS
    for manifest in found.values():
        assert typed(manifest) == manifest


def test_servers_look_where_models_config_says(workspace):
    spec = manifests(workspace, *CLAIM)["Deployment"]["spec"]
    (server,) = spec["template"]["spec"]["containers"]
    mounts = {mount["mountPath"]: mount for mount in server["volumeMounts"] if mount["name"] == "workspace"}
    assert mounts[told(workspace).base_path]["subPath"] == "models"
    asked = options(server["args"])
    for option, parts in (("model_config_file", MODELS), ("batching_parameters_file", BATCHING)):
        folder, name = asked[option].rsplit("/", 1)
        assert workspace.exists(workspace.uri(mounts[folder]["subPath"], name)) and name == parts[1]
    assert all(mount["readOnly"] for mount in mounts.values())
    assert int(asked["model_config_file_poll_wait_seconds"]) > 0 and asked["enable_batching"] == "true"


def test_ports_and_probes_are_those_of_the_model(workspace):
    found = manifests(workspace, *CLAIM, "--set", "cluster.serving.rest_port=9001")
    spec = found["Deployment"]["spec"]
    (server,) = spec["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in server["ports"]}
    asked = options(server["args"])
    assert ports == {"grpc": int(asked["port"]), "rest": int(asked["rest_api_port"])} and ports["rest"] == 9001
    service = found["Service"]["spec"]
    assert {port["targetPort"]: port["port"] for port in service["ports"]} == ports
    assert service["selector"] == spec["template"]["metadata"]["labels"] == spec["selector"]["matchLabels"]
    for probe in ("readinessProbe", "startupProbe", "livenessProbe"):
        get = server[probe]["httpGet"]
        assert get["port"] == "rest" and get["path"].startswith(f"/v1/models/{told(workspace).name}")
    assert server["readinessProbe"]["httpGet"]["path"].endswith("/labels/stable/metadata")
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert server["resources"]["limits"] == server["resources"]["requests"] == {"cpu": "4", "memory": "8Gi"}


def test_docker_mounts_the_folders_of_the_workspace(workspace):
    line = shlex.split(deploy(workspace, "--docker").output)
    mounts = [value for flag, value in zip(line, line[1:]) if flag == "-v"]
    assert mounts == [
        f"{workspace.uri('models')}:{told(workspace).base_path}:ro",
        f"{workspace.uri('serving')}:{CONFIGURATION}:ro",
    ]
    assert line.index("tensorflow/serving:2.21.0") == line.index("tensorflow_model_server") + 1
    assert options(line[line.index("tensorflow/serving:2.21.0") + 1 :])["port"] == "8500"


def test_versions_may_be_mounted_elsewhere(workspace):
    settings = load_config("simulator", ("pusher.base_path=/models",)).pusher
    configure(workspace, "simulator", settings)
    spec = manifests(workspace, *CLAIM, "--set", "pusher.base_path=/models", "--set", "cluster.serving.volume_path=a/b")
    (server,) = spec["Deployment"]["spec"]["template"]["spec"]["containers"]
    places = {mount["mountPath"]: mount["subPath"] for mount in server["volumeMounts"] if "subPath" in mount}
    assert places == {"/models": "a/b/models", CONFIGURATION: "a/b/serving"} and told(workspace).base_path == "/models"


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ((), 2, "cluster.serving.volume_claim: pods have no .*/models"),
        ((*CLAIM, "--set", "pusher.base_path=/elsewhere"), 3, "models.config names .*/w/models and .* /elsewhere: run"),
        ((*CLAIM, "--set", "pusher.base_path=s3://bucket/models"), 2, "pusher.base_path: .* does not read s3://"),
        ((*CLAIM, "--set", "cluster.serving.max_replicas=1"), 2, "max_replicas, 1, is less than replicas, 2"),
    ],
)
def test_what_servers_could_not_read_is_refused(workspace, args, code, words):
    answer = deploy(workspace, *args)
    assert answer.exit_code == code
    assert re.search(words, answer.output), answer.output
