"""How often the gate is wrong, by simulation of scores; everything from counts to the verdict is the product's code.

A row's log odds are `SIGNAL`, which all models know, and what none knows. A model's score is the signal and noise of
its training, of which a part is the same for a user's rows. The noise of `EQUAL` models is such that the AUCs of two of
them differ by 0.001 (standard deviation) where 18,000 rows are clicked, as those of KuaiRand's models do when they are
trained anew (`docs/benchmarks/findings.md`); their logits then correlate by 0.91. A worse model has more noise. As
two equal models are drawn for each day, a figure counts days.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping

import numpy as np
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from scenerank.components.blesser.rules import objections
from scenerank.components.champion_model.champion import best_of
from scenerank.components.evaluator.deciding import with_errors
from scenerank.components.evaluator.jackknife import Replicates, cells
from scenerank.components.evaluator.metrics import Histogram
from scenerank.components.evaluator.settings import EvaluationSettings
from scenerank.components.hashing import mix
from scenerank.components.records.evaluation import CANDIDATE, CHAMPION, OVERALL, SERVED, Evaluation

CENTER, SIGNAL, UNKNOWN, USERS = -2.6, 0.8, 0.8, 0.5
"""Of log odds, so that a tenth of the rows is clicked: mean, and standard deviations of what models know and do not."""
EQUAL = 0.25
BY_USER = 0.3
"""Share of a model's noise, by variance, that a user's rows have in common."""
ROWS_A_USER = 10
CLICKS = 200
"""Of a scenario in the mean; sizes differ as e to a normal number, so that some are too small to decide alone."""
SETTINGS = EvaluationSettings()


@dataclasses.dataclass(frozen=True)
class Day:
    """Rows of an evaluation day, ordered by scenario: where each begins, users, known log odds, labels."""

    bounds: np.ndarray
    user: np.ndarray
    signal: np.ndarray
    label: np.ndarray

    @classmethod
    def drawn(cls, rng: np.random.Generator, clicks: np.ndarray) -> Day:
        """Args: clicks: expected of each scenario."""
        bounds = np.r_[0, np.cumsum(np.maximum(clicks * 10, 2).astype(int))]
        rows = int(bounds[-1])
        user = rng.integers(0, max(rows // ROWS_A_USER, 2), rows)
        signal = SIGNAL * rng.normal(size=rows)
        odds = CENTER + signal + UNKNOWN * rng.normal(size=rows) + USERS * rng.normal(size=user.max() + 1)[user]
        return cls(bounds, user, signal, rng.random(rows) < expit(odds))

    def scores(self, rng: np.random.Generator, noise: float) -> np.ndarray:
        """Probabilities of a training, `noise` the standard deviation of what it got wrong."""
        shared = rng.normal(size=self.user.max() + 1)[self.user]
        wrong = np.sqrt(BY_USER) * shared + np.sqrt(1 - BY_USER) * rng.normal(size=len(self.user))
        return np.asarray(expit(CENTER + self.signal + noise * wrong))

    def evaluated(self, scores: Mapping[str, np.ndarray]) -> Evaluation:
        """What the Evaluator says of models by name."""
        cell = cells(mix(self.user.astype(np.uint64)), self.label, [*scores.values()])
        slices, left_out = {}, {}
        ends = zip(self.bounds[:-1], self.bounds[1:], strict=True)
        for number, (start, end) in enumerate([(0, self.bounds[-1]), *ends]):
            name, own = (f"s{number}" if number else OVERALL), slice(start, end)
            places, rows = np.unique(cell[:, own], return_counts=True)
            left_out[name] = Replicates.of_cells(places, rows, [*scores])
            slices[name] = {}
            for model, score in scores.items():
                histogram = Histogram()
                histogram.add(self.label[own], score[own])
                found = {key: None if np.isnan(value) else value for key, value in histogram.results().items()}
                slices[name][model] = found | {"pcoc": 1.0}  # its band is another rule
        summary = Evaluation.model_validate({"slices": slices, "champion": 1 if CHAMPION in scores else None})
        return with_errors(summary, left_out, SETTINGS)


@functools.cache
def _losses() -> tuple[np.ndarray, np.ndarray]:
    """Noise from `EQUAL` on, and by how much it lowers the AUC."""
    day = Day.drawn(np.random.default_rng(0), np.array([50_000.0]))
    noises = np.linspace(EQUAL, 0.8, 24)
    aucs = [roc_auc_score(day.label, day.scores(np.random.default_rng(1), noise)) for noise in noises]
    return noises, aucs[0] - np.array(aucs)


def noise_of(loss: float) -> float:
    """Noise of a model whose AUC is `loss` below that of `EQUAL` ones."""
    noises, losses = _losses()
    return float(np.interp(loss, losses, noises))


def noise() -> Iterator[tuple[str, float]]:
    """What `EQUAL` means: spread of the difference of two AUCs, and its mean error by the product."""
    rng = np.random.default_rng(1)
    gaps, errors = [], []
    for _ in range(60):
        day = Day.drawn(rng, np.array([18_000.0]))
        found = day.evaluated({name: day.scores(rng, EQUAL) for name in (CANDIDATE, SERVED)})
        gaps.append(found.of(CANDIDATE).auc - found.of(SERVED).auc)
        errors.append(found.of(SERVED).gap_error)
    yield "gate_noise_sd", float(np.std(gaps))
    yield "gate_noise_error", float(np.mean(errors))


def blocked(scenarios: int, loss: float, days: int, clicks: float = CLICKS) -> tuple[float, float, float]:
    """Shares of days on which a candidate is blocked: by the gate; by the margins alone, as it was decided before; and
    by the best test of the overall AUC, which knows the difference's spread."""
    rng = np.random.default_rng(scenarios)
    gate, margins, gaps = 0, 0, []
    for _ in range(days):
        sizes = np.exp(rng.normal(size=scenarios))
        day = Day.drawn(rng, clicks * sizes / sizes.mean())
        found = day.evaluated({CANDIDATE: day.scores(rng, noise_of(loss)), SERVED: day.scores(rng, EQUAL)})
        gate += bool(objections(found, SETTINGS))
        margins += margin_alone(found)
        gaps.append(found.of(CANDIDATE).auc - found.of(SERVED).auc)
    limit = -SETTINGS.auc_margin - 1.645 * np.std(gaps)
    return gate / days, margins / days, float(np.mean(np.array(gaps) < limit))


