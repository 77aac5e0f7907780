"""What a model was made of, and from that whether the next training goes on from it or starts over.

A run stays a function of its date: what decides is written beside the weights that it starts from.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from scenerank.components import storage
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.models.registry import settings_class
from scenerank.schemas import Declaration
from scenerank.schemas.features import FeatureSet

FILE = "lineage.json"
Mode = Literal["full", "incremental"]
FULL: Mode = "full"
INCREMENTAL: Mode = "incremental"


@dataclasses.dataclass(frozen=True)
class Lineage:
    """Where a model's weights come from.

    Attributes:
      day: of the run that trained it.
      mode: of that training.
      reason: why it was a full one although `trainer.mode` is `incremental`; empty otherwise.
      base: version of the model that it started from; None for initial weights.
      full_day: day of the run of the last full training.
      days: that this training learned from, in time order.
      learned: all days learned from since that full training started, in time order.
      made_of: digests of what has to be the same for a training that goes on, by what it is; see `made_of`.
    """

    day: str
    mode: Mode
    reason: str
    base: int | None
    full_day: str
    days: tuple[str, ...]
    learned: tuple[str, ...]
    made_of: Mapping[str, str]

    def summary(self) -> dict[str, Any]:
        """What people read of it."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "made_of"}

    def write(self, folder: str) -> None:
        """Writes it beside the weights."""
        storage.write(f"{folder}/{FILE}", json.dumps(dataclasses.asdict(self), indent=1))

    @classmethod
    def read(cls, folder: str) -> Lineage | None:
        """None where the folder's weights are of a time before lineages."""
        if not storage.exists(f"{folder}/{FILE}"):
            return None
        read = storage.read_json(f"{folder}/{FILE}")
        fields: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in read.items()}
        return cls(**fields)


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a day's model will be trained.

    Attributes:
      mode, reason: as in `Lineage`.
      days: to learn from, in time order.
    """

    mode: Mode
    reason: str
    days: tuple[str, ...]

    def lineage(self, day: str, base: int | None, before: Lineage | None, made_of: Mapping[str, str]) -> Lineage:
        """Of the model that comes of it.

        Args:
          base: version started from; before: its lineage.
        """
        if self.mode == FULL or before is None:
            return Lineage(day, self.mode, self.reason, base, day, self.days, self.days, made_of)
        learned = tuple(sorted({*before.learned, *self.days}))
        return Lineage(day, self.mode, self.reason, base, before.full_day, self.days, learned, made_of)


def plan(
    settings: TrainerSettings,
    day: str,
    splits: Mapping[str, Sequence[str]],
    served: bool,
    before: Lineage | None,
    resumable: bool,
    made_of: Mapping[str, str],
) -> Plan:
    """Decides between a full training and an incremental one.

    Args:
      day: of the run.
      splits: days of the window by split: `train` and perhaps `validation`.
      served: whether a model is in service.
      before: its lineage; None where it has none.
      resumable: whether its optimizer's state was kept.
      made_of: of today.
    """
    train, held = splits["train"], splits.get("validation", ())
    window = sorted({*train, *held})
    full = tuple(sorted({*train, *(held if settings.refit_validation else ())}))
    if settings.mode == FULL:
        return Plan(FULL, "", full)
    if not served:
        return Plan(FULL, "no model is in service", full)
    if before is None or not resumable:
        return Plan(FULL, "the model in service was kept without its optimizer's state", full)
    changed = sorted(name for name in {*before.made_of, *made_of} if before.made_of.get(name) != made_of.get(name))
    if changed:
        return Plan(FULL, f"{changed[0]} is not what the model in service was trained with", full)
    age = (datetime.date.fromisoformat(day) - datetime.date.fromisoformat(before.full_day)).days
    if age >= settings.full_every:
        return Plan(FULL, f"the last full training was {age} days ago, on {before.full_day}", full)
    last, first = max(before.learned), datetime.date.fromisoformat(window[0])
    if datetime.date.fromisoformat(last) + datetime.timedelta(days=1) < first:
        return Plan(FULL, f"the model in service ends with {last}, and the window begins with {window[0]}", full)
    new = tuple(d for d in window if d not in set(before.learned))
    if not new:
        return Plan(FULL, "the model in service has learned from all days of the window", full)
    return Plan(INCREMENTAL, "", new)


def made_of(settings: TrainerSettings, declaration: Declaration, features: FeatureSet) -> dict[str, str]:
    """What weights and the optimizer's state mean: the model, its settings, and how each feature and what only training
    knows are encoded.

    Vocabularies may grow and change their order, as rows are moved by the value they stand for.
    """
    chosen = settings_class(settings.model).model_validate(settings.model_settings)
    listed = {c.name for c in declaration.features if c.encoding and c.encoding.kind == "vocabulary"}
    layout = [{**dataclasses.asdict(f), "size": 0 if f.table in listed else f.size} for f in features.features]
    found: dict[str, Any] = {"trainer.model": settings.model, "trainer.model_settings": chosen.model_dump(mode="json")}
    found["trainer.debias"] = settings.debias.model_dump(mode="json")
    for column in (*declaration.features, *declaration.bias_columns):
        assert column.encoding is not None
        found[f"column {column.name!r}"] = [column.type, column.group, column.encoding.model_dump()]
    for name, part in (("history", declaration.history), ("rates", declaration.rates)):
        found[f"the declaration's {name}"] = part.model_dump() if part else None
    names = [features.scenario, features.item, features.user, features.history_length]
    found["the set of features"] = [layout, *names, [dataclasses.asdict(f) for f in features.bias]]
    return {name: _digest(value) for name, value in found.items()}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
