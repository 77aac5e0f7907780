"""A trained model and the test rows that it is explained with."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from scenerank.components.storage import expand
from scenerank.components.transform.example_reader import READ_BATCH
from scenerank.components.transform.raw import DTYPES
from scenerank.components.workspace import Workspace
from scenerank.errors import WorkspaceError
from scenerank.models.base import RankingModel
from scenerank.pipeline.compare.data import Prepared
from scenerank.pipeline.compare.trial import scores_of
from scenerank.pipeline.drawing.page import Missing
from scenerank.schemas import Declaration

BATCH = 2048


@dataclasses.dataclass(frozen=True)
class Subject:
    """What pictures are drawn from.

    Attributes:
      model: trained.
      prepared: the data.
      declaration: of the data set.
      workspace: with the test day's examples, or a folder that is not there: then raw columns are missing.
      day: of the test.
      seed: for whatever is drawn at random.
    """

    model: RankingModel
    prepared: Prepared
    declaration: Declaration
    workspace: str
    day: str
    seed: int = 0

    @functools.cached_property
    def scenario_names(self) -> dict[int, str]:
        """Texts of scenarios by index, as far as the test rows tell them; 0 is `unknown`."""
        index, name = self.prepared.test.scenarios, self.prepared.facts.scenario
        found, first = np.unique(index, return_index=True)
        return {int(i): str(name[row]) for i, row in zip(found, first)} | {0: "unknown"}

    def named(self, index: np.ndarray) -> np.ndarray:
        """Names of scenario indices, object of the same shape."""
        size = self.prepared.features.scenarios
        names = [self.scenario_names.get(i, f"index {i}") for i in range(size)]
        return np.array(names, object)[np.where((index >= 0) & (index < size), index, 0)]

    def largest(self, most: int) -> list[tuple[int, str, np.ndarray]]:
        """Known scenarios with the most test rows: index, name, rows int64 `[n]`."""
        index = self.prepared.test.scenarios
        found, count = np.unique(index[index > 0], return_counts=True)
        chosen = found[np.argsort(-count, kind="stable")][:most]
        return [(int(i), self.scenario_names[int(i)], np.flatnonzero(index == i)) for i in chosen]

    def sample(self, per_scenario: int, usable: np.ndarray | None = None) -> np.ndarray:
        """Rows of the test, in order: at most so many of a scenario.

        Args:
          usable: bool `[N]`; None: all rows are.
        """
        index = self.prepared.test.scenarios
        random = np.random.default_rng(self.seed)
        order = random.permutation(len(index) if usable is None else np.flatnonzero(usable))
        chosen = [order[index[order] == one][:per_scenario] for one in np.unique(index[order])]
        return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)

    def compute(self, what: Callable[[dict[str, tf.Tensor]], Any], rows: np.ndarray | None = None) -> Any:
        """Runs `what` on the features of test rows, batch by batch: its arrays, joined along axis 0."""
        test = self.prepared.test
        rows = np.arange(test.rows) if rows is None else rows
        run = tf.function(what, reduce_retracing=True, autograph=False)
        parts = [run(test.batch(tf.constant(rows[i : i + BATCH], tf.int64))[0]) for i in range(0, len(rows), BATCH)]
        return tf.nest.map_structure(lambda *arrays: np.concatenate([a.numpy() for a in arrays]), *parts)

    @functools.cached_property
    def scores(self) -> np.ndarray:
        """Click probabilities of all test rows, float32 `[N]`."""
        return scores_of(self.model, self.prepared.test)

    def raw(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Columns of the test rows as they are logged, each `[N]`; texts as objects.

        Raises:
          Missing: the examples are gone, or they are not those of the prepared rows.
        """
        return raw_columns(self.workspace, self.day, self.declaration, names, self.prepared.facts.scenario)


def raw_columns(
    workspace: str, day: str, declaration: Declaration, names: Sequence[str], scenario: np.ndarray
) -> dict[str, np.ndarray]:
    """Columns (also rates) of a day's examples as they are logged, row by row beside the prepared rows.

    Args:
      scenario: text `[N]` of the prepared rows; it has to agree.

    Raises:
      Missing: see `Subject.raw`.
    """
    if not os.path.isdir(workspace):
        raise Missing("The workspace with the raw examples is gone.")
    try:
        folder = f"{Workspace(workspace).day('examples', day)}/examples"
    except (FileNotFoundError, WorkspaceError):
        raise Missing(f"The examples of {day} are no longer published.") from None
    columns = {c.name: c for c in declaration.columns}
    key = declaration.scenario.name
    spec = {}
    for name in {*names, key}:
        kind, fill = (columns[name].type, columns[name].fill) if name in columns else ("float32", 0.0)
        spec[name] = tf.io.FixedLenFeature([], DTYPES[kind], fill)
    records = tf.data.TFRecordDataset(expand([f"{folder}/*"]), compression_type="GZIP").batch(READ_BATCH)
    parts = list(records.map(lambda rows: tf.io.parse_example(rows, spec)).as_numpy_iterator())
    found = {name: text(np.concatenate([part[name] for part in parts])) for name in spec} if parts else {}
    if not parts or not np.array_equal(found[key].astype(str), scenario.astype(str)):
        raise Missing("The examples of the test day are not those that the data were prepared from.")
    return {name: found[name] for name in names}


def text(values: np.ndarray) -> np.ndarray:
    """Bytes as texts, numbers as they are."""
    if values.dtype != object:
        return values
    return np.char.decode(values.astype(bytes), "utf-8", "replace").astype(object)
