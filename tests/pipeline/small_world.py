"""Three tiny days of the simulated platform, a model in service after the second, and what must not change.

The declaration names a few of the log's columns only, the model is as small as it gets: a run of a day costs
what TFX, Beam and TensorFlow cost.
"""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
import shutil
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner

from scenerank.components.workspace import Workspace
from scenerank.pipeline.cli.main import main
from scenerank.pipeline.sources.simulator import simulate

FIRST, SECOND, DAY = "2024-03-01", "2024-03-02", "2024-03-03"
ROWS = 600
ALL = slice(None)

DECLARATION = """
name: small
columns:
  - {name: request_id, type: string, group: request_id}
  - {name: time_ms, type: int64, group: time, min: 0}
  - {name: scenario_id, type: string, group: scenario, key: true, encoding: {kind: vocabulary}}
  - {name: user_id, type: string, group: user, key: true, encoding: {kind: hash, size: 256}}
  - {name: age_band, type: string, group: user, encoding: {kind: hash, size: 16}}
  - {name: item_id, type: string, group: item, key: true, encoding: {kind: hash, size: 128}}
  - {name: price, type: float32, group: item, min: 0, encoding: {kind: numeric, log: true, standardize: false}}
  - {name: hour, type: int64, group: context, min: 0, max: 23, encoding: {kind: hash, size: 24}}
  - {name: is_click, type: int64, group: label, values: [0, 1]}
history:
  types: {click: is_click}
rates:
  keys: [[item_id]]
  events: [is_click]
"""

CONFIG = """
declaration: small.yaml
window: {days: 2, validation_days: 0}
ingest: {partitions: 4}
trainer:
  batch_size: 256
  epochs: 1
  epochs_without_validation: 2
  tensorboard: false
  model: hard_sharing
  model_settings: {embedding: {dim: 4}, units: [4]}
  debias: {nets: true, units: [4], dim: 2}
evaluation: {auc_margin: 1, max_decline: 1, min_auc: 0, pcoc_min: 0, pcoc_max: 1000, scenario_auc_margin: 1}
"""


@dataclasses.dataclass(frozen=True)
class Answer:
    """How a command ended: exit code, and what it wrote on the terminal."""

    code: int
    text: str

    @property
    def sentence(self) -> str:
        """The one sentence on what was wrong."""
        (line,) = [line for line in self.text.splitlines() if line.startswith("scenerank: ")]
        return line.removeprefix("scenerank: ")


def hashes(folder: str) -> dict[str, str]:
    """Of each file, by its path within."""
    root = pathlib.Path(folder)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def changed(rows: pa.Table, name: str, values: Any, places: slice = ALL) -> pa.Table:
    """`rows` with other values in a column: an array for all of it, or one value at `places`."""
    if not isinstance(values, pa.Array):
        old = rows[name].to_pylist()
        old[places] = [values] * len(old[places])
        values = pa.array(old)
    return rows.set_column(rows.schema.get_field_index(name), name, values)


class World:
    """A workspace with its configuration beside it.

    Args:
      folder: holds `config.yaml`, `small.yaml` and the workspace `w`.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.workspace = Workspace(str(folder / "w"))

    @classmethod
    def create(cls, folder: pathlib.Path, days: int = 3) -> World:
        """Simulates three days, or more; the first has a scenario of one row."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(CONFIG)
        (folder / "small.yaml").write_text(DECLARATION)
        size = {"days": days, "scenarios": 3, "users": 120, "items": 60, "impressions_per_day": ROWS}
        simulate(str(folder / "w"), **size, start_day=FIRST, seed=0)
        for name in ("truth", "unbiased"):  # only the report looks there, and takes its time
            shutil.rmtree(folder / "w" / name)
        world = cls(folder)
        world.write(changed(world.rows(FIRST), "scenario_id", "rare", slice(7, 8)), FIRST)
        return world

    def copy(self, folder: pathlib.Path) -> World:
        """The same elsewhere; without the artifacts and the metadata of earlier runs."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("tfx"))
        return World(folder)

    @property
    def config(self) -> str:
        return str(self.folder / "config.yaml")

    def run(self, *args: str) -> Answer:
        """`scenerank run` in this process."""
        done = CliRunner().invoke(main, ["run", "-w", self.workspace.root, "-c", self.config, *args])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Answer(done.exit_code, done.output)

    def log(self, day: str = DAY) -> pathlib.Path:
        """The one file of a day's log."""
        (path,) = pathlib.Path(self.workspace.root, "logs", f"day={day}").glob("*.parquet")
        return path

    def rows(self, day: str = DAY) -> pa.Table:
        return pq.ParquetFile(self.log(day)).read()

    def write(self, rows: pa.Table, day: str = DAY) -> None:
        pq.write_table(rows, self.log(day))

    def published(self, *days: str) -> dict[str, str]:
        """Hash of each file that is published of these days, by table, day and path within."""
        found = {}
        for table in ("examples", "fairness", "quarantine"):
            for day in self.workspace.days(table):
                if day in days:
                    root = self.workspace.path(self.workspace.day(table, day))
                    found |= {f"{table}/{day}/{name}": digest for name, digest in hashes(root).items()}
        return found

    def measured(self, day: str = DAY) -> dict[str, dict[str, dict[str, float]]]:
        """What the day's evaluation found, by scenario and model; NaN for what it left undefined."""
        record = self.workspace.read_json(self.workspace.uri("reports", f"day={day}", "run.json"))
        found = record["metrics"]["slices"]
        return {
            scenario: {
                model: {name: float("nan") if value is None else value for name, value in values.items()}
                for model, values in models.items()
            }
            for scenario, models in found.items()
        }

    def served(self) -> dict[str, str]:
        """Hash of each file in `models/` and `checkpoints/`."""
        kinds = ("models", "checkpoints")
        return {f"{k}/{name}": digest for k in kinds for name, digest in hashes(f"{self.workspace.root}/{k}").items()}
