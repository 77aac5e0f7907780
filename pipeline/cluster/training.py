"""A day's run whose training is spread over several machines, as manifests of plain Kubernetes.

Indexed Jobs with a headless service give every process a name that the others know beforehand, which is all that
TensorFlow asks of a cluster. The chief runs the day; when it comes to the training, the others take part.
"""

from __future__ import annotations

import json
from typing import Any

from scenerank.components.trainer.settings import TrainerSettings
from scenerank.errors import ConfigurationError
from scenerank.pipeline.cluster import kubernetes
from scenerank.pipeline.cluster.names import name_of
from scenerank.pipeline.cluster.schedule import CONFIG_MOUNT, MOUNT, config_map, config_volume
from scenerank.pipeline.config import Config

PORT = 2222
INDEX = "TASK_INDEX"
DAY_SECONDS = 86_400


def members(settings: TrainerSettings) -> dict[str, int]:
    """How many processes of each kind a training has.

    Raises:
      ConfigurationError: the strategy is one process's.
    """
    cluster = settings.cluster
    if settings.strategy == "parameter_server":
        return {"chief": 1, "worker": cluster.workers, "ps": cluster.servers}
    if settings.strategy == "multi_worker":
        return {"chief": 1, "worker": cluster.workers - 1} if cluster.workers > 1 else {"chief": 1}
    raise ConfigurationError(
        f"trainer.strategy: {settings.strategy!r} trains in one process; choose multi_worker or parameter_server"
    )


def manifests(config: Config, workspace: str, day: str) -> list[dict[str, Any]]:
    """A ConfigMap with the configuration, a headless Service, a Job for each kind of process, and guards of their pods.

    Raises:
      ConfigurationError: see `members`.
    """
    name, counts = f"{name_of(config)[:40].strip('-')}-{day}", members(config.trainer)
    names = {kind: [f"{name}-{kind}-{index}.{name}:{PORT}" for index in range(n)] for kind, n in counts.items()}
    own = {"scenerank/run": name}
    about = {"name": name, "namespace": config.cluster.namespace}
    service = {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": own, "ports": [{"port": PORT}]}
    found = [
        config_map(config, about),
        {"apiVersion": "v1", "kind": "Service", "metadata": dict(about), "spec": service},
    ]
    run = ["scenerank", "run", "-w", workspace, "-c", f"{MOUNT}/config.yaml", "--day", day]
    task = ["scenerank", "train-task", "-w", workspace, "--day", day]
    for kind, count in counts.items():
        settings = config.cluster.container_of("Trainer")
        container = kubernetes.container("training", settings, run if kind == "chief" else task, [CONFIG_MOUNT])
        container["env"] += _tf_config(names, kind)
        container["ports"] = [{"containerPort": PORT}]
        pod = kubernetes.pod(config.cluster, settings, [container], [config_volume(name)])
        pod |= {"restartPolicy": "OnFailure", "subdomain": name}
        job = {
            "completionMode": "Indexed",
            "completions": count,
            "parallelism": count,
            "backoffLimit": config.trainer.cluster.restarts * count,
            "activeDeadlineSeconds": DAY_SECONDS,
            "ttlSecondsAfterFinished": DAY_SECONDS,
            "template": {"metadata": {"labels": dict(own)}, "spec": pod},
        }
        found.append(
            {"apiVersion": "batch/v1", "kind": "Job", "metadata": {**about, "name": f"{name}-{kind}"}, "spec": job}
        )
    among = {"from": [{"podSelector": {"matchLabels": own}}], "ports": [{"protocol": "TCP", "port": PORT}]}
    guards = [
        kubernetes.network_policy(about, own, [among]),
        kubernetes.disruption_budget(about, own, minAvailable=sum(counts.values())),
    ]
    return [*found, *guards]


def _tf_config(names: dict[str, list[str]], kind: str) -> list[dict[str, Any]]:
    """Variables of a container that tell TensorFlow who it is; Kubernetes puts the pod's number in."""
    annotation = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    task = {"cluster": names, "task": {"type": kind, "index": f"$({INDEX})"}}
    text = json.dumps(task).replace(f'"$({INDEX})"', f"$({INDEX})")
    return [
        {"name": INDEX, "valueFrom": {"fieldRef": {"fieldPath": annotation}}},
        {"name": "TF_CONFIG", "value": text},
    ]
