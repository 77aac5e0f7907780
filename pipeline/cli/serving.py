"""Commands for what is served. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import datetime
import json
import os
from typing import TYPE_CHECKING

import click

from scenerank.errors import DataError
from scenerank.pipeline.cli._errors import exits
from scenerank.pipeline.cli._options import config_option, overrides_option, shared_workspace_option, workspace_option

if TYPE_CHECKING:
    from scenerank.components.pusher.releases import Release
    from scenerank.components.workspace import Workspace


@click.command()
@workspace_option
@click.option("--input", "source", required=True, help="Parquet, JSON Lines or CSV file of raw features.")
@click.option("--output", required=True, help="File of the same kind to write, with the column `probability`.")
@click.option("--version", type=int, help="A pushed version; by default the one in service.")
@exits
def predict(workspace: str, source: str, output: str, version: int | None) -> None:
    """Score a file with a pushed version."""
    from scenerank.pipeline.terminal import quiet

    with quiet(os.devnull):
        from scenerank.pipeline.serving.predict import predict_file

        done = predict_file(workspace, source, output, version)
    click.echo(done)


@click.command()
@config_option
@click.option("--input", "source", required=True, help="Parquet, JSON Lines or CSV file of raw features.")
@click.option("--rank", is_flag=True, help="Rows are candidates of one request; the first one's user asks.")
@click.option("--host", default="localhost", show_default=True)
@click.option("--port", type=int, help="By default `cluster.serving.grpc_port`, or `rest_port` with --rest.")
@click.option("--rest", is_flag=True, help="JSON over HTTP instead of gRPC.")
@click.option("--label", type=click.Choice(["stable", "canary"]), default="stable", show_default=True)
@click.option("--timeout", type=float, default=5.0, show_default=True, help="Seconds.")
@click.option("--tls", is_flag=True, help="Encrypted, and the server's certificate is checked.")
@click.option("--ca", metavar="FILE", help="PEM of the authorities to check it by; by default the system's.")
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", help="Sent along; may be given more than once.")
@exits
def score(
    config: str,
    source: str,
    rank: bool,
    host: str,
    port: int | None,
    rest: bool,
    label: str,
    timeout: float,
    tls: bool,
    ca: str | None,
    metadata: tuple[str, ...],
) -> None:
    """Ask a running TF Serving for the rows of a file; prints item and probability, ranked with --rank.

    The environment variable SCENERANK_TOKEN is sent along as `authorization: Bearer ...`.
    """
    from scenerank.pipeline.config import load_config
    from scenerank.pipeline.serving.client import Client
    from scenerank.pipeline.serving.columns import check, columns, read_table

    configured = load_config(config)
    declaration, serving = configured.declared, configured.cluster.serving
    table = read_table(source, declaration)
    check(declaration, table, source)
    if not table.num_rows:
        raise DataError(f"{source} has no rows: give some")
    asked = columns(declaration, table, source)
    usual = serving.rest_port if rest else serving.grpc_port
    sent = _metadata(metadata)
    client = Client(host, declaration.name, port or usual, label, rest, timeout, tls, ca, sent)
    if rank:
        candidates = declaration.candidate_columns
        scores = client.rank(
            {name: value[0] for name, value in asked.items() if name not in candidates},
            {name: value for name, value in asked.items() if name in candidates},
        )
    else:
        scores = client.score(asked)
    items = table.column(declaration.item.name).to_pylist()
    rows = list(zip(items, scores.probability.tolist()))
    for item, probability in sorted(rows, key=lambda row: -row[1]) if rank else rows:
        click.echo(json.dumps({declaration.item.name: item, "probability": round(probability, 6)}))


def _metadata(given: tuple[str, ...]) -> dict[str, str]:
    token = os.environ.get("SCENERANK_TOKEN")
    found = {"authorization": f"Bearer {token}"} if token else {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise click.UsageError(f"--metadata {pair!r}: write NAME=VALUE")
        found[name] = value
    return found


@click.command()
@config_option
@shared_workspace_option
@overrides_option
@click.option("--docker", is_flag=True, help="Print a `docker run` line instead of Kubernetes manifests.")
@exits
def deploy(config: str, workspace: str | None, overrides: tuple[str, ...], docker: bool) -> None:
    """Print what starts TF Serving over a workspace: Kubernetes manifests, or a `docker run` line."""
    from scenerank.components.workspace import Workspace
    from scenerank.pipeline.cluster.kubernetes import as_yaml
    from scenerank.pipeline.cluster.names import workspace_of
    from scenerank.pipeline.config import load_config
    from scenerank.pipeline.serving import manifests as serving

    configured = load_config(config, overrides)
    space = Workspace(workspace_of(configured, workspace))
    text = serving.docker_line(configured, space) if docker else as_yaml(serving.manifests(configured, space))
    click.echo(text, nl=docker)


@click.command()
@workspace_option
@click.option("--to", type=int, metavar="VERSION", help="The version to go back to.")
@click.option("--previous", is_flag=True, help="Go back to the one before the version in service.")
@exits
def rollback(workspace: str, to: int | None, previous: bool) -> None:
    """Put an older version into service; newer ones are withdrawn."""
    from scenerank.components.pusher import releases

    if (to is None) != previous:
        raise click.UsageError("give either --to VERSION or --previous")
    space = _space(workspace)
    _changed(space, releases.rollback(space, to))


@click.command()
@workspace_option
@click.argument("version", type=int, required=False)
@exits
def promote(workspace: str, version: int | None) -> None:
    """Put the canary, or a withdrawn VERSION, into service."""
    from scenerank.components.pusher import releases

    space = _space(workspace)
    _changed(space, releases.promote(space, version))


@click.command()
@workspace_option
@click.option("--reason", required=True, help="Why no new version shall serve.")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), help="In UTC; by default `resume` ends it."
)
@exits
def hold(workspace: str, reason: str, until: datetime.datetime | None) -> None:
    """Let no new version serve: runs go on, and what they push is withdrawn."""
    from scenerank.components.pusher import releases

    zoned = until and until.replace(tzinfo=datetime.timezone.utc)
    _changed(space := _space(workspace), releases.hold(space, reason, zoned))


@click.command()
@workspace_option
@exits
def resume(workspace: str) -> None:
    """Let new versions serve again; those pushed meanwhile wait for `promote`."""
    from scenerank.components.pusher import releases

    _changed(space := _space(workspace), releases.resume(space))


@click.command()
@workspace_option
@click.option("--keep", type=click.IntRange(1), required=True, metavar="N", help="How many of the newest stay.")
@exits
def retire(workspace: str, keep: int) -> None:
    """Delete old versions; what serves, and what a rollback would go back to, always stay."""
    from scenerank.components.pusher import releases, tf_serving

    space = _space(workspace)
    gone = releases.retire(space, keep)
    tf_serving.write(space)
    click.echo(f"deleted: {', '.join(map(str, gone)) or 'nothing'}")


def _space(uri: str) -> Workspace:
    """The workspace, with TF Serving told of the last release, should the command that made it have been killed."""
    from scenerank.components.pusher import tf_serving
    from scenerank.components.workspace import Workspace

    space = Workspace(uri)
    tf_serving.write(space)
    return space


def _changed(space: Workspace, release: Release) -> None:
    from scenerank.components.pusher import tf_serving

    tf_serving.write(space)
    held = "" if release.held is None else f"; new versions are held: {release.held}"
    click.echo(", ".join(f"{label}: {version}" for label, version in release.serving.items()) + held)
