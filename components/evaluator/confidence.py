"""What standard errors allow to conclude, by Student's t."""

from __future__ import annotations

import dataclasses

from scipy.special import stdtr, stdtrit

from scenerank.components.records.evaluation import SliceMetrics

COVERED = 0.95


def half_width(metrics: SliceMetrics) -> float | None:
    """Of the 95 % confidence interval of an AUC, on either side of it; None where its error is not known.

    At most 1, which says nothing of an AUC.
    """
    if metrics.auc_error is None or not metrics.freedom:
        return None
    return min(float(stdtrit(metrics.freedom, (1 + COVERED) / 2)) * metrics.auc_error, 1.0)


@dataclasses.dataclass(frozen=True)
class Gap:
    """The candidate's AUC minus another model's, on the same rows.

    Attributes:
      value: of the difference; error: its standard error; freedom: degrees of freedom.
    """

    value: float
    error: float
    freedom: int

    @classmethod
    def between(cls, candidate: SliceMetrics, other: SliceMetrics) -> Gap | None:
        """None where one of the AUCs or the error is not known."""
        if candidate.auc is None or other.auc is None or other.gap_error is None or not other.freedom:
            return None
        return cls(candidate.auc - other.auc, other.gap_error, other.freedom)

    def p(self, margin: float) -> float:
        """How likely a difference this low or lower is, if the true one is a fall by `margin` or less."""
        above = self.value + margin
        return float(stdtr(self.freedom, above / self.error)) if self.error else float(above >= 0)

    def noise(self, significance: float) -> float:
        """By how much a fall must exceed what is tolerated to be told from it."""
        return float(stdtrit(self.freedom, 1 - significance)) * self.error


def holm(p: list[float], significance: float) -> list[bool]:
    """Which hypotheses are refused, so that with probability `significance` at most a true one is (Holm, 1979)."""
    refused = [False] * len(p)
    for rank, at in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[at] > significance / (len(p) - rank):
            break
        refused[at] = True
    return refused
