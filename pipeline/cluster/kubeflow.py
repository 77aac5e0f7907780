"""The graph of a day as Kubeflow Pipelines takes it: pipeline spec 2.1, the day its one parameter.

TFX's own runner compiles it; image, resources, environment, retries and caching of each component are then set in
the specification that it gives, and node selectors and secrets in a second document, the platform's, both as the
`kfp` compiler writes them. Nothing in it is left to a resolver, an importer or a driver. A service account is no
part of a pipeline but of a run: the recurring run has it, see `pipeline.cluster.recurring`.

Not every release of Kubeflow Pipelines 2 follows retries: 2.2 is known to ignore them.
"""

from __future__ import annotations

from typing import Any, Literal

import yaml
from kubernetes.utils import parse_quantity
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner as kubeflow
from tfx.orchestration.pipeline import Pipeline

from scenerank.errors import ConfigurationError
from scenerank.pipeline.cluster.names import name_of
from scenerank.pipeline.cluster.settings import ClusterSettings, ContainerSettings
from scenerank.pipeline.config import Config
from scenerank.pipeline.daily import graph

Part = Literal["all", "ingestion"]
COMMAND = ["python", "-m", "scenerank.pipeline.cluster.container"]
ENVIRONMENT = {"TF_USE_LEGACY_KERAS": "1"}


def compile_pipeline(config: Config, workspace: str, part: Part = "all") -> str:
    """Compiles the graph of a day.

    Args:
      workspace: URI that all containers see; artifacts go to `tfx/` in it.
      part: `ingestion` ends with the published day: what the first days of a window need before one can be trained
        on them.

    Returns:
      The YAML text, one document or two.

    Raises:
      ConfigurationError: `cluster.components` names a component that does not exist, or the configuration asks for two
        passes, which one graph cannot do.
    """
    if config.fairness.first_day == "two_pass":
        raise ConfigurationError(
            "fairness.first_day: two_pass runs graphs one after the other, which a compiled pipeline does not; set it "
            "to uniform, or run the first day with `scenerank run`"
        )
    known = [component.id for component in _components(config, workspace, "all")]
    unknown = sorted(set(config.cluster.components) - set(known))
    if unknown:
        raise ConfigurationError(f"cluster.components.{unknown[0]}: no such component; there are {', '.join(known)}")
    specification = _compiled(config, workspace, _components(config, workspace, part))
    specification["defaultPipelineRoot"] = _root(workspace)
    platform = _set(specification, config.cluster)
    documents = [specification, {"platforms": {"kubernetes": platform}}] if platform else [specification]
    return yaml.safe_dump_all(documents, width=120)


def _root(workspace: str) -> str:
    return f"{workspace}/tfx"


def _components(config: Config, workspace: str, part: Part) -> list[BaseComponent]:
    day = RuntimeParameter(name="day", ptype=str)
    served = graph.served_model(workspace, day)
    model = served.outputs["model"]
    ingestion = graph.ingestion(config, workspace, day, model)
    if part == "ingestion":
        return [served, *ingestion]
    return [served, *ingestion, *graph.training(config, workspace, day, model, after=ingestion.publisher)]


def _compiled(config: Config, workspace: str, components: list[BaseComponent]) -> dict[str, Any]:
    """The specification as TFX compiles it."""
    pipeline = Pipeline(
        pipeline_name=name_of(config),
        pipeline_root=_root(workspace),
        components=components,
        beam_pipeline_args=list(config.beam_options),
        enable_cache=False,
    )
    told = kubeflow.KubeflowV2DagRunnerConfig(
        default_image=config.cluster.container.image, default_commands=COMMAND, use_pipeline_spec_2_1=True
    )
    return kubeflow.KubeflowV2DagRunner(told).run(pipeline, write_out=False)["pipelineSpec"]


def _set(specification: dict[str, Any], cluster: ClusterSettings) -> dict[str, Any]:
    """Sets what each component's container gets; returns what belongs to the platform, empty if nothing does."""
    platform = {}
    for name, task in specification["root"]["dag"]["tasks"].items():
        settings = cluster.container_of(name)
        label = specification["components"][task["componentRef"]["name"]]["executorLabel"]
        container = specification["deploymentSpec"]["executors"][label]["container"]
        environment = ENVIRONMENT | settings.environment
        container["image"] = settings.image
        container["env"] = [{"name": key, "value": value} for key, value in environment.items()]
        container["resources"] = _resources(settings)
        task["cachingOptions"] = {"enableCache": settings.cache}
        if settings.retries:
            task["retryPolicy"] = {
                "maxRetryCount": settings.retries,
                "backoffDuration": "30s",
                "backoffFactor": 2.0,
                "backoffMaxDuration": "3600s",
            }
        platform[label] = _of_platform(settings)
    executors = {label: told for label, told in platform.items() if told}
    return {"deploymentSpec": {"executors": executors}} if executors else {}


def _resources(settings: ContainerSettings) -> dict[str, Any]:
    """`resources` of a container; memory in units of 10^9 bytes."""
    memory = float(parse_quantity(settings.memory)) / 1e9
    found: dict[str, Any] = {
        "cpuRequest": settings.cpu,
        "cpuLimit": settings.cpu,
        "memoryRequest": memory,
        "memoryLimit": memory,
    }
    if settings.gpus:
        found["accelerator"] = {"type": settings.gpu_type, "count": str(settings.gpus)}
    return found


def _of_platform(settings: ContainerSettings) -> dict[str, Any]:
    """Fields of `KubernetesExecutorConfig` that the settings ask for."""
    found: dict[str, Any] = {}
    if settings.node_selector:
        found["nodeSelector"] = {"labels": dict(settings.node_selector)}
    keys: dict[str, list[dict[str, str]]] = {}
    for variable, place in settings.secrets.items():
        secret, _, key = place.partition("/")
        keys.setdefault(secret, []).append({"secretKey": key, "envVar": variable})
    if keys:
        found["secretAsEnv"] = [{"secretName": secret, "keyToEnv": told} for secret, told in keys.items()]
    return found
