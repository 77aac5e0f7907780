"""Which days train, validate and evaluate; and their files brought together."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf import text_format

from scenerank.components import storage
from scenerank.components.examples_window.folds import ALL, of_fold
from scenerank.components.records.window import EVAL, TRAIN, VALIDATION, Window, split_folder
from scenerank.components.transfer import mirror
from scenerank.components.workspace import Workspace, shift
from scenerank.errors import WorkspaceError
from scenerank.schemas.declaration import Declaration
from scenerank.schemas.tfmd import schema


def split_days(
    day: str, known: list[str], published: list[str], window_days: int, validation_days: int, fold: int = ALL
) -> dict[str, list[str]]:
    """Days by split, oldest first; a split without days is left out.

    Args:
      known: days that have logs or examples; days before the first of them are not missed.
      published: days that have examples.
      fold: train on that fold of the days before `day`, which then has no validation days: for scores of the others.

    Raises:
      WorkspaceError: a day of the window has no examples, or none comes before `day`.
    """
    first = min([*known, *published, day])
    before = [d for d in (shift(day, -back) for back in range(window_days, 0, -1)) if d >= first]
    missing = [d for d in (*before, day) if d not in set(published)]
    if missing:
        raise WorkspaceError(
            f"no examples are published of {', '.join(missing)}, within the {window_days} days before {day}: "
            "run the ingestion of these days first"
        )
    if not before:
        raise WorkspaceError(f"no day before {day} is there to train on: run the day after it")
    before = of_fold(before, fold)
    held_out = validation_days if len(before) > validation_days and fold == ALL else 0
    cut = len(before) - held_out
    splits = {TRAIN: before[:cut], VALIDATION: before[cut:], EVAL: [day]}
    return {name: days for name, days in splits.items() if days}


def build_window(
    workspace: Workspace, day: str, window_days: int, validation_days: int, target: str, fold: int = ALL
) -> list[str]:
    """Brings the days' files to `target`, a folder a split, and writes `window.json` there.

    Returns:
      Names of the splits.

    Raises:
      WorkspaceError: see `split_days`; or a published day without a file.
    """
    splits = split_days(day, workspace.log_days(), workspace.days("examples"), window_days, validation_days, fold)
    content = {d: workspace.day("examples", d) for days in splits.values() for d in days}
    for name, days in splits.items():
        for one in days:
            if not mirror(f"{content[one]}/examples", split_folder(target, name), prefix=f"{one}-"):
                raise WorkspaceError(f"{content[one]}/examples is empty: run the ingestion of {one} again")
    tables = {d: workspace.day("fairness", d) for d in content}
    Window(day=day, splits=splits, examples=content, fairness=tables).write(target)
    return list(splits)


def write_schema(declaration: Declaration, target: str) -> None:
    """Writes `schema.pbtxt` into folder `target`."""
    storage.write(f"{target}/schema.pbtxt", text_format.MessageToString(schema(declaration, fairness=True)))


def files_of_day(day: str, files: Sequence[str]) -> list[str]:
    """Those of a window's `files` that hold rows of a day."""
    return [file for file in files if file.rsplit("/", 1)[-1].startswith(f"{day}-")]
