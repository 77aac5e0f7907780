"""MuseNet's learned scenarios beside labellings that it was not given, as the simulator's purposes of trips."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import adjusted_rand_score

from scenerank.components.workspace import Workspace
from scenerank.models.musenet import Assignments
from scenerank.pipeline.drawing.page import Missing
from scenerank.pipeline.explain.subject import Subject
from scenerank.pipeline.simulated.truth import simulated
from scenerank.pipeline.sources.simulator.oracle import read


def assignments(subject: Subject) -> Assignments:
    """Of all test rows, as arrays: points `[N, metric_dim]`, shares `[N, K]`.

    Raises:
      Missing: the model has no learned scenarios.
    """
    if subject.model.learner is None:
        raise Missing("The model learns no scenarios: `scenarios` is neither soft nor hard.")
    return Assignments(*subject.compute(subject.model.assignments))


def agreement(subject: Subject, labels: np.ndarray, rows: np.ndarray | None = None) -> float:
    """Adjusted Rand index between the learned scenarios (the largest share) and given labels: 1 the same, 0 chance.

    Args:
      labels: of the test rows `[N]`, of any kind.
      rows: which of them count, bool or int `[N or n]`; None: all.

    Raises:
      Missing: the model has no learned scenarios.
    """
    return rand_index(assignments(subject).shares, labels, rows)


def rand_index(shares: np.ndarray, labels: np.ndarray, rows: np.ndarray | None = None) -> float:
    """As `agreement`, given the shares `[N, K]`."""
    chosen = slice(None) if rows is None else rows
    return float(adjusted_rand_score(labels[chosen], shares.argmax(1)[chosen]))


def purposes(subject: Subject) -> np.ndarray:
    """Purpose of the user's trip in every test row, text `[N]`: `none`, `family`, `couple` or `business`; no log
    tells it.

    Raises:
      Missing: the workspace was not simulated, or its truth is not that of the test rows.
    """
    workspace = Workspace(subject.workspace)
    if subject.declaration.request is None or not simulated(workspace, subject.day):
        raise Missing("No truth lies beside the logs: only simulated days have one.")
    request = subject.raw([subject.declaration.request.name])[subject.declaration.request.name]
    truth = read(workspace, "truth", subject.day, ["request_id", "purpose"]).to_pandas()
    of = dict(zip(truth["request_id"], truth["purpose"]))
    missing = set(request) - of.keys()
    if missing:
        raise Missing(f"The truth of {subject.day} lacks {len(missing)} requests of the examples.")
    return np.array([of[one] for one in request])
