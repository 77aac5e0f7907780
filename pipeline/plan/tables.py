"""What a model's weights would need, before anything is allocated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import rich.box
from rich.console import Console
from rich.table import Table

from scenerank.components.trainer.cluster.memory import PEAK, Weight, on_a_worker, per_server, planned
from scenerank.components.workspace import Workspace
from scenerank.pipeline.config import Config
from scenerank.schemas.features import feature_set

VOCABULARY = 1000
"""Values that a column is taken to have whose vocabulary nobody knows yet."""
SHOWN = 8
MIB = 2**20


def vocabulary_sizes(config: Config, workspace: Workspace | None, scenarios: int | None) -> dict[str, int]:
    """Values of each column with a vocabulary: those of the model in service, else `VOCABULARY`.

    Args:
      scenarios: of the column that names the scenario; None: as the others.
    """
    listed = [c.name for c in config.declared.features if c.encoding and c.encoding.kind == "vocabulary"]
    version = workspace.served() if workspace else None
    known: Mapping[str, list[str]] = {}
    if workspace and version is not None:
        known = workspace.read_json(f"{workspace.checkpoint(version)}/vocabularies.json")
    sizes = {name: len(known[name]) if name in known else VOCABULARY for name in listed}
    if scenarios is not None and config.declared.scenario.name in sizes:
        sizes[config.declared.scenario.name] = scenarios
    return sizes


def print_weights(console: Console, config: Config, workspace: str | None, scenarios: int) -> None:
    """Bytes of the model's weights, of each server and of each worker; nothing is allocated."""
    sizes = vocabulary_sizes(config, Workspace(workspace) if workspace else None, scenarios)
    found = weights(config, sizes)
    console.print(f"weights of {config.trainer.model}, trained with {config.trainer.strategy}", highlight=False)
    console.print(weight_table(found))
    for name, size in totals(config, found).items():
        console.print(f"  {name}: {_shown(size)} MiB", highlight=False)
    assumed = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
    console.print(f"  vocabularies, as in the model in service or else assumed: {assumed}\n", highlight=False)


def weights(config: Config, sizes: Mapping[str, int]) -> list[Weight]:
    """Weights of the configured model over vocabularies of these sizes, largest first."""
    return planned(config.trainer, feature_set(config.declared, sizes))


def weight_table(found: Sequence[Weight]) -> Table:
    """The largest weights, and the rest in a line, in MiB."""
    table = Table("weight", "shape", "MiB", "with Adam's moments", "parts", "MiB a part", box=rich.box.SIMPLE)
    for weight in found[:SHOWN]:
        whole = weight.bytes + weight.moments
        numbers = (weight.bytes / MIB, whole / MIB, weight.parts, whole / weight.parts / MIB)
        table.add_row(weight.name, " x ".join(f"{n:,}" for n in weight.shape), *map(_shown, numbers))
    rest = found[SHOWN:]
    if rest:
        size, moments = sum(w.bytes for w in rest), sum(w.moments for w in rest)
        table.add_row(f"{len(rest)} others", "", _shown(size / MIB), _shown((size + moments) / MIB), "", "")
    return table


def totals(config: Config, found: Sequence[Weight]) -> dict[str, float]:
    """MiB by what holds them: each parameter server, each process that learns, the model that is served."""
    cluster, strategy = config.trainer.cluster, config.trainer.strategy
    out = {"all weights": sum(w.bytes for w in found) / MIB}
    out["all weights with Adam's moments"] = sum(w.bytes + w.moments for w in found) / MIB
    if strategy == "parameter_server":
        held = per_server(found, cluster.servers) / MIB
        out[f"a parameter server, of {cluster.servers}"] = held
        out["the same at its peak, about"] = PEAK * held
        out["the chief, while it exports"] = out["all weights"]
    out["a worker"] = on_a_worker(found, config.trainer) / MIB
    out["the served model, about"] = out["all weights"]
    return out


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
