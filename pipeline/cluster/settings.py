"""What containers and schedules are told."""

from __future__ import annotations

import zoneinfo
from typing import Annotated, Any

import pydantic

from pipeline.cluster import cron
from schemas.columns import Strict


class ContainerSettings(Strict):
    """What a container gets.

    Attributes:
      image: of the container; made by the Dockerfile.
      cpu: cores.
      memory: as Kubernetes writes it, such as `8Gi`.
      gpus: how many.
      gpu_type: resource name of a GPU.
      node_selector: labels that a node must have.
      environment: variables and their values.
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


class ClusterSettings(Strict):
    """Beyond one machine.

    Attributes:
      workspace: URI that all containers see.
      namespace: of Kubernetes.
      service_account: that pods run as; none: the namespace's default.
      container: what every container gets.
      components: by name of a component: fields of `container` that differ for it.
      schedule: see `ScheduleSettings`.
    """

    workspace: str | None = None
    namespace: str = "default"
    service_account: str | None = None
    container: ContainerSettings = ContainerSettings()
    components: dict[str, dict[str, Any]] = {}
    schedule: ScheduleSettings = ScheduleSettings()

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
