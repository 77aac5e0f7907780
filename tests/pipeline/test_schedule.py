import datetime
import os
import pathlib
import socket
import subprocess
import zoneinfo

import pytest
import yaml
from click.testing import CliRunner

from scenerank.errors import ExitCode
from scenerank.pipeline.cli.main import main
from scenerank.pipeline.config import load_config
from tests.pipeline.kubeflow_service import Service, serving
from tests.pipeline.kubernetes_client import typed

W = "gs://bucket/w"


def call(*arguments, code=0, config="simulator"):
    done = CliRunner().invoke(main, ["schedule", "-c", config, "-w", W, *arguments])
    assert done.exit_code == code, done.output
    return done.output


def scheduled(**settings):
    return [f"--set=cluster.schedule.{name}={value}" for name, value in settings.items()]


def manifests(text):
    return list(yaml.safe_load_all(text))


@pytest.fixture
def service():
    return Service()


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    path = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    path.write_text("pipelineInfo: {name: scenerank-simulator}\n")
    return path


@pytest.fixture
def made(service, pipeline):
    """Runs the command against the service; gives its answer."""
    with serving(service) as host:
        yield lambda *arguments, **options: call(
            "--host", host, "--pipeline", str(pipeline), *arguments, **options
        ).strip()


def only(service):
    (run,) = service.recurring.values()
    return run


# what is printed


def test_the_printed_text_is_a_manifest():
    config, job, *_ = manifests(call("--set", "cluster.service_account=runner", *scheduled(time_zone="Europe/Paris")))
    assert (config["kind"], job["kind"], job["apiVersion"]) == ("ConfigMap", "CronJob", "batch/v1")
    spec = job["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("0 4 * * *", "Europe/Paris", "Forbid")
    template = spec["jobTemplate"]["spec"]
    assert template["backoffLimit"] == 0
    pod = template["template"]["spec"]
    assert (pod["restartPolicy"], pod["serviceAccountName"]) == ("Never", "runner")
    (container,) = pod["containers"]
    assert container["image"] == "scenerank:0.1.0"
    (mount, _), (volume, _) = container["volumeMounts"], pod["volumes"]
    assert mount["name"] == volume["name"]
    assert volume["configMap"]["name"] == config["metadata"]["name"]
    assert f"--config {mount['mountPath']}/config.yaml" in container["command"][-1]


def test_kubernetes_client_reads_every_field():
    found = manifests(call(*scheduled(catch_up="true"), "--set=cluster.service_account=ranker"))
    assert [manifest["kind"] for manifest in found] == ["ConfigMap", "CronJob", "NetworkPolicy", "PodDisruptionBudget"]
    for manifest in found:
        assert typed(manifest) == manifest


def test_the_configuration_goes_along(tmp_path):
    from scenerank import schemas

    source = pathlib.Path(schemas.__file__).with_name("simulator.yaml").read_text()
    (tmp_path / "own.yaml").write_text(source)
    (tmp_path / "c.yaml").write_text("declaration: own.yaml\nwindow: {days: 3}\n")
    config, *_ = manifests(call("--set", "trainer.epochs=7", config=str(tmp_path / "c.yaml")))
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    for name, text in config["data"].items():
        (mounted / name).write_text(text)
    loaded = load_config(str(mounted / "config.yaml"))
    assert (loaded.window.days, loaded.trainer.epochs, loaded.declared.name) == (3, 7, "simulator")


def test_a_missed_run_is_started_on_the_day_it_belongs_to():
    deadlines = {
        at: manifests(call(*scheduled(cron=at, catch_up=catch_up)))[1]["spec"]["startingDeadlineSeconds"]
        for at, catch_up in (("30 4 * * *", "true"), ("30 23 * * *", "true"), ("0 4 * * *", "false"))
    }
    assert deadlines == {"30 4 * * *": int(18.5 * 3600), "30 23 * * *": 600, "0 4 * * *": 600}


def test_the_recurring_run_is_told_in_utc():
    text = call(*scheduled(time_zone="Asia/Shanghai", cron="30 4 * * *", lag_days=3))
    head = text[text.index("\n#   name:") : text.index("\n# crontab")]
    told = yaml.safe_load(head.replace("\n#   ", "\n"))
    assert told["cron"] == "0 30 20 * * *"
    assert told["day"] == "[[ScheduledTime.2006-01-02]]-2"  # the evening before in UTC, three days before here


def test_where_there_is_no_recurring_run_the_others_are_printed():
    text = call(*scheduled(time_zone="Europe/Paris"))
    assert "none: cluster.schedule.time_zone: Europe/Paris moves its clocks" in text
    assert len(manifests(text)) == 4


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_lines_of_shell_name_the_day(zone, tmp_path):
    """What cron and the CronJob would start, with a `scenerank` that only tells its arguments."""
    stub = tmp_path / "scenerank"
    stub.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    stub.chmod(0o755)
    text = call(*scheduled(time_zone=zone, lag_days=2))
    (line,) = [line for line in text.splitlines() if line.startswith("#   0 4 * * * ")]
    cron = line.removeprefix("#   0 4 * * * ").replace(r"\%", "%")
    pod = manifests(text)[1]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"]
    for command in (["sh", "-c", cron], pod):
        before, arguments, after = _day(zone), _told(command, tmp_path), _day(zone)
        assert arguments[:3] == ["run", "--workspace", W]
        assert arguments[-2] == "--day"
        assert arguments[-1] in (before, after)


def _day(zone):
    return (datetime.datetime.now(zoneinfo.ZoneInfo(zone)).date() - datetime.timedelta(days=2)).isoformat()


def _told(command, folder):
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"cron": "0 0 4 * * *"}, ("cluster.schedule.cron", "five fields")),
        ({"time_zone": "Mars/Olympus"}, ("cluster.schedule.time_zone", "Europe/Paris")),
    ],
)
def test_wrong_schedules(setting, words):
    text = call(*scheduled(**setting), code=ExitCode.USAGE)
    assert all(word in text for word in words)


