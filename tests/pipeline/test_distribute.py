"""Manifests of a day's run whose training is spread over machines."""

from __future__ import annotations

import json

import yaml
from click.testing import CliRunner

from scenerank.pipeline.cli.main import main
from tests.pipeline.kubernetes_client import typed

KINDS = {"chief": 1, "worker": 3, "ps": 2}
STRATEGY = ("--set", "trainer.strategy=parameter_server", "--set", "trainer.cluster={workers: 3, servers: 2}")


def printed(*args: str) -> list[dict]:
    done = CliRunner().invoke(main, ["distribute", "-c", "simulator", "-w", "gs://b/w", "--day", "2024-03-02", *args])
    assert done.exit_code == 0, done.output
    return list(yaml.safe_load_all(done.output))


def test_every_process_knows_itself_and_all_others():
    config, service, *jobs = printed(*STRATEGY)[:-2]
    assert (config["kind"], service["kind"], service["spec"]["clusterIP"]) == ("ConfigMap", "Service", "None")
    assert yaml.safe_load(config["data"]["config.yaml"])["trainer"]["cluster"] == {"workers": 3, "servers": 2}
    clusters = []
    for job, (kind, count) in zip(jobs, KINDS.items(), strict=True):
        spec, pod = job["spec"], job["spec"]["template"]["spec"]
        assert (spec["completions"], spec["parallelism"], spec["completionMode"]) == (count, count, "Indexed")
        (container,) = pod["containers"]
        index, told = container["env"][-2:]
        assert index["name"] == "TASK_INDEX" and "job-completion-index" in index["valueFrom"]["fieldRef"]["fieldPath"]
        for number in range(count):
            found = json.loads(told["value"].replace("$(TASK_INDEX)", str(number)))  # as the kubelet does
            assert found["task"] == {"type": kind, "index": number}
            # the name that Kubernetes gives to the pod of an indexed job within a headless service
            host = f"{job['metadata']['name']}-{number}.{pod['subdomain']}"
            assert found["cluster"][kind][number] == f"{host}:{service['spec']['ports'][0]['port']}"
            clusters.append(found["cluster"])
        assert pod["subdomain"] == service["metadata"]["name"]
        assert service["spec"]["selector"].items() <= spec["template"]["metadata"]["labels"].items()
        verb = "run" if kind == "chief" else "train-task"
        assert container["command"][:2] == ["scenerank", verb] and "2024-03-02" in container["command"]
    assert all(cluster == clusters[0] for cluster in clusters)
    assert {kind: len(names) for kind, names in clusters[0].items()} == KINDS


def test_kubernetes_client_reads_every_field():
    for manifest in printed(*STRATEGY):
        assert typed(manifest) == manifest


def test_the_chief_is_one_of_the_workers_that_keep_step():
    found = printed("--set", "trainer.strategy=multi_worker", "--set", "trainer.cluster.workers=4")
    jobs = [manifest for manifest in found if manifest["kind"] == "Job"]
    assert [job["spec"]["completions"] for job in jobs] == [1, 3]


def test_a_training_of_one_process_is_not_spread():
    done = CliRunner().invoke(main, ["distribute", "-c", "simulator", "-w", "gs://b/w", "--day", "2024-03-02"])
    assert done.exit_code == 2
    assert done.output.startswith("scenerank: trainer.strategy: 'one_device' trains in one process; choose multi_w")


def test_joining_needs_a_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    done = CliRunner().invoke(main, ["train-task", "-w", "/nowhere", "--day", "2024-03-02"])
    assert done.exit_code == 2 and done.output.startswith("scenerank: TF_CONFIG is not set")
