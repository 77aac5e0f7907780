"""`scenerank show`: what a workspace holds."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from components.pusher.push import LINEAGE
from components.pusher.releases import release
from components.workspace import Workspace


def print_workspace(root: str) -> None:
    """Prints days and versions."""
    workspace = Workspace(root)
    console = Console()
    logs, examples = workspace.log_days(), set(workspace.days("examples"))
    if not logs and not examples:
        console.print(f"no logs in {workspace.uri('logs')}: import or simulate some, or write your own")
        return
    days = Table("day", "logs", "published", "rows", "quarantined", "duplicates", box=None)
    for day in sorted({*logs, *examples}):
        counts = {}
        if day in examples:
            counts = workspace.read_json(f"{workspace.day('quarantine', day)}/summary.json")
        days.add_row(
            day,
            "yes" if day in logs else "no",
            "yes" if day in examples else "no",
            str(counts.get("rows_accepted", "")),
            str(sum(counts.get("quarantined", {}).values())),
            str(counts.get("duplicates_dropped", "")),
        )
    console.print(days)
    known = release(workspace)
    states = {**dict.fromkeys(known.withdrawn, "withdrawn"), known.canary: "canary", known.stable: "in service"}
    versions = Table("version", "day", "model", "AUC", "log loss", "", box=None)
    for version in workspace.versions():
        lineage = workspace.read_json(f"{workspace.model(version)}/{LINEAGE}")
        overall = lineage["metrics"][""]["candidate"]
        versions.add_row(
            str(version),
            lineage["day"],
            lineage["config"]["trainer"]["model"],
            f"{overall['auc']:.4f}",
            f"{overall['log_loss']:.4f}",
            states.get(version, ""),
        )
    console.print(versions if versions.row_count else "no model was pushed yet", highlight=False)
