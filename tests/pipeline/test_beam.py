"""Options of Beam's runners: what Beam itself makes of them."""

import pytest
from apache_beam.options.pipeline_options import (
    DebugOptions,
    FlinkRunnerOptions,
    GoogleCloudOptions,
    JobServerOptions,
    PipelineOptions,
    PortableOptions,
    SetupOptions,
    SparkRunnerOptions,
    StandardOptions,
    WorkerOptions,
)
from tfx.utils import dependency_utils

from scenerank.errors import ConfigurationError
from scenerank.pipeline.beam import BeamSettings, options
from scenerank.pipeline.config import load_config

IMAGE = "registry/scenerank:1"
CASES = {
    "portable": {"job_endpoint": "jobs:8099", "environment": "external", "worker_pool": "localhost:50001"},
    "flink": {"job_endpoint": "jobs:8099", "parallelism": 64, "worker_processes": 4, "staging_location": "s3://b/s"},
    "spark": {"master": "spark://m:7077", "job_server_jar": "/jars/spark.jar", "environment": "loopback"},
    "dataflow": {
        "project": "p", "region": "r", "temp_location": "gs://b/t", "staging_location": "gs://b/s", "workers": 3,
        "max_workers": 9, "machine_type": "n2-highmem-4", "service_account": "a@b", "subnetwork": "n",
    },
}  # fmt: skip
EXPECTED = {
    "portable": [
        (PortableOptions, {"job_endpoint": "jobs:8099", "environment_type": "EXTERNAL",
                           "environment_config": "localhost:50001", "job_server_timeout": 86400}),
        (WorkerOptions, {"sdk_container_image": IMAGE}),
    ],
    "flink": [
        (PortableOptions, {"job_endpoint": "jobs:8099", "environment_type": "DOCKER", "environment_config": IMAGE,
                           "sdk_worker_parallelism": "4"}),
        (FlinkRunnerOptions, {"parallelism": 64, "flink_master": "[auto]"}),
        (JobServerOptions, {"artifacts_dir": "s3://b/s"}),
    ],
    "spark": [
        (PortableOptions, {"job_endpoint": None, "environment_type": "LOOPBACK", "environment_config": None}),
        (SparkRunnerOptions, {"spark_master_url": "spark://m:7077", "spark_job_server_jar": "/jars/spark.jar"}),
    ],
    "dataflow": [
        (GoogleCloudOptions, {"project": "p", "region": "r", "temp_location": "gs://b/t",
                              "staging_location": "gs://b/s", "service_account_email": "a@b"}),
        (WorkerOptions, {"sdk_container_image": IMAGE, "num_workers": 3, "max_num_workers": 9,
                         "machine_type": "n2-highmem-4", "subnetwork": "n"}),
        (SetupOptions, {"sdk_location": "container"}),
    ],
}  # fmt: skip


def settings(runner, **more):
    return BeamSettings(runner=runner, **{**CASES[runner], **more})


def parsed(arguments):
    """As Beam reads them; an option that it does not know is an error."""
    found = PipelineOptions(arguments)
    known = set(found.get_all_options(retain_unknown_options=False))
    assert {a.lstrip("-").partition("=")[0] for a in arguments} <= known | {"extra_package", "worker_machine_type"}
    return found


@pytest.mark.parametrize("runner", CASES)
def test_beam_reads_what_was_set(runner):
    found = parsed(options(settings(runner), IMAGE))
    assert found.view_as(StandardOptions).runner.lower() == f"{runner}runner"
    for view, values in EXPECTED[runner]:
        assert {name: getattr(found.view_as(view), name) for name in values} == values
    assert found.view_as(DebugOptions).lookup_experiment("disable_logging_submission_environment")


@pytest.mark.parametrize("runner", CASES)
def test_tfx_packs_nothing(runner, monkeypatch):
    def pack():
        raise AssertionError("an sdist of TFX is built")

    monkeypatch.setattr(dependency_utils, "build_ephemeral_package", pack)
    arguments = options(settings(runner), IMAGE)
    assert dependency_utils.make_beam_dependency_flags(arguments) == arguments
    alone = options(BeamSettings(args=("--direct_num_workers=2",)), IMAGE)
    assert dependency_utils.make_beam_dependency_flags(alone) == alone


def test_in_process_needs_no_option():
    assert options(BeamSettings(), IMAGE) == []


def test_arguments_come_last_and_win():
    found = options(settings("flink", args=("--parallelism=7", "--setup_file=./setup.py")), IMAGE)
    assert found[-2:] == ["--parallelism=7", "--setup_file=./setup.py"]
    assert parsed(found).view_as(FlinkRunnerOptions).parallelism == 7


@pytest.mark.parametrize("more", ["--setup_file=./setup.py", "--extra_packages=a.whl", "--sdk_container_image=other"])
def test_a_package_named_by_the_user_is_the_only_one(more):
    found = options(settings("portable", args=(more,)), IMAGE)
    assert [a for a in found if "image=" in a or "setup" in a or "package" in a] == [more]


def test_a_package_is_staged_where_workers_lack_it():
    found = parsed(options(settings("flink", package="dist/scenerank.whl"), IMAGE))
    assert found.view_as(SetupOptions).extra_packages == ["dist/scenerank.whl"]


def test_the_image_is_that_of_the_cluster_unless_another_is_named():
    config = load_config("simulator", ("beam.runner=flink", "cluster.container.image=a:1"))
    assert "--environment_config=a:1" in config.beam_options
    config = load_config("simulator", ("beam.runner=flink", "beam.image=b:2", "cluster.container.image=a:1"))
    assert "--environment_config=b:2" in config.beam_options


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("beam.runner=portable",), "beam: runner portable needs job_endpoint: set it"),
        (("beam.runner=dataflow", "beam.project=p"), "beam: runner dataflow needs region: set it"),
        (("beam.runner=flink", "beam.master=http://m:1", "beam.job_endpoint=j:1"), "set it or job_endpoint, not both"),
        (("beam.runner=samza",), "beam.runner: "),
    ],
)
def test_incomplete_settings_are_refused(overrides, sentence):
    with pytest.raises(ConfigurationError, match=sentence.replace(".", r"\.")):
        load_config("simulator", overrides)
