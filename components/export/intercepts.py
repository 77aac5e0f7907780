"""What keeps a model calibrated that was trained with bias nets and is served without: an intercept a scenario.

Trained with them, a model's scores are those at the reference (FC = 1, the top of the page): clicks there are likelier
than on the page as it is. So after training each scenario gets the number that its logits lack on impressions that
nobody intervened in. Ranks within a request stay.

The newest rows tell the level, all of them, scored under their biases: this way promoted ones count, too. On those that
nobody intervened in the serving model then has to say, on average, what it says under their biases.

A promotion on a page moves the others down, the best of them least: of pages that the log can tell apart only those
without any are taken, and rows are weighed so that they fill the places of a page as all do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from scenerank.components.fairness_coefficient.ordinary import ordinary, scale_up
from scenerank.components.transform.example_reader import READ_BATCH, ExampleReader
from scenerank.components.transform.raw import DTYPES
from scenerank.models.training import TrainingModel
from scenerank.schemas import FAIRNESS
from scenerank.schemas.features import FeatureSet

ENOUGH_CLICKS = 1 << 12
"""They tell a click rate to 1.6 %."""
FEWEST_ROWS = 1000
"""On pages that nobody intervened in; with fewer, rows that nobody intervened in have to do."""
SPREAD = 0.2
"""Standard deviation of scenarios' intercepts about the common one, in log odds, that a small scenario is held to."""
STEPS = 25


class Rows(NamedTuple):
    """Scored rows, arrays `[N]`: scenario and cell (see `cells`) int64; `logit` of the serving model and `biased`, that
    under the row's biases, label and weight float32; and which rows are ordinary (`kept`), which on pages of such rows
    alone (`whole`)."""

    scenario: np.ndarray
    logit: np.ndarray
    biased: np.ndarray
    label: np.ndarray
    weight: np.ndarray
    kept: np.ndarray
    cell: np.ndarray
    whole: np.ndarray


def intercepts(
    training: TrainingModel, reader: ExampleReader, files: Sequence[str], enough: int = ENOUGH_CLICKS
) -> np.ndarray:
    """What to add to the logits of each scenario, float32 `[scenarios]`; row 0, unknown ones, has the common one.

    Args:
      training: the model with its bias nets, if any, their weights trained.
      files: of examples, oldest first. The last are read first, until there are `enough` clicks and ordinary pages:
        the newest rows say most of the days to come, and were learned from the least often.
    """
    score = _scorer(training, reader)
    parts, clicks, whole = [], 0.0, 0
    for file in reversed(files):
        parts.append(_rows(reader, file, score))
        clicks, whole = clicks + float(parts[-1].label.sum()), whole + int(parts[-1].whole.sum())
        if clicks >= enough and whole >= FEWEST_ROWS:
            break
    scenarios = training.serving.features.scenarios
    if not sum(len(part.label) for part in parts):
        return np.zeros(scenarios, np.float32)
    return of_rows(Rows(*(np.concatenate(column) for column in zip(*parts))), scenarios, training.debias.nets)


def of_rows(rows: Rows, scenarios: int, nets: bool) -> np.ndarray:
    """As `intercepts`, of rows that were scored.

    Args:
      nets: whether there are bias nets; without them what was intervened in cannot tell the level.
    """
    ordinary_rows = rows.whole if rows.whole.sum() >= FEWEST_ROWS else rows.kept
    ordinary_weight = ordinary_weights(rows.weight, ordinary_rows, rows.cell)
    level = fit(rows.scenario, rows.biased, rows.label, rows.weight if nets else ordinary_weight, scenarios)
    due = _sigmoid(rows.biased.astype(np.float64) + level[rows.scenario])
    return fit(rows.scenario, rows.logit, due, ordinary_weight, scenarios)


def _scorer(training: TrainingModel, reader: ExampleReader) -> Callable[[tf.Tensor], tuple[tf.Tensor, ...]]:
    """A function of serialized examples, string `[B]`: `Rows` but for the last, and each row's page. Traced once."""
    model, flag, request = training.serving, reader.declaration.intervention, reader.declaration.request
    spec = {request.name: tf.io.FixedLenFeature([], DTYPES[request.type])} if request else {}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def scored(serialized: tf.Tensor) -> tuple[tf.Tensor, ...]:
        batch, label, weight = reader.dense(*reader.element(serialized))
        logits = model(batch, training=False), training(batch, training=False)
        cell = cells(reader.features, batch, flag.name if flag else "")
        page = tf.io.parse_example(serialized, spec)[request.name] if request else tf.zeros_like(label)
        return (model.scenario_of(batch), *logits, label, weight, _ordinary(reader, batch), cell, page)

    return scored


