"""The declaration of a data set: each column named once, everything else derived from it.

A declaration is a YAML file. `load_declaration("simulator")` reads a bundled one,
`load_declaration("path/to/own.yaml")` reads a user's.
"""

from __future__ import annotations

import functools
import hashlib
import pathlib
from typing import Literal

import pyarrow as pa
import pydantic
import yaml

Group = Literal["user", "item", "scenario", "context", "trigger", "outcome", "label", "weight", "time", "request_id"]
"""`outcome` columns are known only after the impression: never features, but they may describe behaviors."""

FEATURE_GROUPS = ("user", "item", "scenario", "context", "trigger")
FAIRNESS = "fairness_coefficient"
"""The column that FairnessCoefficient adds to an example: float32, 1 means not intervened."""
HISTORY_LENGTH = "history_length"
"""Number of behaviors of a row, int64; says how much of the padded history tensors is real."""


class DeclarationError(ValueError):
    """A declaration contradicts itself; the message names the key and what is allowed."""


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
    a required column may not be null; `default` stands for a null of an optional one.
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


class History(Strict):
    """Point-in-time behaviors of the user, from any scenario.

    `types` maps a behavior type to the 0/1 column that says it happened, weakest first; a row is one
    behavior, of its strongest type. `delay_ms` is the least age of a behavior; `days` how many earlier
    days are read.
    """

    types: dict[str, str]
    length: int = pydantic.Field(50, ge=1)
    delay_ms: int = pydantic.Field(0, ge=0)
    days: int = pydantic.Field(30, ge=0)


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


class Declaration(Strict):
    """A data set. See `schemas/*.yaml` for the bundled ones and README for the format."""

    name: str
    description: str = ""
    columns: tuple[Column, ...]
    history: History | None = None
    rates: Rates | None = None
    partitioned_by_time: bool = True
    """Whether `day=` follows from the time column (UTC + `utc_offset_hours`); rows of another day are refused."""
    utc_offset_hours: float = 0.0

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Declaration:
        names = [c.name for c in self.columns]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"column {name!r} is declared {names.count(name)} times")
            if name == FAIRNESS or name.startswith(("history_", "rate_", "count_")):
                raise ValueError(f"column {name!r}: that name is kept for what the pipeline derives")
        for group, keyed in (("user", True), ("item", True), ("scenario", True), ("label", False), ("time", False)):
            found = [c for c in self.columns if c.group == group and (c.key or not keyed)]
            if len(found) != 1:
                raise ValueError(f"group {group!r} needs exactly one {'key ' if keyed else ''}column, has {len(found)}")
        for column in self.columns:
            if column.encoding is not None and column.encoding.kind == "identity" and column.type != "int64":
                raise ValueError(f"column {column.name!r}: encoding 'identity' needs type int64, not {column.type}")
            if column.encoding is not None and column.group not in FEATURE_GROUPS:
                raise ValueError(f"column {column.name!r} of group {column.group!r} may not be a feature")
        referred = list(self.history.types.values()) if self.history else []
        if self.rates:
            referred += [*self.rates.events, *(k for keys in self.rates.keys for k in keys)]
        for name in referred:
            if name not in names:
                raise ValueError(f"history and rates speak of {name!r}, which is not a column")
        return self

    def __getitem__(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    def group(self, group: Group) -> tuple[Column, ...]:
        return tuple(c for c in self.columns if c.group == group)

    def _key(self, group: Group) -> Column:
        return next(c for c in self.group(group) if c.key or group in ("label", "time"))

    @property
    def user(self) -> Column:
        return self._key("user")

    @property
    def item(self) -> Column:
        return self._key("item")

    @property
    def scenario(self) -> Column:
        return self._key("scenario")

    @property
    def label(self) -> Column:
        return self._key("label")

    @property
    def time(self) -> Column:
        """Milliseconds since 1970-01-01 UTC, int64."""
        return self._key("time")

    @property
    def request(self) -> Column | None:
        return next(iter(self.group("request_id")), None)

    @property
    def weight(self) -> Column | None:
        return next(iter(self.group("weight")), None)

    @property
    def features(self) -> tuple[Column, ...]:
        """Log columns that are model inputs."""
        return tuple(c for c in self.columns if c.encoding is not None)

    @property
    def history_columns(self) -> tuple[DerivedColumn, ...]:
        """What is known of a past behavior: its item and scenario features, its type, its age in seconds."""
        if self.history is None:
            return ()
        repeated = [c for c in self.features if c.group in ("item", "scenario")]
        return (
            *(DerivedColumn(name=f"history_{c.name}", kind="history", type=c.type, source=c.name) for c in repeated),
            HISTORY_TYPE,
            HISTORY_AGE,
        )

    @property
    def rate_columns(self) -> tuple[DerivedColumn, ...]:
        if self.rates is None:
            return ()
        out = []
        for keys in self.rates.keys:
            label = "_".join(keys)
            out.append(DerivedColumn(name=f"count_{label}", kind="count", type="float32", keys=keys))
            out += [
                DerivedColumn(name=f"rate_{event}_{label}", kind="rate", type="float32", keys=keys, event=event)
                for event in self.rates.events
            ]
        return tuple(out)

    @property
    def log_schema(self) -> pa.Schema:
        """Arrow schema of the native log."""
        return pa.schema([pa.field(c.name, c.arrow_type, nullable=not c.required) for c in self.columns])

    @property
    def example_schema(self) -> pa.Schema:
        """Arrow schema of what ingestion emits: no outcome column, histories and rates beside the rest."""
        kept = [c for c in self.columns if c.group != "outcome"]
        derived = (*self.history_columns, *self.rate_columns)
        return pa.schema(
            [*(pa.field(c.name, c.arrow_type) for c in kept), *(pa.field(c.name, c.arrow_type) for c in derived)]
        )

    @functools.cached_property
    def digest(self) -> str:
        """Sixteen hex digits that change whenever the declaration does."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def bundled() -> tuple[str, ...]:
    """Names of the declarations that come with the package."""
    return tuple(sorted(p.stem for p in pathlib.Path(__file__).parent.glob("*.yaml")))


def load_declaration(name: str) -> Declaration:
    """Reads a bundled declaration by name or any by path.

    Raises:
      DeclarationError: no such declaration, or one that contradicts itself.
    """
    path = pathlib.Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = pathlib.Path(__file__).parent / f"{name}.yaml"
    if not path.exists():
        raise DeclarationError(f"no declaration {name!r}: give a path to a .yaml file or one of {', '.join(bundled())}")
    try:
        return Declaration.model_validate(yaml.safe_load(path.read_text()))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "declaration"
        raise DeclarationError(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}") from None
    except yaml.YAMLError as error:
        raise DeclarationError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
