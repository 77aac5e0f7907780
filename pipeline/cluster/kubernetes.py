"""Parts of Kubernetes objects that all manifests share; plain dicts as the YAML has them.

Not the models of Kubernetes' own client: that is 600 modules and 24 MB, which an installation without extras does
without, and it prints keys in another order. Tests read the manifests with those models, field by field.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import yaml

from scenerank.pipeline.cluster.settings import ClusterSettings, ContainerSettings


def environment(settings: ContainerSettings) -> list[dict[str, Any]]:
    """`env` of a container: plain values, then those from secrets."""
    plain = [{"name": name, "value": value} for name, value in settings.environment.items()]
    hidden = []
    for name, place in settings.secrets.items():
        secret, _, key = place.partition("/")
        hidden.append({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})
    return plain + hidden


def container(name: str, settings: ContainerSettings, command: Sequence[str]) -> dict[str, Any]:
    """A container that runs `command`, limited to, and guaranteed, what the settings say."""
    resources: dict[str, Any] = {"cpu": f"{settings.cpu:g}", "memory": settings.memory}
    if settings.gpus:
        resources[settings.gpu_type] = settings.gpus
    found = {"name": name, "image": settings.image, "command": list(command), "env": environment(settings)}
    return {**found, "resources": {"requests": resources, "limits": dict(resources)}}


def pod(cluster: ClusterSettings, settings: ContainerSettings, containers: list[dict[str, Any]]) -> dict[str, Any]:
    """`spec` of a pod."""
    found: dict[str, Any] = {"containers": containers}
    if settings.node_selector:
        found["nodeSelector"] = dict(settings.node_selector)
    if cluster.service_account:
        found["serviceAccountName"] = cluster.service_account
    return found


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
