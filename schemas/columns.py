"""What a declaration is made of: columns, their encodings, histories and rates."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa
import pydantic

Group = Literal[
    "user", "item", "scenario", "context", "trigger", "outcome", "label", "weight", "time", "request_id", "bias",
    "intervention",
]  # fmt: skip
"""`outcome` columns are known only after the impression: never features, but they may describe behaviors. `bias`
columns say how an item was shown, known in the log and not when ranking: they enter training alone. `intervention`, at
most one, is 1 where an item was shown because somebody wanted it to be; with an encoding it is a `bias` column, too."""


class Strict(pydantic.BaseModel):
    """Immutable, and refuses keys that it does not know."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Encoding(Strict):
    """How a raw value becomes a model input.

    hash: `size` buckets, stable across days; identity: whole numbers 0 to `size` - 1, each with a row, row 0 for
    all others; vocabulary: one row a value seen at least `min_count` times
    in the window, row 0 for all others; buckets: `size` quantiles; numeric: one float, `log` takes
    sign(x) * log1p(|x|) first and `standardize` then removes mean and scale of the window.
    """

    kind: Literal["hash", "identity", "vocabulary", "buckets", "numeric"]
    size: int | None = pydantic.Field(None, ge=2)
    min_count: int = pydantic.Field(1, ge=1)
    log: bool = False
    standardize: bool = True

    @pydantic.model_validator(mode="after")
    def _sized(self) -> Encoding:
        if self.kind in ("hash", "identity", "buckets") and self.size is None:
            raise ValueError(f"encoding {self.kind!r} needs a size")
        return self

    @property
    def categorical(self) -> bool:
        return self.kind != "numeric"

    @property
    def names_values(self) -> bool:
        """Whether values are names, without order or distance."""
        return self.kind in ("hash", "identity", "vocabulary")


class Column(Strict):
    """One column of the native log.

    `min`/`max` bound numbers, `values` lists what is allowed, `max_length` bounds strings (characters);
    a required column may not be null; `default` stands for a null of an optional one. `reference` is the value of a
    bias column at which nothing counts as bias: serving answers as if all items were shown like that.
    """

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_]*$")
    type: Literal["int64", "float32", "string"]
    group: Group
    key: bool = False
    encoding: Encoding | None = None
    required: bool = True
    default: int | float | str | None = None
    min: float | None = None
    max: float | None = None
    values: tuple[int | float | str, ...] | None = None
    max_length: int = 256
    reference: int | str | None = None
    description: str = ""

    @property
    def arrow_type(self) -> pa.DataType:
        return {"int64": pa.int64(), "float32": pa.float32(), "string": pa.string()}[self.type]

    @property
    def fill(self) -> int | float | str:
        """What a null becomes in an example."""
        if self.default is not None:
            return self.default
        empty: dict[str, int | float | str] = {"int64": 0, "float32": 0.0, "string": ""}
        return empty[self.type]

    @property
    def at_reference(self) -> int | str | None:
        """The reference of a bias column; 0 for an intervention that names none."""
        return 0 if self.reference is None and self.group == "intervention" else self.reference


class History(Strict):
    """Point-in-time behaviors of the user, from any scenario.

    `types` maps a behavior type to the 0/1 column that says it happened, weakest first; a row is one
    behavior, of its strongest type. `delay_ms` is the least age of a behavior; `days` how many earlier
    days are read. `matches` names columns of the item in which the target is compared with the behaviors,
    see `schemas.features.match_columns`.
    """

    types: dict[str, str]
    length: int = pydantic.Field(50, ge=1)
    delay_ms: int = pydantic.Field(0, ge=0)
    days: int = pydantic.Field(30, ge=0)
    matches: tuple[str, ...] = ()


class Rates(Strict):
    """Day-lagged event rates: for each key set, from the `days` days before the impression's day.

    The feature is `log((events + prior * rate) / (impressions + prior) / rate)` with `rate` that of all
    impressions, so 0 means nothing known, and `log1p(impressions)`.
    """

    keys: tuple[tuple[str, ...], ...]
    events: tuple[str, ...]
    days: int = pydantic.Field(7, ge=1)
    prior: float = pydantic.Field(20.0, gt=0)


class DerivedColumn(Strict):
    """A column of an example that ingestion computes.

    kind `history`: a list, `source` is the log column it repeats (None: `history_type`, `history_age_s`);
    kind `rate` or `count`: a float for `keys` (and `event`).
    """

    name: str
    kind: Literal["history", "rate", "count"]
    type: Literal["int64", "float32", "string"]
    source: str | None = None
    keys: tuple[str, ...] = ()
    event: str | None = None

    @property
    def arrow_type(self) -> pa.DataType:
        value = {"int64": pa.int64(), "float32": pa.float32(), "string": pa.string()}[self.type]
        return pa.list_(value) if self.kind == "history" else value


HISTORY_TYPE = DerivedColumn(name="history_type", kind="history", type="string")
HISTORY_AGE = DerivedColumn(name="history_age_s", kind="history", type="float32")
