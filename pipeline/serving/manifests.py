"""TF Serving over a workspace: a `docker run` line and Kubernetes manifests.

Servers read the versions and `models.config` where `models.config` itself says that they lie: nothing is copied, and
what pushing, rolling back and promoting write reaches them at their next look. Folders are mounted, not files: a file
that is replaced would stay the old one in a container.
"""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

from scenerank.components.pusher.tf_serving import BATCHING, MODELS
from scenerank.components.workspace import Workspace
from scenerank.errors import ConfigurationError, DataError
from scenerank.pipeline.cluster.kubernetes import container, disruption_budget, network_policy, pod
from scenerank.pipeline.cluster.names import allowed
from scenerank.pipeline.config import Config

CONFIGURATION = "/configuration"
"""Where containers find the workspace's `serving/` if it is mounted."""
SERVER = "tensorflow_model_server"


@dataclasses.dataclass(frozen=True)
class Places:
    """Where servers find what.

    Attributes:
      base_path: the folder of versions, as `models.config` names it.
      configuration: the folder of `models.config` and `batching.config`.
      mounts: folders of the workspace by where a container has them; none where servers read a URI.
    """

    base_path: str
    configuration: str
    mounts: dict[str, str]


def places(config: Config, workspace: Workspace) -> Places:
    """Where servers find what.

    Raises:
      ConfigurationError: TF Serving cannot read the workspace, or not where `pusher.base_path` says.
      DataError: what was pushed last has another `base_path`.
    """
    base_path = config.pusher.base_path or workspace.uri("models")
    if base_path.startswith("/"):
        found = Places(base_path, CONFIGURATION, {"models": base_path, MODELS[0]: CONFIGURATION})
    elif base_path == workspace.uri("models") and base_path.startswith("gs://"):
        found = Places(base_path, workspace.uri(MODELS[0]), {})
    else:
        raise ConfigurationError(
            f"pusher.base_path: TF Serving's image does not read {base_path}: name the path where the versions are "
            "mounted in its containers, such as /models"
        )
    kept = workspace.release().get("tf_serving")
    pushed = None if kept is None else kept["settings"]["base_path"] or workspace.uri("models")
    if pushed not in (None, base_path):
        raise DataError(
            f"{workspace.uri(*MODELS)} names {pushed} and the configuration {base_path}: run the last day again with it"
        )
    return found


def arguments(config: Config, found: Places) -> list[str]:
    """Options of the server."""
    serving = config.cluster.serving
    return [
        f"--port={serving.grpc_port}",
        f"--rest_api_port={serving.rest_port}",
        f"--model_config_file={found.configuration}/{MODELS[1]}",
        f"--model_config_file_poll_wait_seconds={serving.poll_seconds}",
        "--allow_version_labels_for_unavailable_models=true",
        "--enable_batching=true",
        f"--batching_parameters_file={found.configuration}/{BATCHING[1]}",
    ]


def docker_line(config: Config, workspace: Workspace) -> str:
    """Command that starts one server on this machine.

    Raises:
      ConfigurationError: the workspace is nothing that Docker can mount.
    """
    serving, found = config.cluster.serving, places(config, workspace)
    if found.mounts and not workspace.root.startswith("/"):
        raise ConfigurationError(
            f"cluster.workspace: docker mounts folders and not {workspace.root}: give the path of a copy"
        )
    user = config.cluster.run_as_user
    line = ["docker", "run", "--rm", "--read-only", "--tmpfs", "/tmp", "--user", f"{user}:{user}"]
    line += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    for port in (serving.grpc_port, serving.rest_port):
        line += ["-p", f"{serving.docker_address}:{port}:{port}"]
    for folder, target in found.mounts.items():
        line += ["-v", f"{workspace.uri(folder)}:{target}:ro"]
    for name, value in serving.container.environment.items():
        line += ["-e", f"{name}={value}"]
    limits = [f"--cpus={serving.container.cpu:g}", f"--memory={serving.container.memory.removesuffix('i').lower()}"]
    line += [*limits, "--entrypoint", SERVER, serving.container.image, *arguments(config, found)]
    return shlex.join(line)


def manifests(config: Config, workspace: Workspace) -> list[dict[str, Any]]:
    """Deployment, Service, HorizontalPodAutoscaler if there is to be one, NetworkPolicy, PodDisruptionBudget.

    Raises:
      ConfigurationError: the workspace is a path and there is no `cluster.serving.volume_claim` that holds it.
    """
    serving, found = config.cluster.serving, places(config, workspace)
    if found.mounts and serving.volume_claim is None:
        raise ConfigurationError(
            f"cluster.serving.volume_claim: pods have no {found.base_path} by themselves: name the claim that holds "
            "the workspace"
        )
    name = f"{allowed(config.declared.name)}-serving"
    labels = {"app": name}
    metadata = {"name": name, "namespace": config.cluster.namespace, "labels": labels}
    ports = {"grpc": serving.grpc_port, "rest": serving.rest_port}
    claim = {"claimName": serving.volume_claim, "readOnly": True}
    volumes = [{"name": "workspace", "persistentVolumeClaim": claim}] if found.mounts else []
    template = pod(config.cluster, serving.container, [_server(config, found, ports)], volumes)
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": serving.replicas,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {"metadata": {"labels": labels}, "spec": template},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": labels, "ports": [{"name": n, "port": p, "targetPort": n} for n, p in ports.items()]},
    }
    reached = {"ports": [{"protocol": "TCP", "port": port} for port in ports.values()]}
    guards = [network_policy(metadata, labels, [reached]), disruption_budget(metadata, labels, maxUnavailable=1)]
    return [deployment, service, *_autoscaler(config, metadata), *guards]


def _server(config: Config, found: Places, ports: dict[str, int]) -> dict[str, Any]:
    """The container: ready once the version in service answers, alive while the server does."""
    serving = config.cluster.serving
    model = f"/v1/models/{config.declared.name}"
    answers = {"httpGet": {"path": f"{model}/labels/stable/metadata", "port": "rest"}}
    alive = {"httpGet": {"path": model, "port": "rest"}}
    period = 5
    mounts = [
        {
            "name": "workspace",
            "mountPath": target,
            "subPath": "/".join(part for part in (serving.volume_path.rstrip("/"), folder) if part),
            "readOnly": True,
        }
        for folder, target in found.mounts.items()
    ]
    return {
        **container("serving", serving.container, [SERVER], mounts),
        "args": arguments(config, found),
        "ports": [{"name": name, "containerPort": port} for name, port in ports.items()],
        "startupProbe": {**answers, "periodSeconds": period, "failureThreshold": -(-serving.load_seconds // period)},
        "readinessProbe": {**answers, "periodSeconds": period, "timeoutSeconds": 2},
        "livenessProbe": {**alive, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
    }


def _autoscaler(config: Config, metadata: dict[str, Any]) -> list[dict[str, Any]]:
    serving = config.cluster.serving
    if serving.max_replicas is None:
        return []
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": serving.target_cpu}}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": metadata["name"]},
        "minReplicas": serving.replicas,
        "maxReplicas": serving.max_replicas,
        "metrics": [{"type": "Resource", "resource": cpu}],
    }
    return [{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}]
