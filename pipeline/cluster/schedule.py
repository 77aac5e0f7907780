"""The daily run as schedulers want it: Kubeflow's recurring run, a CronJob of Kubernetes, a line for crontab."""

from __future__ import annotations

import dataclasses
import datetime
import os
import pathlib
import shlex
from typing import Any

import yaml

from scenerank.errors import ConfigurationError
from scenerank.pipeline.cluster import cron, kubernetes
from scenerank.pipeline.cluster.names import name_of
from scenerank.pipeline.config import Config

MOUNT = "/etc/scenerank"
CONFIG_MOUNT = {"name": "config", "mountPath": MOUNT, "readOnly": True}
SCHEDULED = "[[ScheduledTime.2006-01-02]]"
"""What Kubeflow Pipelines replaces by the scheduled date, in UTC."""


@dataclasses.dataclass(frozen=True)
class RecurringRun:
    """What Kubeflow Pipelines is asked for.

    Attributes:
      name: of the pipeline, the experiment and the recurring run.
      cron: six fields, the first one seconds, in UTC.
      day: the pipeline's parameter, see `components.days`.
      catch_up: whether missed runs are made up for, one after the other.
      service_account: that the run's pods have; None for Kubeflow's own.
    """

    name: str
    cron: str
    day: str
    catch_up: bool
    service_account: str | None


def recurring_run(config: Config, today: datetime.date) -> RecurringRun:
    """The recurring run that the configuration asks for.

    Kubeflow Pipelines evaluates cron in the time zone of its controller, which is UTC unless its environment has
    `CRON_SCHEDULE_TIMEZONE`, and puts dates in as of UTC in any case: the expression is given in UTC.

    Raises:
      ConfigurationError: the schedule cannot be given in UTC.
    """
    given = config.cluster.schedule
    try:
        expression, ahead = cron.in_utc(given.cron, given.time_zone, today)
    except ValueError as error:
        raise ConfigurationError(f"cluster.schedule.{error}") from None
    shift = -given.lag_days - ahead
    day = f"{SCHEDULED}{shift:+d}" if shift else SCHEDULED
    return RecurringRun(name_of(config), f"0 {expression}", day, given.catch_up, config.cluster.service_account)


def manifests(config: Config, workspace: str) -> list[dict[str, Any]]:
    """A ConfigMap with the configuration, a CronJob that runs a day with it, one at a time, and guards of its pods."""
    name, cluster = name_of(config)[:52].strip("-"), config.cluster
    command = ["sh", "-c", f"exec {_command(config, workspace, f'{MOUNT}/config.yaml')}"]
    container = kubernetes.container("run", cluster.container, command, [CONFIG_MOUNT])
    pod = kubernetes.pod(cluster, cluster.container, [container], [config_volume(name)])
    pod["restartPolicy"] = "Never"
    about, own = {"name": name, "namespace": cluster.namespace}, {"scenerank/daily": name}
    template = {"metadata": {"labels": own}, "spec": pod}
    job = {
        "schedule": cluster.schedule.cron,
        "timeZone": cluster.schedule.time_zone,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": _deadline(config),
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 7,
        "jobTemplate": {"spec": {"backoffLimit": cluster.container.retries, "template": template}},
    }
    return [
        config_map(config, about),
        {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": about, "spec": job},
        kubernetes.network_policy(about, own, []),
        kubernetes.disruption_budget(about, own, minAvailable=1),
    ]


def config_volume(name: str) -> dict[str, Any]:
    """The volume with the files of a ConfigMap, which containers have at `CONFIG_MOUNT`."""
    return {"name": CONFIG_MOUNT["name"], "configMap": {"name": name}}


def config_map(config: Config, about: dict[str, Any]) -> dict[str, Any]:
    """The configuration's files, as pods mount them; `about` is the metadata."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": dict(about), "data": _files(config)}


def crontab(config: Config, workspace: str, source: str, overrides: tuple[str, ...]) -> str:
    """Two lines for crontab.

    Args:
      source: name or path of the configuration, as on the command line, like `overrides`.
    """
    schedule = config.cluster.schedule
    path = os.path.abspath(source) if source.endswith((".yaml", ".yml")) else source
    line = f"{schedule.cron} {_command(config, workspace, path, overrides)}"
    return f"CRON_TZ={schedule.time_zone}\n" + line.replace("%", r"\%")


def printed(config: Config, workspace: str, source: str, overrides: tuple[str, ...], today: datetime.date) -> str:
    """All three; what is no manifest stands in comments, so that `kubectl apply -f -` takes the text."""
    try:
        run = yaml.safe_dump(dataclasses.asdict(recurring_run(config, today)), sort_keys=False)
    except ConfigurationError as error:
        run = f"none: {error}"
    parts = {"Kubeflow Pipelines, recurring run": run, "crontab": crontab(config, workspace, source, overrides)}
    comments = [f"{title}:\n" + "\n".join(f"  {line}" for line in text.splitlines()) for title, text in parts.items()]
    head = "\n".join(f"# {line}" for text in comments for line in text.splitlines())
    return f"{head}\n# Kubernetes, CronJob:\n{kubernetes.as_yaml(manifests(config, workspace))}"


def _command(config: Config, workspace: str, source: str, overrides: tuple[str, ...] = ()) -> str:
    """A line of shell that runs the day `lag_days` before today's date in the schedule's zone."""
    given = config.cluster.schedule
    words = ["scenerank", "run", "--workspace", workspace, "--config", source]
    for override in overrides:
        words += ["--set", override]
    today = f"$(TZ={given.time_zone} date +%F)"
    return f'{shlex.join(words)} --day "$(date -u -d "{today} {given.lag_days} days ago" +%F)"'


def _deadline(config: Config) -> int:
    """Seconds after its time within which a missed run is still started.

    Until an hour before midnight, if missed runs are made up for: the day that is run follows from the date. Days
    that were missed altogether are taken in by the next run.
    """
    at = cron.time_of_day(config.cluster.schedule.cron)
    if not config.cluster.schedule.catch_up or at is None:
        return 600
    return max(600, 23 * 3600 - at[0] * 3600 - at[1] * 60)


def _files(config: Config) -> dict[str, str]:
    """The configuration as it was told, overrides included, and its declaration, if that is a file."""
    given = config.model_dump(mode="json", exclude_unset=True)
    if not config.declaration.endswith((".yaml", ".yml")):
        return {"config.yaml": yaml.safe_dump(given, sort_keys=False)}
    given["declaration"] = "declaration.yaml"
    declaration = pathlib.Path(config.declaration).read_text()
    return {"config.yaml": yaml.safe_dump(given, sort_keys=False), "declaration.yaml": declaration}
