"""Parts of Kubernetes objects that all manifests share; plain dicts as the YAML has them.

Not the models of Kubernetes' own client: that is 600 modules and 24 MB, which an installation without extras does
without, and it prints keys in another order. Tests read the manifests with those models, field by field.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from scenerank.pipeline.cluster.settings import ClusterSettings, ContainerSettings

TMP = {"name": "tmp", "mountPath": "/tmp"}


def environment(settings: ContainerSettings) -> list[dict[str, Any]]:
    """`env` of a container: plain values, then those from secrets."""
    plain = [{"name": name, "value": value} for name, value in settings.environment.items()]
    hidden = []
    for name, place in settings.secrets.items():
        secret, _, key = place.partition("/")
        hidden.append({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})
    return plain + hidden


def container(
    name: str, settings: ContainerSettings, command: Sequence[str], mounts: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """A container that runs `command`, limited to, and guaranteed, what the settings say.

    It has no privileges, and writes nowhere but where it mounts a volume and in `/tmp`, which is its `HOME`, too.
    """
    resources: dict[str, Any] = {"cpu": f"{settings.cpu:g}", "memory": settings.memory}
    if settings.gpus:
        resources[settings.gpu_type] = settings.gpus
    home = [] if "HOME" in settings.environment else [{"name": "HOME", "value": TMP["mountPath"]}]
    return {
        "name": name,
        "image": settings.image,
        "command": list(command),
        "env": home + environment(settings),
        "resources": {"requests": resources, "limits": dict(resources)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [*mounts, dict(TMP)],
    }


def pod(
    cluster: ClusterSettings,
    settings: ContainerSettings,
    containers: list[dict[str, Any]],
    volumes: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """`spec` of a pod whose processes are nobody's on the node."""
    user = cluster.run_as_user
    found: dict[str, Any] = {
        "containers": containers,
        "volumes": [*volumes, {"name": TMP["name"], "emptyDir": {}}],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "automountServiceAccountToken": cluster.service_account is not None,
    }
    if settings.node_selector:
        found["nodeSelector"] = dict(settings.node_selector)
    if cluster.service_account:
        found["serviceAccountName"] = cluster.service_account
    return found


def network_policy(about: dict[str, Any], labels: dict[str, str], allowed: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Lets nobody reach the pods with these labels but by the `allowed` rules; what they reach is not limited."""
    spec = {"podSelector": {"matchLabels": dict(labels)}, "policyTypes": ["Ingress"], "ingress": list(allowed)}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": dict(about), "spec": spec}


def disruption_budget(about: dict[str, Any], labels: dict[str, str], **limit: int) -> dict[str, Any]:
    """How many of the pods with these labels a drained node may take away."""
    spec = {**limit, "selector": {"matchLabels": dict(labels)}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": dict(about), "spec": spec}


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are; what is the same in two places is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def as_yaml(objects: Iterable[dict[str, Any]]) -> str:
    """Manifests, ready for `kubectl apply -f`."""
    return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, width=120)
