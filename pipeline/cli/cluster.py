"""Commands for clusters. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import os
import pathlib
import tempfile

import click

from scenerank.errors import ConfigurationError
from scenerank.pipeline.cli._errors import exits
from scenerank.pipeline.cli._options import (
    config_option,
    overrides_option,
    shared_workspace_option,
    workspace_option,
)

BUCKETS = ("gs://", "s3://", "minio://")


@click.command(name="compile")
@config_option
@shared_workspace_option
@overrides_option
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="File to write, such as pipeline.yaml.")
@click.option("--only", type=click.Choice(["ingestion"]), help="End with the published day, for a backfill.")
@exits
def compile_(config: str, workspace: str | None, overrides: tuple[str, ...], out: str, only: str | None) -> None:
    """Write a day's graph for Kubeflow Pipelines; the day is its parameter."""
    if not out.endswith((".yaml", ".yml")):
        raise click.UsageError(f"--out {out}: the name of a pipeline's file ends with .yaml")
    path = pathlib.Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_compiled(config, workspace, overrides, only))
    click.echo(f"written: {out}")


@click.command()
@config_option
@shared_workspace_option
@overrides_option
@click.option("--host", help="URL of Kubeflow Pipelines: make the recurring run there, or bring it up to date.")
@click.option("--pipeline", type=click.Path(exists=True, dir_okay=False), help="With --host: a compiled pipeline.")
@exits
def schedule(
    config: str, workspace: str | None, overrides: tuple[str, ...], host: str | None, pipeline: str | None
) -> None:
    """Print the daily run for Kubeflow Pipelines, Kubernetes and crontab; with --host, make the first."""
    import datetime

    from scenerank.pipeline.cluster.names import workspace_of
    from scenerank.pipeline.cluster.schedule import printed, recurring_run
    from scenerank.pipeline.config import load_config

    configured, today = load_config(config, overrides), datetime.datetime.now(datetime.timezone.utc).date()
    root = workspace_of(configured, workspace)
    if host is None:
        click.echo(printed(configured, root, config, overrides, today), nl=False)
        return
    wanted = recurring_run(configured, today)
    from scenerank.pipeline.cluster.recurring import schedule as made

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(pipeline or os.path.join(folder, "pipeline.yaml"))
        if pipeline is None:
            path.write_text(_compiled(config, workspace, overrides, None))
        click.echo(made(host, configured.cluster.namespace, wanted, path))


@click.command()
@config_option
@shared_workspace_option
@overrides_option
@click.option("--day", required=True, help="The day to run, as 2022-05-31.")
@exits
def distribute(config: str, workspace: str | None, overrides: tuple[str, ...], day: str) -> None:
    """Print a day's run for Kubernetes, its training spread over several machines."""
    from scenerank.pipeline.cluster.kubernetes import as_yaml
    from scenerank.pipeline.cluster.names import workspace_of
    from scenerank.pipeline.cluster.training import manifests
    from scenerank.pipeline.config import load_config

    configured = load_config(config, overrides)
    click.echo(as_yaml(manifests(configured, workspace_of(configured, workspace), day)), nl=False)


@click.command()
@workspace_option
@click.option("--day", required=True, help="The day that is run.")
@exits
def train_task(workspace: str, day: str) -> None:
    """Take part in the training of a day's run, as TF_CONFIG says."""

    if "TF_CONFIG" not in os.environ:
        raise ConfigurationError(
            "TF_CONFIG is not set: `scenerank train-task` is for the processes of a cluster, which `scenerank "
            "distribute` prints"
        )
    from scenerank.components.trainer.cluster import launch
    from scenerank.components.workspace import Workspace

    launch.take_part(Workspace(workspace).uri("tfx", "checkpoint", f"day={day}"))


def _compiled(config: str, workspace: str | None, overrides: tuple[str, ...], only: str | None) -> str:
    from scenerank.pipeline.cluster.names import workspace_of
    from scenerank.pipeline.config import check_model, load_config
    from scenerank.pipeline.terminal import quiet

    configured = load_config(config, overrides)
    root = workspace_of(configured, workspace)
    with quiet(os.devnull):
        from scenerank.pipeline.cluster.kubeflow import compile_pipeline

        check_model(configured)
        text = compile_pipeline(configured, root, "ingestion" if only else "all")
    if not root.startswith(BUCKETS):
        click.echo(f"note: Kubeflow Pipelines keeps artifacts in {', '.join(BUCKETS)} only, not in {root}", err=True)
    return text
