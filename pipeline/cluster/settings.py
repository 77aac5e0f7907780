"""What containers and schedules are told."""

from __future__ import annotations

import re
import zoneinfo
from typing import Annotated, Any

import pydantic

from scenerank.pipeline.cluster import cron
from scenerank.schemas.columns import Strict

SECRET = re.compile(r"(^|_)(PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIALS?|(API|ACCESS|PRIVATE|SIGNING)_?KEY)(_|$)", re.I)
"""What names of variables have whose values are for nobody else."""


class ContainerSettings(Strict):
    """What a container gets.

    Attributes:
      image: of the container; made by the Dockerfile.
      cpu: cores.
      memory: as Kubernetes writes it, such as `8Gi`.
      gpus: how many.
      gpu_type: resource name of a GPU.
      node_selector: labels that a node must have.
      environment: variables and their values; what is secret goes into `secrets`.
      secrets: variables and where their values lie, as `secret/key`.
      retries: of a failed container.
      cache: whether Kubeflow may take an earlier run's output of the same inputs.
    """

    image: str = "scenerank:0.1.0"
    cpu: float = pydantic.Field(2, gt=0)
    memory: str = pydantic.Field("8Gi", pattern=r"^\d+(\.\d+)?([kMGT]i?)?$")
    gpus: int = pydantic.Field(0, ge=0)
    gpu_type: str = "nvidia.com/gpu"
    node_selector: dict[str, str] = {}
    environment: dict[str, str] = {}
    secrets: dict[str, Annotated[str, pydantic.Field(pattern=r"^[^/]+/[^/]+$")]] = {}
    retries: int = pydantic.Field(0, ge=0)
    cache: bool = False

    @pydantic.field_validator("environment")
    @classmethod
    def _not_secret(cls, given: dict[str, str]) -> dict[str, str]:
        for name, value in given.items():
            if SECRET.search(name) and not value.startswith("/"):  # the path of a file is none
                raise ValueError(
                    f"{name} is named like a secret, and its value would be written into manifests: keep it in a "
                    f"Secret of Kubernetes and name that in `secrets`, as `{name}: secret/key`"
                )
        return given


class ScheduleSettings(Strict):
    """When days are run.

    Attributes:
      cron: five fields: minute, hour, day of month, month, day of week.
      time_zone: of the cron expression and of the days, an IANA name.
      lag_days: how many days before its date a scheduled run's day lies.
      catch_up: whether runs that were missed are made up for.
    """

    cron: str = "0 4 * * *"
    time_zone: str = "UTC"
    lag_days: int = pydantic.Field(1, ge=0)
    catch_up: bool = True

    @pydantic.field_validator("cron")
    @classmethod
    def _expression(cls, expression: str) -> str:
        return cron.checked(expression)

    @pydantic.field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str) -> str:
        if name not in zoneinfo.available_timezones():
            raise ValueError("no such time zone; write an IANA name, such as Europe/Paris")
        return name


class ServingSettings(Strict):
    """TF Serving, as `scenerank deploy` sets it up.

    Attributes:
      container: what its container gets; TF Serving's own image, or one that has its `tensorflow_model_server`.
      volume_claim: PersistentVolumeClaim that holds the workspace; none: the workspace is a URI that TF Serving reads.
      volume_path: the workspace's folder in the claim; empty: the claim's own.
      docker_address: of this machine, that the server of a `docker run` line listens on; `0.0.0.0` for all.
      replicas: how many servers.
      max_replicas: to how many a HorizontalPodAutoscaler raises them; none: there is no autoscaler.
      target_cpu: per cent of the requested CPU that the autoscaler keeps.
      grpc_port, rest_port: of the servers and of the Service.
      poll_seconds: between looks at `models.config`.
      load_seconds: how long a server may take to load its versions when it starts.
    """

    container: ContainerSettings = ContainerSettings(image="tensorflow/serving:2.21.0", cpu=4, memory="8Gi")
    volume_claim: str | None = None
    volume_path: str = pydantic.Field("", pattern=r"^([^/].*)?$")
    docker_address: str = "127.0.0.1"
    replicas: int = pydantic.Field(2, ge=1)
    max_replicas: int | None = pydantic.Field(None, ge=1)
    target_cpu: int = pydantic.Field(60, ge=1, le=100)
    grpc_port: int = pydantic.Field(8500, ge=1, le=65535)
    rest_port: int = pydantic.Field(8501, ge=1, le=65535)
    poll_seconds: int = pydantic.Field(10, ge=1)
    load_seconds: int = pydantic.Field(600, ge=10)

    @pydantic.model_validator(mode="after")
    def _replicas_in_order(self) -> ServingSettings:
        if self.max_replicas is not None and self.max_replicas < self.replicas:
            raise ValueError(f"max_replicas, {self.max_replicas}, is less than replicas, {self.replicas}: raise it")
        return self


class ClusterSettings(Strict):
    """Beyond one machine.

    Attributes:
      workspace: URI that all containers see.
      namespace: of Kubernetes.
      service_account: that pods run as; none: the namespace's default, without its token.
      run_as_user: number of the user and the group of all processes in pods; not root's.
      container: what every container gets.
      components: by name of a component: fields of `container` that differ for it.
      schedule: see `ScheduleSettings`.
      serving: see `ServingSettings`.
    """

    workspace: str | None = None
    namespace: str = "default"
    service_account: str | None = None
    run_as_user: int = pydantic.Field(1000, ge=1)
    container: ContainerSettings = ContainerSettings()
    components: dict[str, dict[str, Any]] = {}
    schedule: ScheduleSettings = ScheduleSettings()
    serving: ServingSettings = ServingSettings()

    @pydantic.field_validator("components")
    @classmethod
    def _known(cls, components: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, fields in components.items():
            unknown = set(fields) - set(ContainerSettings.model_fields)
            if unknown:
                raise ValueError(
                    f"{name}.{min(unknown)}: no such setting; use {', '.join(ContainerSettings.model_fields)}"
                )
            ContainerSettings.model_validate(fields)
        return components

    def container_of(self, component: str) -> ContainerSettings:
        """What the container of a component gets."""
        return ContainerSettings.model_validate({**self.container.model_dump(), **self.components.get(component, {})})
