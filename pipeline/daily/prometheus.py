"""What a workspace came to, for Prometheus: a text file that the node exporter's textfile collector reads."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator

from scenerank.components.records.attempt import RUNNING, Attempt, attempts, in_a_row, rejections
from scenerank.components.workspace import Workspace, shift

FILE = "metrics.prom"
HELP = {
    "newest_day_end_timestamp_seconds": "End of the newest published day, in UTC.",
    "run_end_timestamp_seconds": "When the last run ended.",
    "run_seconds": "Wall clock of the last run.",
    "run_exit_code": "Exit code of the last run.",
    "runs_failed": "Runs in a row, up to the last, that ended with a code that is neither 0 nor 4.",
    "rejections": "Models in a row, up to the last that was judged, that were not blessed.",
    "rows": "Accepted rows of the last day that was ingested.",
    "quarantined_share": "Its refused rows over all that were read.",
    "auc": "Of the last candidate that was evaluated.",
    "pcoc": "Its mean score over the click rate.",
    "served_version": "Version in service; 0 if none.",
}


def write_metrics(workspace: Workspace, name: str) -> None:
    """Replaces `metrics.prom`.

    Args:
      name: of the declaration, which becomes a label.
    """
    lines, label = [], json.dumps(name, ensure_ascii=False)  # quoted as Prometheus has it
    for metric, value in _values(workspace, [a for a in attempts(workspace) if a.state != RUNNING]):
        full = f"scenerank_{metric}"
        lines += [f"# HELP {full} {HELP[metric]}", f"# TYPE {full} gauge", f"{full}{{name={label}}} {value:.10g}"]
    workspace.write_text(workspace.uri(FILE), "".join(f"{line}\n" for line in lines))


def _values(workspace: Workspace, known: list[Attempt]) -> Iterator[tuple[str, float]]:
    if days := workspace.days("examples"):
        end = datetime.datetime.fromisoformat(shift(days[-1], 1)).replace(tzinfo=datetime.timezone.utc)
        yield "newest_day_end_timestamp_seconds", end.timestamp()
    yield "served_version", workspace.served() or 0
    yield "rejections", rejections(known)
    if not known:
        return
    last = known[-1]
    if last.ended is not None and last.seconds is not None and last.exit_code is not None:
        yield "run_end_timestamp_seconds", last.ended.timestamp()
        yield "run_seconds", last.seconds
        yield "run_exit_code", last.exit_code
    yield "runs_failed", in_a_row(a.exit_code not in (0, 4) for a in known)
    ingested = next((a for a in reversed(known) if a.rows is not None), None)
    if ingested is not None:
        rows, refused = ingested.rows or 0, ingested.quarantined or 0
        yield "rows", rows
        yield "quarantined_share", refused / max(rows + refused, 1)
    judged = next((a for a in reversed(known) if a.auc is not None), None)
    for metric in ("auc", "pcoc"):
        if judged is not None and getattr(judged, metric) is not None:
            yield metric, getattr(judged, metric)
