"""`scenerank deploy`. Nothing heavy is imported before the command needs it."""

from __future__ import annotations

import click

from pipeline.answers import answers


@click.command()
@click.option("--config", "-c", required=True, help="Name of a bundled configuration or a path to a .yaml file.")
@click.option("--workspace", "-w", help="Path or URI of the workspace; by default `cluster.workspace`.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override, as cluster.serving.replicas=3.")
@click.option("--docker", is_flag=True, help="Print a `docker run` line instead of Kubernetes manifests.")
@answers
def deploy(config: str, workspace: str | None, overrides: tuple, docker: bool) -> None:
    """Print what starts TF Serving over a workspace: Kubernetes manifests, or a `docker run` line."""
    from components.workspace import Workspace
    from pipeline.cluster import serving
    from pipeline.cluster.kubernetes import as_yaml
    from pipeline.config import ConfigError, load_config

    found = load_config(config, overrides)
    uri = workspace or found.cluster.workspace
    if uri is None:
        raise ConfigError("cluster.workspace: neither it nor --workspace says where the versions are: give one")
    space = Workspace(uri)
    click.echo(serving.docker_line(found, space) if docker else as_yaml(serving.manifests(found, space)), nl=docker)