def margin_alone(found: Evaluation) -> bool:
    """The rule of before: an overall fall by 0.002, or one by 0.03 where a scenario has 200 clicks of 2,000 rows."""
    for name in found.slices:
        mine, theirs = found.of(CANDIDATE, name), found.of(SERVED, name)
        if mine.auc is None or theirs.auc is None or (name != OVERALL and (mine.clicks < 200 or mine.examples < 2000)):
            continue
        if theirs.auc - mine.auc > (0.002 if name == OVERALL else 0.03):
            return True
    return False


def shares() -> Iterator[tuple[str, float]]:
    """Blocked though equal, and passed though worse by 0.01, by number of scenarios."""
    for scenarios, days in ((20, 200), (100, 100), (500, 40)):
        equal, before, _ = blocked(scenarios, 0.0, days)
        yield f"gate_blocks_equal_{scenarios}", equal
        yield f"gate_blocks_equal_{scenarios}_before", before
        worse, before, best = blocked(scenarios, 0.01, days)
        yield f"gate_passes_worse_{scenarios}", 1 - worse
        yield f"gate_passes_worse_{scenarios}_before", 1 - before
        yield f"gate_passes_worse_{scenarios}_ceiling", 1 - best


def few() -> Iterator[tuple[str, float]]:
    """The same where 160 rows of one scenario are clicked: what no test can tell."""
    equal, before, _ = blocked(1, 0.0, 1000, clicks=160)
    yield "gate_blocks_equal_160_clicks", equal
    yield "gate_blocks_equal_160_clicks_before", before
    worse, before, best = blocked(1, 0.01, 1000, clicks=160)
    yield "gate_passes_worse_160_clicks", 1 - worse
    yield "gate_passes_worse_160_clicks_before", 1 - before
    yield "gate_passes_worse_160_clicks_ceiling", 1 - best


def days_until_stopped(rng: np.random.Generator, clicks: float, fall: float = 0.0005, most: int = 90) -> int:
    """Days of falling by `fall` until a candidate is refused, 20 scenarios; the champion is the product's."""
    gains, errors = [0.0], [0.0]
    for day_number in range(1, most + 1):
        day = Day.drawn(rng, np.full(20, clicks / 20))
        versions = range(max(day_number - SETTINGS.champion_days, 0), day_number)
        best = best_of(gains, errors, versions)
        losses = {CANDIDATE: day_number, SERVED: day_number - 1, CHAMPION: best}
        if best == day_number - 1:
            del losses[CHAMPION]
        found = day.evaluated({name: day.scores(rng, noise_of(fall * n)) for name, n in losses.items()})
        if objections(found, SETTINGS):
            return day_number
        gains.append(found.of(CANDIDATE).auc - found.of(SERVED).auc)
        errors.append(found.of(SERVED).gap_error)
    return most + 1


def ratchet() -> Iterator[tuple[str, float | int]]:
    """Days until a fall of 0.0005 a day is stopped, 18,000 clicks a day: median and slowest of 8 runs of days."""
    rng = np.random.default_rng(7)
    found = [days_until_stopped(rng, 18_000) for _ in range(8)]
    yield "gate_ratchet_days", float(np.median(found))
    yield "gate_ratchet_days_slowest", max(found)
    still = [days_until_stopped(rng, 18_000, 0.0, 40) for _ in range(3)]
    yield "gate_ratchet_stops_equal", sum(days <= 40 for days in still) / sum(min(days, 40) for days in still)


FIGURES = {
    "gate_noise": noise,
    "gate_blocks_equal": shares,
    "gate_passes_worse": shares,
    "gate_few_clicks": few,
    "gate_ratchet_days": ratchet,
}
