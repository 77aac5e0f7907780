"""Commands that change which version serves. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipeline.answers import answers
from pipeline.options import workspace_option

if TYPE_CHECKING:
    from components.pusher.releases import Release
    from components.workspace import Workspace


@click.command()
@workspace_option
@click.option("--to", type=int, metavar="VERSION", help="The version to go back to.")
@click.option("--previous", is_flag=True, help="Go back to the one before the version in service.")
@answers
def rollback(workspace: str, to: int | None, previous: bool) -> None:
    """Put an older version into service; newer ones are withdrawn."""
    from components.pusher import releases

    if (to is None) != previous:
        raise click.UsageError("give either --to VERSION or --previous")
    space = _space(workspace)
    _changed(space, releases.rollback(space, to))


@click.command()
@workspace_option
@click.argument("version", type=int, required=False)
@answers
def promote(workspace: str, version: int | None) -> None:
    """Put the canary, or a withdrawn VERSION, into service."""
    from components.pusher import releases

    space = _space(workspace)
    _changed(space, releases.promote(space, version))


@click.command()
@workspace_option
@click.option("--keep", type=click.IntRange(1), required=True, metavar="N", help="How many of the newest stay.")
@answers
def retire(workspace: str, keep: int) -> None:
    """Delete old versions; what serves, and what a rollback would go back to, always stay."""
    from components.pusher import releases, tf_serving

    space = _space(workspace)
    gone = releases.retire(space, keep)
    tf_serving.write(space)
    click.echo(f"deleted: {', '.join(map(str, gone)) or 'nothing'}")


def _space(uri: str) -> Workspace:
    """The workspace, with TF Serving told of the last release, should the command that made it have been killed."""
    from components.pusher import tf_serving
    from components.workspace import Workspace

    space = Workspace(uri)
    tf_serving.write(space)
    return space


def _changed(space: Workspace, release: Release) -> None:
    from components.pusher import tf_serving

    tf_serving.write(space)
    click.echo(", ".join(f"{label}: {version}" for label, version in release.serving.items()))