def _rows(reader: ExampleReader, file: str, score: Callable[[tf.Tensor], tuple[tf.Tensor, ...]]) -> Rows:
    """Those of a file, in which the rows of a request are together."""
    parts = [
        tuple(column.numpy() for column in score(serialized)) for serialized in reader.records([file]).batch(READ_BATCH)
    ]
    if not parts:
        return Rows(*(np.zeros(0, dtype) for dtype in ("i8", "f4", "f4", "f4", "f4", "?", "i8", "?")))
    scenario, logit, biased, clicked, weighs, kept, cell, page = (np.concatenate(column) for column in zip(*parts))
    whole = whole_pages(kept, page) if reader.declaration.request else kept
    return Rows(scenario, logit, biased, clicked, weighs, kept, cell, whole)


def whole_pages(kept: np.ndarray, page: np.ndarray) -> np.ndarray:
    """Which rows are on a page with nothing but ordinary rows, bool `[N]`.

    Args:
      kept: which rows are ordinary, bool `[N]`; page: the request of each, any values `[N]`.
    """
    _, place = np.unique(page, return_inverse=True)
    return (np.bincount(place, ~kept) == 0)[place]


def _ordinary(reader: ExampleReader, batch: dict[str, tf.Tensor]) -> tf.Tensor:
    """bool `[B]`; a flag that bias nets are told is there as its row, 1 + its value."""
    flag = reader.declaration.intervention
    told = batch[flag.name] - 1 if flag is not None and flag.encoding is not None else None
    return ordinary(batch[FAIRNESS], told)


def cells(features: FeatureSet, batch: Mapping[str, tf.Tensor], flag: str = "") -> tf.Tensor:
    """A number for each combination of bias columns, int64 `[B]`; the flag of interventions is none of them."""
    found = tf.zeros_like(batch[features.scenario])
    for column in features.bias:
        if column.name != flag:
            found = found * column.size + batch[column.name]
    return found


def ordinary_weights(weight: np.ndarray, kept: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Weights under which ordinary rows fill the places of all, see `scale_up`: float64 `[N]`.

    Args:
      weight: float `[N]`; kept: which rows are ordinary, bool `[N]`; cell: int `[N]`, see `cells`.
    """
    _, place = np.unique(cell, return_inverse=True)
    own = np.where(kept, weight, 0.0)
    return own * scale_up(np.bincount(place, own), np.bincount(place, weight))[place]


def fit(scenario: np.ndarray, logit: np.ndarray, label: np.ndarray, weight: np.ndarray, scenarios: int) -> np.ndarray:
    """Maximum likelihood of a common intercept, then that of each scenario about it, with a prior of `SPREAD`.

    Args:
      scenario: int `[N]`, below `scenarios`; logit float `[N]`; label 0 to 1 `[N]`; weight float `[N]`, at least 0.
    """
    logit = logit.astype(np.float64)
    common = _newton(np.zeros(len(logit), np.int64), logit, label, weight, 1, 0.0)[0]
    own = _newton(scenario, logit + common, label, weight, scenarios, SPREAD**-2)
    own[0] = 0.0
    return (common + own).astype(np.float32)


def _newton(
    group: np.ndarray, logit: np.ndarray, label: np.ndarray, weight: np.ndarray, groups: int, precision: float
) -> np.ndarray:
    """An intercept for each group, float64 `[groups]`; 0 where there is no weight, bounded where all labels are one."""
    found = np.zeros(groups)
    for _ in range(STEPS):
        p = _sigmoid(logit + found[group])
        slope = np.bincount(group, weight * (label - p), groups) - precision * found
        curvature = np.bincount(group, weight * p * (1 - p), groups) + precision
        found += np.clip(np.divide(slope, curvature, out=np.zeros(groups), where=curvature > 0), -1, 1)
    return np.clip(found, -10, 10)


def _sigmoid(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))
