"""What a declaration is made of: columns, their encodings, histories and rates."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pyarrow as pa
import pydantic

Group = Literal[
    "user", "item", "scenario", "context", "trigger", "outcome", "label", "weight", "time", "request_id", "event_id",
    "bias", "intervention",
]  # fmt: skip
"""`request_id` and `event_id`, one of each at most, are the same in all rows of a request, in all deliveries of an
impression. `outcome` columns are known only after the impression: never features, but they may describe behaviors.
`bias` columns say how an item was shown, known in the log and not when ranking: they enter training alone.
`intervention`, at most one, is 1 where an item was shown because somebody wanted it to be; with an encoding it is a
`bias` column, too."""

FEATURE_GROUPS = ("user", "item", "scenario", "context", "trigger")
FAIRNESS = "fairness_coefficient"
"""The column that FairnessCoefficient adds to an example: float32, 1 means not intervened."""


class Strict(pydantic.BaseModel):
    """Immutable, and refuses keys that it does not know.

    A group that is given in part keeps the rest of its default, which need not be what its class has alone.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _groups_in_part(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        groups = {name: field.default for name, field in cls.model_fields.items() if isinstance(field.default, Strict)}
        return {
            name: _laid_over(groups[name], value) if name in groups and isinstance(value, dict) else value
            for name, value in given.items()
        }


def _laid_over(default: Strict, given: dict[str, Any]) -> dict[str, Any]:
    told = {name: getattr(default, name) for name in default.model_fields_set}
    for name, value in given.items():
        group = told.get(name)
        told[name] = _laid_over(group, value) if isinstance(group, Strict) and isinstance(value, dict) else value
    return told


Milliseconds = Annotated[int, pydantic.Field(ge=0)]


class Encoding(Strict):
    """How a raw value becomes a model input.

    Attributes:
      kind: `hash`: `size` buckets, stable across days; `identity`: whole numbers 0 to `size` - 1, each with a row, row
        0 for all others; `vocabulary`: one row a value seen at least `min_count` times in the window, row 0 for all
        others; `buckets`: `size` quantiles; `numeric`: one float.
      size: how many buckets, numbers or quantiles; `hash`, `identity` and `buckets` need it.
      min_count: rows of the window that a value needs for a row of a `vocabulary`.
      log: whether `numeric` takes sign(x) * log1p(|x|) first.
      standardize: whether `numeric` then removes mean and scale of the window.
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
        """Whether values are indices of an embedding table's rows."""
        return self.kind != "numeric"

    @property
    def names_values(self) -> bool:
        """Whether values are names, without order or distance."""
        return self.kind in ("hash", "identity", "vocabulary")


class Column(Strict):
    """One column of the native log.

    Attributes:
      name: lower-case letters, digits and `_`.
      type: of its values.
      group: what it is to the model.
      key: whether it identifies the user, the item or the scenario; each of these groups has one key.
      encoding: how a value becomes a model input; null: it is no feature.
      required: whether a null is refused.
      default: what stands for a null of an optional column; null: 0 or an empty text.
      min: least number that is allowed.
      max: greatest number that is allowed.
      values: all values that are allowed.
      max_length: of a text, in characters.
      time: of a label or an outcome that is 0 or 1, the column that says when it happened, an outcome of type int64 in
        milliseconds since 1970-01-01 UTC; null there, or before the impression: with it.
      reference: value of a bias column at which nothing counts as bias: serving answers as if all items were shown
        like that.
      description: one sentence for people.
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
    time: str | None = None
    reference: int | str | None = None
    description: str = ""

    @property
    def arrow_type(self) -> pa.DataType:
        """Arrow's type of the column in a log."""
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

    Attributes:
      types: behavior types, weakest first, and the 0/1 column that says that each happened; a row is one behavior, of
        its strongest type that is known.
      length: the most recent behaviors that are kept.
      delay_ms: least age of a behavior; or one of each type, after which it is known. Where the log has no time of an
        outcome, that is the time it usually takes to happen, and rates go by it, too.
      days: how many earlier days are read.
      matches: columns of the item in which the target is compared with the behaviors, see
        `schemas.features.match_columns`.
    """

    types: dict[str, str]
    length: int = pydantic.Field(50, ge=1)
    delay_ms: Milliseconds | dict[str, Milliseconds] = 0
    days: int = pydantic.Field(30, ge=0)
    matches: tuple[str, ...] = ()

    @pydantic.model_validator(mode="after")
    def _delays_of_types(self) -> History:
        if isinstance(self.delay_ms, dict) and self.delay_ms.keys() != self.types.keys():
            raise ValueError(
                f"delay_ms names {', '.join(self.delay_ms) or 'no type'}: give one number, or one for each of "
                f"{', '.join(self.types)}"
            )
        return self

    @property
    def delays(self) -> tuple[int, ...]:
        """Milliseconds of each type, in their order, until a behavior is known: 1 at least."""
        by_type = self.delay_ms if isinstance(self.delay_ms, dict) else dict.fromkeys(self.types, self.delay_ms)
        return tuple(max(by_type[name], 1) for name in self.types)


class Rates(Strict):
    """Day-lagged event rates: for each key set, from the `days` days before the impression's day.

    The feature is `log((events + prior * rate) / (impressions + prior) / rate)` with `rate` that of all
    impressions, so 0 means nothing known, and `log1p(impressions)`.

    Attributes:
      keys: sets of columns that impressions are counted by.
      events: 0/1 columns that are counted.
      days: how many earlier days are counted.
      prior: impressions of the mean rate that each count starts with.
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
        """Arrow's type of the column; of a history, a list."""
        value = {"int64": pa.int64(), "float32": pa.float32(), "string": pa.string()}[self.type]
        return pa.list_(value) if self.kind == "history" else value


HISTORY_TYPE = DerivedColumn(name="history_type", kind="history", type="string")
HISTORY_AGE = DerivedColumn(name="history_age_s", kind="history", type="float32")
