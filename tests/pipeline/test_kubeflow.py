import json
import pathlib

import pytest
import yaml
from click.testing import CliRunner
from google.protobuf import json_format
from kfp import components as kfp_components
from kfp.pipeline_spec import pipeline_spec_pb2

from scenerank.errors import ConfigurationError, ExitCode
from scenerank.pipeline.cli.main import main
from scenerank.pipeline.cluster import container
from scenerank.pipeline.cluster.kubeflow import compile_pipeline
from scenerank.pipeline.config import load_config

SETTINGS = (
    "cluster.container={image: 'registry/scenerank:1', cpu: 1.5, memory: 2G, environment: {A: one}, cache: true}",
    "cluster.components.Trainer={image: 'registry/gpu:1', cpu: 8, memory: 32Gi, gpus: 2, node_selector: {pool: gpu}, "
    "environment: {B: two}, secrets: {KEY: bucket/key, ID: bucket/id, TOKEN: other/t}, retries: 3, cache: false}",
    "beam.args=[--runner=FlinkRunner]",
)
BEAM = {"LogExampleGen", "StatisticsGen", "FairnessCoefficient", "Transform", "Evaluator"}


def compiled(*overrides, part="all"):
    return list(yaml.safe_load_all(compile_pipeline(load_config("simulator", overrides), "gs://bucket/w", part)))


@pytest.fixture(scope="module")
def documents():
    return compiled(*SETTINGS)


@pytest.fixture(scope="module")
def specification(documents):
    return documents[0]


def container_of(specification, name):
    return specification["deploymentSpec"]["executors"][f"{name}_executor"]["container"]


def test_the_client_loads_it(documents, tmp_path):
    (tmp_path / "p.yaml").write_text(yaml.safe_dump_all(documents))
    loaded = kfp_components.load_component_from_file(str(tmp_path / "p.yaml"))
    assert list(loaded.component_spec.inputs) == ["day"]
    assert not loaded.component_spec.inputs["day"].optional


def test_it_is_what_the_messages_of_kubeflow_allow(documents):
    """Raises ParseError where a field has another name or type."""
    specification, platform = documents
    parsed = json_format.ParseDict(specification, pipeline_spec_pb2.PipelineSpec())
    deployment = json_format.ParseDict(specification["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
    told = json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
    assert parsed.schema_version == "2.1.0"
    assert set(told.platforms["kubernetes"].deployment_spec.executors) <= set(deployment.executors)


def test_nothing_in_it_needs_more_than_containers(specification):
    """Open-source Kubeflow Pipelines runs neither resolvers nor drivers, and its templates begin with `{{`."""
    for told in specification["deploymentSpec"]["executors"].values():
        assert set(told) == {"container"}
        assert "lifecycle" not in told["container"]
    constants = json.dumps([task["inputs"] for task in specification["root"]["dag"]["tasks"].values()])
    assert "{{" not in constants


def test_the_day_is_its_one_parameter(specification):
    assert specification["root"]["inputDefinitions"]["parameters"] == {"day": {"parameterType": "STRING"}}
    tasks = specification["root"]["dag"]["tasks"]
    asked = {name for name, task in tasks.items() if "day" in task["inputs"].get("parameters", {})}
    assert {"LogExampleGen", "ServedModel", "ExamplesWindow", "DayPublisher", "Pusher"} <= asked
    assert all(tasks[name]["inputs"]["parameters"]["day"] == {"componentInputParameter": "day"} for name in asked)
    assert specification["defaultPipelineRoot"] == "gs://bucket/w/tfx"


def test_ingestion_alone_ends_with_the_published_day(specification):
    tasks = set(specification["root"]["dag"]["tasks"])
    alone = set(compiled(part="ingestion")[0]["root"]["dag"]["tasks"])
    assert "DayPublisher" in alone
    training = {"ExamplesWindow", "Transform", "Trainer", "ChampionModel", "Evaluator", "Blesser", "Pusher"}
    assert tasks - alone == training


def test_settings_of_all_containers(specification):
    told = container_of(specification, "StatisticsGen")
    assert told["image"] == "registry/scenerank:1"
    assert told["resources"] == {"cpuRequest": 1.5, "cpuLimit": 1.5, "memoryRequest": 2.0, "memoryLimit": 2.0}
    assert {v["name"]: v["value"] for v in told["env"]} == {"TF_USE_LEGACY_KERAS": "1", "A": "one"}
    task = specification["root"]["dag"]["tasks"]["StatisticsGen"]
    assert task["cachingOptions"] == {"enableCache": True}
    assert "retryPolicy" not in task


def test_settings_of_one_component(documents):
    specification, platform = documents
    told = container_of(specification, "Trainer")
    assert told["image"] == "registry/gpu:1"
    assert told["resources"]["cpuLimit"] == 8
    assert told["resources"]["memoryLimit"] == pytest.approx(32 * 2**30 / 1e9)
    assert told["resources"]["accelerator"] == {"type": "nvidia.com/gpu", "count": "2"}
    assert {v["name"]: v["value"] for v in told["env"]} == {"TF_USE_LEGACY_KERAS": "1", "B": "two"}
    task = specification["root"]["dag"]["tasks"]["Trainer"]
    assert task["cachingOptions"] == {"enableCache": False}
    assert task["retryPolicy"]["maxRetryCount"] == 3
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors == {
        "Trainer_executor": {
            "nodeSelector": {"labels": {"pool": "gpu"}},
            "secretAsEnv": [
                {
                    "secretName": "bucket",
                    "keyToEnv": [{"secretKey": "key", "envVar": "KEY"}, {"secretKey": "id", "envVar": "ID"}],
                },
                {"secretName": "other", "keyToEnv": [{"secretKey": "t", "envVar": "TOKEN"}]},
            ],
        }
    }


def test_options_of_beam_reach_its_components(specification):
    assert all("--runner=FlinkRunner" in container_of(specification, name)["args"] for name in BEAM)


def test_one_document_where_the_platform_is_told_nothing():
    assert len(compiled()) == 1


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("cluster.components={Trainers: {cpu: 2}}", ("cluster.components.Trainers", "Trainer", "Pusher")),
        ("fairness={first_day: two_pass, numerator: score}", ("fairness.first_day", "scenerank run")),
    ],
)
def test_refused(override, words):
    with pytest.raises(ConfigurationError) as error:
        compiled(override)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("override", ["cluster.container.secrets={K: name}", "cluster.container.memory=8 GB"])
