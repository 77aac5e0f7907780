"""What a model is built from: the features that a declaration yields, with their sizes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Literal

from scenerank.schemas.bias import BiasFeature, bias_feature
from scenerank.schemas.columns import HISTORY_AGE, HISTORY_TYPE, Encoding
from scenerank.schemas.declaration import Declaration

FeatureGroup = Literal[
    "user", "item", "scenario", "context", "trigger", "behavior_item", "behavior_scenario", "behavior", "unused"
]
"""`behavior_item` and `behavior_scenario` repeat the target's columns; `behavior` is only known of past events."""

AGE_BUCKETS = 32
"""Ages of behaviors fall into bucket `floor(log2(1 + seconds))`."""

HISTORY_COUNT = "history_count"
"""`log1p` of the number of behaviors in the history, float32."""
SHARE_PRIOR = 5.0
"""Behaviors that the share of a type is smoothed with, spread evenly over the types."""
MATCH_PRIOR = 2.0
"""Behaviors like the target that the share of a type among them is smoothed with."""
RECENT_SECONDS = 86_400.0
"""Time after which a behavior counts 1/e in `recent` summaries."""


def summary_columns(declaration: Declaration) -> dict[str, tuple[str, str]]:
    """Numeric features that sum a history up, by name: (behavior type, `share` or `recent`).

    Attention weighs items; how eager a user is shows in how many behaviors of each type there are and how
    lately. `share`: (n_type + prior / types) / (n + prior) - 1 / types; `recent`: log1p of the sum of
    exp(-age / day).
    """
    types = declaration.history.types if declaration.history else {}
    return {f"history_{kind}_{name}": (name, kind) for kind in ("share", "recent") for name in types}


def match_columns(declaration: Declaration) -> dict[str, tuple[str, str | None]]:
    """Numeric features that say what became of the target's like, by name: (item column, behavior type or None).

    Of the behaviors whose item has the target's value of the column, `history_match_COLUMN` is the log1p of their
    number n, and `history_match_COLUMN_TYPE` how far the share of a type among them, smoothed, lies above its share r
    in the whole history: (n_type + prior r) / (n + prior) - r, 0 where there are none. An unknown value is like none.
    """
    if declaration.history is None:
        return {}
    kinds = (None, *declaration.history.types)
    return {
        f"history_match_{column}" + (f"_{kind}" if kind else ""): (column, kind)
        for column in declaration.history.matches
        for kind in kinds
    }


@dataclasses.dataclass(frozen=True)
class Feature:
    """One transformed model input.

    Attributes:
      name: key of its tensor; int64 if categorical, float32 if numeric; `[B]`, or `[B, L]` if `sequence`.
      size: rows of its embedding table, row 0 standing for unknown values; 1 if numeric.
      table: features of one table name share embeddings.
      source: the declared column whose encoding it has; its own name where there is none.
    """

    name: str
    group: FeatureGroup
    categorical: bool
    size: int
    table: str
    source: str
    sequence: bool = False


@dataclasses.dataclass(frozen=True)
class FeatureSet:
    """All inputs of a model, in a fixed order; `bias` are none of them, only training sees them.

    Tensors of sequences are padded to a common `L <= history_length`; `features["history_length"]` (int64
    `[B]`) says how many positions are real, oldest first. Scenario indices lie in `[0, scenarios)`, 0
    being every scenario too rare or too new to have a row.
    """

    features: tuple[Feature, ...]
    scenario: str
    item: str
    user: str
    history_length: int
    bias: tuple[BiasFeature, ...] = ()

    @property
    def scenarios(self) -> int:
        """Rows of the scenario's table, that of the unknown one included."""
        return self[self.scenario].size

    def __getitem__(self, name: str) -> Feature:
        return next(f for f in self.features if f.name == name)

    def group(self, *groups: FeatureGroup) -> tuple[Feature, ...]:
        """Features of these groups, group by group, in their order."""
        return tuple(f for group in groups for f in self.features if f.group == group)

    @property
    def tables(self) -> dict[str, int]:
        """Rows of each embedding table."""
        return {f.table: f.size for f in self.features if f.categorical}

    def without_scenario(self) -> FeatureSet:
        """The same inputs for a model that is not told the scenario: its columns, and behaviors', have row 0 alone,
        and those that are numbers belong to no group."""

        def hide(feature: Feature) -> Feature:
            if feature.group not in ("scenario", "behavior_scenario"):
                return feature
            if feature.categorical:
                return dataclasses.replace(feature, size=1)
            return dataclasses.replace(feature, group="unused")

        return dataclasses.replace(self, features=tuple(map(hide, self.features)))

    def to_json(self) -> str:
        """Writes the inputs as JSON text, see `from_json`."""
        fields = dataclasses.asdict(self)
        if not self.bias:  # as it was written before there were any
            del fields["bias"]
        return json.dumps(fields)

    @classmethod
    def from_json(cls, text: str) -> FeatureSet:
        """Reads what `to_json` wrote."""
        fields = json.loads(text)
        fields["features"] = tuple(Feature(**f) for f in fields["features"])
        fields["bias"] = tuple(BiasFeature(**f) for f in fields.get("bias", ()))
        return cls(**fields)


def _size(encoding: Encoding, name: str, vocabularies: Mapping[str, int]) -> int:
    if encoding.kind == "numeric":
        return 1
    if encoding.kind == "vocabulary":
        return 1 + vocabularies[name]
    assert encoding.size is not None
    return encoding.size + (encoding.kind == "identity")


def feature_set(declaration: Declaration, vocabularies: Mapping[str, int]) -> FeatureSet:
    """Derives a model's inputs.

    Args:
      vocabularies: number of values in the vocabulary of each column with that encoding.
    """
    features = []
    for column in declaration.features:
        assert column.encoding is not None
        size = _size(column.encoding, column.name, vocabularies)
        table = column.name
        categorical = column.encoding.categorical
        group: FeatureGroup = column.group  # type: ignore[assignment]
        features.append(Feature(column.name, group, categorical, size, table, column.name))
    for derived in declaration.rate_columns:
        features.append(Feature(derived.name, "context", False, 1, derived.name, derived.name))
    if declaration.history is not None:
        for name in (HISTORY_COUNT, *summary_columns(declaration), *match_columns(declaration)):
            features.append(Feature(name, "context", False, 1, name, name))
    for derived in declaration.history_columns:
        if derived.source is not None:
            target = next(f for f in features if f.name == derived.source)
            group = "behavior_item" if target.group == "item" else "behavior_scenario"
            features.append(dataclasses.replace(target, name=derived.name, group=group, sequence=True))
        else:
            assert declaration.history is not None
            size = {HISTORY_TYPE.name: 1 + len(declaration.history.types), HISTORY_AGE.name: AGE_BUCKETS}[derived.name]
            features.append(Feature(derived.name, "behavior", True, size, derived.name, derived.name, sequence=True))
    return FeatureSet(
        tuple(features),
        scenario=declaration.scenario.name,
        item=declaration.item.name,
        user=declaration.user.name,
        history_length=declaration.history.length if declaration.history else 0,
        bias=tuple(map(bias_feature, declaration.bias_columns)),
    )
