"""The recurring run in Kubeflow Pipelines, made through the `kfp` client so that making it again changes nothing.

It names the pipeline and no version of it: the newest is run, and releases of Kubeflow Pipelines that put dates into
the parameters of recurring runs do so for these. A recurring run cannot be changed there. One that differs from what
is wanted is disabled before its successor is made, and deleted after, so that never two of them start runs; it is
enabled again if its successor is refused. Whether it is enabled is for people to say, and is kept.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
import warnings
from typing import Any

import kfp
import kfp_server_api
import urllib3

from scenerank.errors import ConfigurationError
from scenerank.pipeline.cluster.schedule import RecurringRun
from scenerank.pipeline.compat import Interface

SECONDS = 20


def schedule(host: str, namespace: str, wanted: RecurringRun, pipeline: pathlib.Path) -> str:
    """Makes the recurring run, its pipeline and its experiment, as far as they are not there.

    Args:
      host: URL of Kubeflow Pipelines; the client's own settings and environment hold credentials.
      namespace: of the user; looked at where there are several users.
      pipeline: the compiled YAML.

    Returns:
      A sentence on what was done.

    Raises:
      ConfigurationError: the host does not answer, or refuses.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            client = kfp.Client(host=host, namespace=namespace)
        health = Interface(client.healthzs).get_healthz(_request_timeout=SECONDS)
        service = _Service(client, {"namespace": namespace} if health.multi_user else {})
        return service.schedule(wanted, service.pipeline(wanted.name, pipeline))
    except kfp_server_api.ApiException as error:
        raise ConfigurationError(f"--host {host} refused with {error.status} {error.reason}: {_said(error)}") from None
    except urllib3.exceptions.HTTPError as error:
        raise ConfigurationError(
            f"--host {host} does not answer ({type(error).__name__}): check the address and that Kubeflow Pipelines "
            "can be reached from here"
        ) from None


def _said(error: kfp_server_api.ApiException) -> str:
    try:
        text = json.loads(error.body)["error"]
    except (KeyError, TypeError, ValueError):
        text = error.body or "no reason given"
    return " ".join(str(text).split())[:300]


@dataclasses.dataclass(frozen=True)
class _Service:
    """The service's interface as the client has it.

    Attributes:
      space: the namespace as an argument; none where there is one user.
    """

    client: Any
    space: dict[str, str]

    def pipeline(self, name: str, path: pathlib.Path) -> str:
        """Id of the pipeline; its newest version is the compiled one."""
        pipelines = Interface(self.client.pipelines)
        found = pipelines.list_pipelines(filter=_named(name), **self.space).pipelines
        body = kfp_server_api.V2beta1Pipeline(display_name=name, **self.space)
        identity = (found[0] if found else pipelines.create_pipeline(body)).pipeline_id
        versions = pipelines.list_pipeline_versions(identity, page_size=1, sort_by="created_at desc")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        newest = versions.pipeline_versions[0].display_name if versions.pipeline_versions else ""
        if not newest.endswith(digest):
            version = f"{(versions.total_size or 0) + 1}-{digest}"
            self.client.pipeline_uploads.upload_pipeline_version(str(path), name=version, pipelineid=identity)
        return identity

    def experiment(self, name: str) -> str:
        """Id of the experiment."""
        experiments = Interface(self.client.experiments)
        found = experiments.list_experiments(filter=_named(name), **self.space).experiments
        body = kfp_server_api.V2beta1Experiment(display_name=name, **self.space)
        return (found[0] if found else experiments.create_experiment(body)).experiment_id

    def schedule(self, wanted: RecurringRun, pipeline: str) -> str:
        """Leaves exactly one recurring run of the name: the one that is wanted."""
        runs = Interface(self.client.recurring_runs)
        experiment = self.experiment(wanted.name)
        listed = runs.list_recurring_runs(experiment_id=experiment, filter=_named(wanted.name), page_size=100)
        found = listed.recurring_runs or []
        body = _body(wanted, experiment, pipeline)
        equal = [run for run in found if run.description == body.description]
        superseded = [run for run in found if run not in equal[:1]]
        enabled = [run for run in superseded if run.status == "ENABLED"]
        for run in enabled:
            runs.disable_recurring_run(run.recurring_run_id)
        if not equal:
            if found and not enabled:
                body.mode = kfp_server_api.RecurringRunMode.DISABLE
            try:
                runs.create_recurring_run(body)
            except Exception:
                for run in enabled:
                    runs.enable_recurring_run(run.recurring_run_id)
                raise
        for run in superseded:
            runs.delete_recurring_run(run.recurring_run_id)
        done = "is as it should be" if equal else "was replaced" if found else "was made"
        on = equal[0].status == "ENABLED" if equal else body.mode == kfp_server_api.RecurringRunMode.ENABLE
        return f"recurring run {wanted.name} {done}" + ("" if on else "; it is disabled, as it was found")


def _body(wanted: RecurringRun, experiment: str, pipeline: str) -> kfp_server_api.V2beta1RecurringRun:
    """What the service is sent. It fills in fields that were left out, so that the description tells runs apart."""
    text = json.dumps({**dataclasses.asdict(wanted), "pipeline": pipeline}, sort_keys=True)
    schedule = kfp_server_api.V2beta1CronSchedule(cron=wanted.cron)
    return kfp_server_api.V2beta1RecurringRun(
        display_name=wanted.name,
        description=f"scenerank schedule {hashlib.sha256(text.encode()).hexdigest()[:12]}",
        experiment_id=experiment,
        mode=kfp_server_api.RecurringRunMode.ENABLE,
        pipeline_version_reference=kfp_server_api.V2beta1PipelineVersionReference(pipeline_id=pipeline),
        runtime_config=kfp_server_api.V2beta1RuntimeConfig(parameters={"day": wanted.day}),
        trigger=kfp_server_api.V2beta1Trigger(cron_schedule=schedule),
        max_concurrency="1",
        no_catchup=not wanted.catch_up,
        service_account=wanted.service_account,
    )


def _named(name: str) -> str:
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": name}]})