def test_settings_are_checked(override):
    with pytest.raises(ConfigurationError, match="cluster.container"):
        load_config("simulator", (override,))


def test_command(tmp_path):
    def call(*arguments):
        return CliRunner().invoke(main, ["compile", "-c", "simulator", *arguments])

    out = tmp_path / "deep" / "p.yaml"
    missing = call("--out", str(out))
    assert missing.exit_code == ExitCode.USAGE
    assert "cluster.workspace" in missing.output
    assert call("--out", "p.json", "-w", "gs://b/w").exit_code == ExitCode.USAGE
    done = call("--out", str(out), "--set", "cluster.workspace=gs://b/w/")
    assert done.exit_code == 0, done.output
    assert "note" not in done.output
    assert yaml.safe_load(out.read_text())["defaultPipelineRoot"] == "gs://b/w/tfx"
    assert "gs://" in call("--out", str(out), "-w", str(tmp_path)).output


def invocation(specification, task, folder, day="2024-03-02-1", types=""):
    """Arguments of a container as Kubeflow starts it: types of input artifacts are empty."""
    component = specification["components"][task]
    inputs = {
        name: {"artifacts": [{"uri": f"{folder}/in/{name}", "type": {"instanceSchema": types}}]}
        for name in component["inputDefinitions"]["artifacts"]
    }
    outputs = {
        name: {"artifacts": [{"uri": f"{folder}/out/{name}", "type": told["artifactType"]}]}
        for name, told in component["outputDefinitions"]["artifacts"].items()
    }
    given = {
        "inputs": {"artifacts": inputs, "parameterValues": {"day": day}},
        "outputs": {"artifacts": outputs, "outputFile": f"{folder}/output.json"},
    }
    return [part.replace("{{$}}", json.dumps(given)) for part in container_of(specification, task)["args"]]


def test_a_container_prepares_what_tfx_wants(specification, tmp_path):
    arguments = container.prepared(invocation(specification, "DayPublisher", tmp_path))
    given = json.loads(arguments[arguments.index(container.INVOCATION) + 1])
    assert given["inputs"]["parameterValues"]["day"] == "2024-03-01"
    for name, told in specification["components"]["DayPublisher"]["inputDefinitions"]["artifacts"].items():
        assert given["inputs"]["artifacts"][name]["artifacts"][0]["type"] == told["artifactType"]
    assert pathlib.Path(tmp_path, "out", "published").is_dir()


def test_types_that_are_there_stay(specification, tmp_path):
    arguments = container.prepared(invocation(specification, "DayPublisher", tmp_path, types="title: tfx.File"))
    given = json.loads(arguments[arguments.index(container.INVOCATION) + 1])
    assert given["inputs"]["artifacts"]["verdict"]["artifacts"][0]["type"] == {"instanceSchema": "title: tfx.File"}


def test_custom_artifacts_are_found_by_the_names_in_the_pipeline(specification):
    import importlib

    titles = {
        yaml.safe_load(told["artifactType"]["instanceSchema"])["title"]
        for component in specification["components"].values()
        for told in component["outputDefinitions"]["artifacts"].values()
    }
    ours = {title for title in titles if title.startswith("scenerank.")}
    assert len(ours) >= 4
    for title in ours:
        module, _, name = title.rpartition(".")
        assert title == getattr(importlib.import_module(module), name).TYPE_NAME


def test_a_refusal_is_one_sentence(specification, tmp_path, capsys):
    from scenerank.errors import ExitCode

    code = container.main(invocation(specification, "DayPublisher", tmp_path, day="[[ScheduledTime.2006-01-02]]"))
    assert code == ExitCode.REFUSED
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("scenerank: ")]
    assert "CronJob" in line
