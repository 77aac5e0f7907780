"""Whether a day may be published."""

from __future__ import annotations

from typing import Any, ClassVar

from scenerank.components.records.record import Record


class DayVerdict(Record):
    """`verdict.json` of AnomalyGate, also beside published examples.

    Attributes:
      severity: that was asked for.
      anomalies: see `anomaly_gate.gate.verdict`.
      accepted: why a person let a day with stopping anomalies pass; empty otherwise.
      note: what could not be judged.
    """

    FILE: ClassVar[str] = "verdict.json"
    passed: bool = False
    severity: str = "error"
    anomalies: list[dict[str, Any]] = []
    accepted: str = ""
    note: str = ""
