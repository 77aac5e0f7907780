"""Commands for clusters. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import os
import pathlib
import tempfile

import click

from pipeline.answers import answers
from pipeline.options import config_option, overrides_option, shared_workspace_option, workspace_option

BUCKETS = ("gs://", "s3://", "minio://")


@click.command(name="compile")
@config_option
@shared_workspace_option
@overrides_option
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="File to write, such as pipeline.yaml.")
@click.option("--only", type=click.Choice(["ingestion"]), help="End with the published day, for a backfill.")
@answers
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
@answers
def schedule(
    config: str, workspace: str | None, overrides: tuple[str, ...], host: str | None, pipeline: str | None
) -> None:
    """Print the daily run for Kubeflow Pipelines, Kubernetes and crontab; with --host, make the first."""
    import datetime

    from pipeline.cluster.names import workspace_of
    from pipeline.cluster.schedule import printed, recurring_run
    from pipeline.config import load_config

    told, today = load_config(config, overrides), datetime.datetime.now(datetime.timezone.utc).date()
    root = workspace_of(told, workspace)
    if host is None:
        click.echo(printed(told, root, config, overrides, today), nl=False)
        return
    wanted = recurring_run(told, today)
    from pipeline.cluster.recurring import schedule as made

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(pipeline or os.path.join(folder, "pipeline.yaml"))
        if pipeline is None:
            path.write_text(_compiled(config, workspace, overrides, None))
        click.echo(made(host, told.cluster.namespace, wanted, path))


@click.command()
@config_option
@shared_workspace_option
@overrides_option
@click.option("--docker", is_flag=True, help="Print a `docker run` line instead of Kubernetes manifests.")
@answers
def deploy(config: str, workspace: str | None, overrides: tuple[str, ...], docker: bool) -> None:
    """Print what starts TF Serving over a workspace: Kubernetes manifests, or a `docker run` line."""
    from components.workspace import Workspace
    from pipeline.cluster import serving
    from pipeline.cluster.kubernetes import as_yaml
    from pipeline.cluster.names import workspace_of
    from pipeline.config import load_config

    told = load_config(config, overrides)
    space = Workspace(workspace_of(told, workspace))
    click.echo(serving.docker_line(told, space) if docker else as_yaml(serving.manifests(told, space)), nl=docker)


@click.command()
@config_option
@shared_workspace_option
@overrides_option
@click.option("--day", required=True, help="The day to run, as 2022-05-31.")
@answers
def distribute(config: str, workspace: str | None, overrides: tuple[str, ...], day: str) -> None:
    """Print a day's run for Kubernetes, its training spread over several machines."""
    from pipeline.cluster.kubernetes import as_yaml
    from pipeline.cluster.names import workspace_of
    from pipeline.cluster.training import manifests
    from pipeline.config import load_config

    told = load_config(config, overrides)
    click.echo(as_yaml(manifests(told, workspace_of(told, workspace), day)), nl=False)


@click.command()
@workspace_option
@click.option("--day", required=True, help="The day that is run.")
@answers
def join(workspace: str, day: str) -> None:
    """Take part in the training of a day's run, as TF_CONFIG says."""
    from pipeline.config import ConfigError

    if "TF_CONFIG" not in os.environ:
        raise ConfigError("TF_CONFIG is not set: `scenerank join` is for the processes of a cluster, see README")
    from components.trainer import launch
    from components.workspace import Workspace

    launch.join(Workspace(workspace).uri("tfx", "checkpoint", f"day={day}"))


def _compiled(config: str, workspace: str | None, overrides: tuple[str, ...], only: str | None) -> str:
    from pipeline.cluster.names import workspace_of
    from pipeline.config import check_model, load_config
    from pipeline.terminal import quiet

    told = load_config(config, overrides)
    root = workspace_of(told, workspace)
    with quiet(os.devnull):
        from pipeline.cluster.kubeflow import compile_pipeline

        check_model(told)
        text = compile_pipeline(told, root, "ingestion" if only else "all")
    if not root.startswith(BUCKETS):
        click.echo(f"note: Kubeflow Pipelines keeps artifacts in {', '.join(BUCKETS)} only, not in {root}", err=True)
    return text
