"""Where Beam code runs: settings, and the options that Beam's runners understand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pydantic

from scenerank.schemas.columns import Strict

RUNNERS = {
    "direct": "DirectRunner",
    "portable": "PortableRunner",
    "flink": "FlinkRunner",
    "spark": "SparkRunner",
    "dataflow": "DataflowRunner",
}
PACKAGES = ("sdk_container_image", "worker_harness_container_image", "setup_file", "requirements_file", "extra_package")


class BeamSettings(Strict):
    """Which engine processes data, and where its workers find this package.

    Attributes:
      runner: `direct` works in the component's own process, `portable` sends to any Beam job server.
      job_endpoint: `host:port` of the job server; `flink` and `spark` without one start their own, which needs Java.
      master: of `flink`, `http://host:port`, or of `spark`, `spark://host:port`, for a job server started here.
      job_server_jar: of that job server, a path or URL; none: fetched as Beam's release has it.
      job_timeout: seconds that a job may take on a job server, and that the server may take to be there.
      environment: of workers, except Dataflow's: containers of `image`; an `external` pool of workers; or
        `loopback`, the submitting process itself, to try things out.
      worker_pool: `host:port` of the pool for `external`, as each machine of the engine sees it.
      image: of workers; none: that of `cluster.container`.
      package: sdist or wheel of this package, made once, for workers that lack it.
      parallelism: `flink`: how many tasks at a time.
      worker_processes: `portable`, `flink`, `spark`: processes on a machine of the engine; 0: it chooses.
      staging_location: where packages are staged, visible to all workers.
      temp_location: `dataflow`: a bucket's folder for temporary files.
      project, region, service_account, subnetwork, machine_type: `dataflow`: of Google Cloud.
      workers: `dataflow`: at the start.
      max_workers: `dataflow`: at most.
      args: any further options of Beam; they come last and win.
    """

    runner: Literal["direct", "portable", "flink", "spark", "dataflow"] = "direct"
    job_endpoint: str | None = None
    master: str | None = None
    job_server_jar: str | None = None
    job_timeout: int = pydantic.Field(86_400, ge=1)
    environment: Literal["docker", "external", "loopback"] = "docker"
    worker_pool: str = "localhost:50000"
    image: str | None = None
    package: str | None = None
    parallelism: int | None = pydantic.Field(None, ge=1)
    worker_processes: int | None = pydantic.Field(None, ge=0)
    staging_location: str | None = None
    temp_location: str | None = None
    project: str | None = None
    region: str | None = None
    service_account: str | None = None
    subnetwork: str | None = None
    machine_type: str | None = None
    workers: int | None = pydantic.Field(None, ge=1)
    max_workers: int | None = pydantic.Field(None, ge=1)
    args: tuple[str, ...] = ()

    @pydantic.model_validator(mode="after")
    def _complete(self) -> BeamSettings:
        needed = {"portable": ("job_endpoint",), "dataflow": ("project", "region", "temp_location")}
        for name in needed.get(self.runner, ()):
            if getattr(self, name) is None:
                raise ValueError(f"runner {self.runner} needs {name}: set it")
        if self.job_endpoint and self.master:
            raise ValueError("master is for a job server that is started here: set it or job_endpoint, not both")
        return self


def options(settings: BeamSettings, image: str) -> list[str]:
    """Options for `beam.Pipeline(argv=...)`; none at all for `direct` without `args`.

    Args:
      image: of workers, where the settings name none.
    """
    found = [] if settings.runner == "direct" else list(_options(settings, settings.image or image))
    if (found or settings.args) and not any(_names(one, PACKAGES) for one in (*found, *settings.args)):
        # Without an option that says where workers have their packages from, TFX builds an sdist of all of itself in
        # each Beam component (tfx.utils.dependency_utils). Workers have this package installed: in their image, or
        # where their pool was started. Runners that start no container do not look at the image.
        found.append(f"--sdk_container_image={settings.image or image}")
    return [*found, *settings.args]


def _options(settings: BeamSettings, image: str) -> Iterator[str]:
    yield f"--runner={RUNNERS[settings.runner]}"
    values: dict[str, object] = {}
    if settings.runner == "dataflow":
        # Nothing is installed when a worker starts: the image holds the SDK and this package.
        values = {"sdk_container_image": image, "sdk_location": "container", "project": settings.project}
        values |= {"region": settings.region, "temp_location": settings.temp_location}
        values |= {"staging_location": settings.staging_location, "service_account_email": settings.service_account}
        values |= {"subnetwork": settings.subnetwork, "worker_machine_type": settings.machine_type}
        values |= {"num_workers": settings.workers, "max_num_workers": settings.max_workers}
    else:
        # Beam's 60 seconds would end the stream of a job's states, and with it the job's component, after a minute.
        values = {"job_endpoint": settings.job_endpoint, "job_server_timeout": settings.job_timeout}
        values |= {"environment_type": settings.environment.upper()}
        values["environment_config"] = {"docker": image, "external": settings.worker_pool}.get(settings.environment)
        values |= {"sdk_worker_parallelism": settings.worker_processes, "artifacts_dir": settings.staging_location}
    if settings.runner == "flink":
        values |= {"flink_master": settings.master, "flink_job_server_jar": settings.job_server_jar}
        values["parallelism"] = settings.parallelism
    if settings.runner == "spark":
        values |= {"spark_master_url": settings.master, "spark_job_server_jar": settings.job_server_jar}
    values["extra_package"] = settings.package
    yield from (f"--{name}={value}" for name, value in values.items() if value is not None)
    # Else each pipeline lists all installed packages once more, for the engine's log.
    yield "--experiments=disable_logging_submission_environment"


def _names(option: str, names: tuple[str, ...]) -> bool:
    return option.lstrip("-").partition("=")[0].removesuffix("s") in names