# what is made


def test_made_once(made, service):
    assert made() == "recurring run scenerank-simulator was made"
    run = only(service)
    assert run["trigger"] == {"cron_schedule": {"cron": "0 0 4 * * *"}}
    assert run["runtime_config"]["parameters"] == {"day": "[[ScheduledTime.2006-01-02]]-1"}
    assert (run["max_concurrency"], run["no_catchup"], run["status"]) == ("1", False, "ENABLED")
    (identity,) = service.pipelines
    assert run["pipeline_version_reference"] == {"pipeline_id": identity}  # and so always the newest version
    assert [version["spec"] for version in service.versions[identity]] == [
        [{"pipelineInfo": {"name": "scenerank-simulator"}}]
    ]
    assert made() == "recurring run scenerank-simulator is as it should be"
    assert only(service) == run
    assert len(service.versions[identity]) == len(service.experiments) == 1


def test_a_changed_schedule_replaces_it(made, service):
    made("--set", "cluster.service_account=first")
    old = only(service)["recurring_run_id"]
    told = made(*scheduled(cron="30 5 * * *", catch_up="false"), "--set", "cluster.service_account=second")
    assert told == "recurring run scenerank-simulator was replaced"
    run = only(service)
    assert run["recurring_run_id"] != old
    assert run["trigger"]["cron_schedule"]["cron"] == "0 30 5 * * *"
    assert (run["no_catchup"], run["service_account"], run["status"]) == (True, "second", "ENABLED")
    assert max(service.active) == 1  # never two at once


def test_a_changed_pipeline_is_a_version(made, service, pipeline):
    text = pipeline.read_text()
    try:
        made()
        run = only(service)
        pipeline.write_text(text + "sdkVersion: other\n")
        assert made().endswith("is as it should be")
        pipeline.write_text(text)
        assert made().endswith("is as it should be")
    finally:
        pipeline.write_text(text)
    assert only(service) == run
    (versions,) = service.versions.values()
    assert [len(version["spec"][0]) for version in versions] == [1, 2, 1]


def test_disabled_by_a_person_it_stays_disabled(made, service):
    made()
    only(service)["status"] = "DISABLED"
    assert made().endswith("is as it should be; it is disabled, as it was found")
    assert made(*scheduled(cron="0 6 * * *")).endswith("was replaced; it is disabled, as it was found")
    assert only(service)["status"] == "DISABLED"


def test_where_the_new_one_is_refused_the_old_one_goes_on(made, service):
    made()
    run = dict(only(service))
    service.refuse.add("POST /recurringruns")
    text = made(*scheduled(cron="0 6 * * *"), code=ExitCode.USAGE)
    assert "refused with 400" in text
    assert "not today" in text
    assert "\n" not in text
    assert only(service) == run


def test_what_a_killed_command_left_is_put_in_order(made, service):
    made()
    run = only(service)
    service.recurring["old"] = {**run, "recurring_run_id": "old", "description": "another", "status": "ENABLED"}
    assert made().endswith("is as it should be")
    assert only(service) == run


def test_several_users(pipeline):
    service = Service(multi_user=True)
    with serving(service) as host:
        call("--host", host, "--pipeline", str(pipeline), "--set", "cluster.namespace=team")
    (experiment,) = service.experiments.values()
    assert experiment["namespace"] == "team"


def test_a_host_that_does_not_answer(pipeline):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{closed.getsockname()[1]}"
        text = call("--host", host, "--pipeline", str(pipeline), code=ExitCode.USAGE).strip()
    assert text.startswith(f"scenerank: --host {host} does not answer")
    assert "\n" not in text


def test_a_zone_that_kubeflow_cannot_tell(made):
    assert "moves its clocks" in made(*scheduled(time_zone="Europe/Paris"), code=ExitCode.USAGE)


@pytest.mark.slow
def test_without_a_compiled_pipeline_it_is_compiled(service):
    with serving(service) as host:
        call("--host", host)
    (versions,) = service.versions.values()
    assert "Pusher" in versions[0]["spec"][0]["components"]
