"""What manifests do against harm: the restricted Pod Security Standard, who reaches pods, drained nodes, secrets."""

from __future__ import annotations

import shlex

import pytest
import yaml
from click.testing import CliRunner

from scenerank.components.pusher.tf_serving import configure
from scenerank.components.workspace import Workspace
from scenerank.errors import ConfigurationError
from scenerank.pipeline.cli.main import main
from scenerank.pipeline.config import load_config
from tests.pipeline.kubernetes_client import typed

SPREAD = ("--set", "trainer.strategy=multi_worker", "--set", "trainer.cluster.workers=3")
CLAIM = ("--set", "cluster.serving.volume_claim=w")


@pytest.fixture
def printed(tmp_path):
    """Manifests of a command that prints some."""

    def call(command, *more):
        workspace = Workspace(str(tmp_path / "w"))
        configure(workspace, "simulator", load_config("simulator").pusher)
        own = {"deploy": ("-w", workspace.root, *CLAIM), "schedule": ("-w", "gs://b/w")}
        own["distribute"] = ("-w", "gs://b/w", "--day", "2024-03-02", *SPREAD)
        done = CliRunner().invoke(main, [command, "-c", "simulator", *own[command], *more])
        assert done.exit_code == 0, done.output
        return done.output if "--docker" in more else list(yaml.safe_load_all(done.output))

    return call


def pods(manifests):
    """(labels, spec) of each pod that manifests have made."""
    for manifest in manifests:
        spec = manifest.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            yield spec["template"]["metadata"]["labels"], spec["template"]["spec"]


@pytest.mark.parametrize("command", ["deploy", "schedule", "distribute"])
def test_pods_have_no_more_rights_than_the_restricted_standard_gives(printed, command):
    manifests = printed(command)
    assert list(pods(manifests))
    for _, pod in pods(manifests):
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 1000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod["automountServiceAccountToken"]
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            writable = [m["mountPath"] for m in container["volumeMounts"] if not m.get("readOnly")]
            assert writable == ["/tmp"] and {"name": "HOME", "value": "/tmp"} in container["env"]
        assert {"name": "tmp", "emptyDir": {}} in pod["volumes"]


@pytest.mark.parametrize(("command", "reached"), [("deploy", [8500, 8501]), ("schedule", []), ("distribute", [2222])])
def test_pods_are_reached_where_they_answer_and_nowhere_else(printed, command, reached):
    manifests = printed(command)
    (policy,) = [manifest for manifest in manifests if manifest["kind"] == "NetworkPolicy"]
    (budget,) = [manifest for manifest in manifests if manifest["kind"] == "PodDisruptionBudget"]
    assert typed(policy) == policy and typed(budget) == budget
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    assert [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]] == reached
    for labels, _ in pods(manifests):
        for guard in (policy["spec"]["podSelector"], budget["spec"]["selector"]):
            assert guard["matchLabels"].items() <= labels.items()


def test_a_service_account_keeps_its_token(printed):
    ((_, pod),) = pods(printed("schedule", "--set", "cluster.service_account=runner"))
    assert pod["automountServiceAccountToken"]


def test_docker_listens_on_this_machine_alone_unless_told(printed):
    line = shlex.split(printed("deploy", "--docker"))
    assert [value for flag, value in zip(line, line[1:]) if flag == "-p"] == [
        "127.0.0.1:8500:8500", "127.0.0.1:8501:8501"
    ]  # fmt: skip
    assert "--read-only" in line and line[line.index("--cap-drop") + 1] == "ALL"
    assert line[line.index("--user") + 1] == "1000:1000"
    told = shlex.split(printed("deploy", "--docker", "--set", "cluster.serving.docker_address=0.0.0.0"))
    assert "0.0.0.0:8500:8500" in told


@pytest.mark.parametrize("name", ["DB_PASSWORD", "API_KEY", "github_token", "AWS_SECRET_ACCESS_KEY", "CREDENTIALS"])
@pytest.mark.parametrize("where", ["container", "serving.container"])
def test_secrets_are_no_plain_values(name, where):
    with pytest.raises(ConfigurationError, match=f"{name} is named like a secret.*secret/key"):
        load_config("simulator", (f"cluster.{where}.environment={{{name}: abc}}",))
    kept = load_config("simulator", (f"cluster.{where}.secrets={{{name}: store/key}}",))
    assert "store/key" in kept.model_dump_json()


def test_paths_of_credentials_and_other_variables_are_plain():
    given = "cluster.container.environment={GOOGLE_APPLICATION_CREDENTIALS: /run/key.json, TOKENIZERS: x, LEVEL: '3'}"
    config = load_config("simulator", (given,))
    assert "/run/key.json" not in str(config.recorded) and config.recorded["cluster"]["namespace"] == "default"
