"""Which days train, validate and evaluate; and their files brought together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.protobuf import text_format

from scenerank.components import storage
from scenerank.components.examples_window.folds import ALL, of_fold
from scenerank.components.examples_window.settings import WindowSettings
from scenerank.components.records.window import EVAL, TRAIN, VALIDATION, Window, split_folder
from scenerank.components.transfer import mirror
from scenerank.components.workspace import Workspace, shift
from scenerank.errors import WorkspaceError
from scenerank.schemas.declaration import Declaration
from scenerank.schemas.tfmd import schema


def window_days(day: str, known: Sequence[str], settings: WindowSettings) -> list[str]:
    """Days before `day` that a run of it wants, oldest first.

    Args:
      known: days that have logs or examples; days before the first of them are not missed.
    """
    first = min([*known, day])
    return [d for d in (shift(day, -back) for back in range(settings.days, 0, -1)) if d >= first]


def without_missing(day: str, wanted: Sequence[str], there: Sequence[str], settings: WindowSettings) -> list[str]:
    """Those of the days before `day` that are there.

    Raises:
      WorkspaceError: one is missing and none may be, or more than may be.
    """
    present = set(there)
    missing = [d for d in wanted if d not in present]
    most = settings.most_missing if settings.missing == "skip" else 0
    if len(missing) > most:
        allowed = f", of which window.most_missing lets {most} be missing" if most else ""
        raise WorkspaceError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing within the {settings.days} days "
            f"before {day}{allowed}: add their logs to the workspace and run them, make window.days smaller, or let "
            "window.missing=skip train without them"
        )
    return [d for d in wanted if d in present]


def split_days(
    day: str, known: list[str], published: list[str], settings: WindowSettings, fold: int = ALL
) -> dict[str, list[str]]:
    """Days by split, oldest first; a split without days is left out.

    Args:
      known: see `window_days`.
      published: days that have examples.
      fold: train on that fold of the days before `day`, which then has no validation days: for scores of the others.

    Raises:
      WorkspaceError: `day` has no examples, a day of the window that may not be missing has none, or none comes before
        `day`.
    """
    if day not in published:
        raise WorkspaceError(f"no examples are published of {day}: run its ingestion first")
    before = without_missing(day, window_days(day, [*known, *published], settings), published, settings)
    if not before:
        raise WorkspaceError(f"no day before {day} is there to train on: run the day after it")
    before = of_fold(before, fold)
    held_out = settings.validation_days if len(before) > settings.validation_days and fold == ALL else 0
    cut = len(before) - held_out
    splits = {TRAIN: before[:cut], VALIDATION: before[cut:], EVAL: [day]}
    return {name: days for name, days in splits.items() if days}


def build_window(
    workspace: Workspace,
    day: str,
    settings: WindowSettings,
    target: str,
    fold: int = ALL,
    stale: Mapping[str, list[str]] | None = None,
) -> list[str]:
    """Brings the days' files to `target`, a folder a split, and writes `window.json` there.

    Args:
      stale: what is told of the days that are not any more what they were made of.

    Returns:
      Names of the splits.

    Raises:
      WorkspaceError: see `split_days`; or a published day without a file.
    """
    known, published = workspace.log_days(), workspace.days("examples")
    splits = split_days(day, known, published, settings, fold)
    content = {d: workspace.day("examples", d) for days in splits.values() for d in days}
    for name, days in splits.items():
        for one in days:
            if not mirror(f"{content[one]}/examples", split_folder(target, name), prefix=f"{one}-"):
                raise WorkspaceError(f"{content[one]}/examples is empty: run the ingestion of {one} again")
    tables = {d: workspace.day("fairness", d) for d in content}
    skipped = [d for d in window_days(day, [*known, *published], settings) if d not in published]
    told = {d: changes for d, changes in (stale or {}).items() if d in content}
    Window(day=day, splits=splits, skipped=skipped, stale=told, examples=content, fairness=tables).write(target)
    return list(splits)


def write_schema(declaration: Declaration, target: str) -> None:
    """Writes `schema.pbtxt` into folder `target`."""
    storage.write(f"{target}/schema.pbtxt", text_format.MessageToString(schema(declaration, fairness=True)))


def files_of_day(day: str, files: Sequence[str]) -> list[str]:
    """Those of a window's `files` that hold rows of a day."""
    return [file for file in files if file.rsplit("/", 1)[-1].startswith(f"{day}-")]
