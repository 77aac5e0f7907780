"""Commands with their options, from click, and how commands end, from `scenerank.errors`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from scenerank import errors
from scenerank.pipeline.cli import main as cli
from scenerank.pipeline.reference.markdown import summary, table

GROUPS = {
    "Daily runs": cli.RUNS,
    "Data": cli.DATA,
    "Serving": cli.SERVING,
    "Comparing models": cli.COMPARISONS,
    "Clusters and plans": cli.CLUSTERS,
}


def command_line() -> str:
    """All commands, by what they are for: what each does, how it is called, its options."""
    parts = []
    for title, commands in GROUPS.items():
        parts.append(f"## {title}")
        for command in commands:
            context = click.Context(cli.main, info_name="scenerank")
            parts += _described(command, click.Context(command, info_name=command.name, parent=context))
    former = ", ".join(f"`{new.name}` was `{old}`" for old, new in cli.FORMER.items())
    return "\n\n".join([*parts, f"Former names still work in this version: {former}."])


def _described(command: click.Command, context: click.Context) -> Iterator[str]:
    path = context.command_path
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from _described(below, click.Context(below, info_name=name, parent=context))
        return
    yield f"### `{path}`"
    yield " ".join((command.help or "").split())
    yield f"    {' '.join([path, *command.collect_usage_pieces(context)])}"
    records = [param.get_help_record(context) for param in command.params if isinstance(param, click.Option)]
    if rows := [[f"`{record[0]}`", record[1].replace("  [", " [")] for record in records if record]:
        yield table(["option", "meaning"], rows)


def command_index() -> str:
    """Table of all commands, a line each."""
    rows = []
    for commands in GROUPS.values():
        for command in commands:
            below = command.commands.items() if isinstance(command, click.Group) else [("", command)]
            for name, one in below:
                rows.append([f"`scenerank {command.name}{f' {name}' if name else ''}`", summary(one.callback)])
    return table(["command", "what it does"], rows)


def exit_codes() -> str:
    """Table of the codes that commands end with."""
    return table(["code", "name", "meaning"], ([str(int(c)), c.name.lower(), c.meaning] for c in errors.ExitCode))


def error_classes() -> str:
    """Table of the errors that a person can mend, with the code that each ends a command with."""
    found = [
        error
        for _, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, errors.SceneRankError) and error is not errors.SceneRankError
    ]
    found.sort(key=lambda error: (error.exit_code, error.__name__))
    rows = ([f"`{error.__name__}`", str(int(error.exit_code)), summary(error)] for error in found)
    return table(["error", "code", "what is wrong"], rows)
