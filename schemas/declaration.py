"""The declaration of a data set: each column named once, everything else derived from it.

A declaration is a YAML file. `load_declaration("simulator")` reads a bundled one,
`load_declaration("path/to/own.yaml")` reads a user's.
"""

from __future__ import annotations

import functools
import hashlib
import pathlib

import pyarrow as pa
import pydantic
import yaml

from scenerank.errors import ConfigurationError
from scenerank.schemas.bias import BIAS_GROUPS
from scenerank.schemas.columns import (
    FEATURE_GROUPS,
    HISTORY_AGE,
    HISTORY_TYPE,
    Column,
    DerivedColumn,
    Group,
    History,
    Rates,
    Strict,
)
from scenerank.schemas.consistency import refuse_contradictions
from scenerank.schemas.yaml_file import read_yaml

HISTORY_LENGTH = "history_length"
"""Number of behaviors of a row, int64; says how much of the padded history tensors is real."""


class DeclarationError(ConfigurationError):
    """A declaration contradicts itself; the message names the key and what is allowed."""


class Declaration(Strict):
    """A data set. See `schemas/*.yaml` for the bundled ones and `docs/reference/declaration.md` for the format.

    Attributes:
      name: of the data set; the served model has it, too.
      description: one sentence for people.
      columns: of the log, each named once.
      history: which behaviors of the user are joined to an impression; null: none.
      rates: which event rates are joined to an impression; null: none.
      partitioned_by_time: whether `day=` follows from the time column (UTC + `utc_offset_hours`); rows of another day
        are late or refused.
      utc_offset_hours: from UTC to the time zone that days begin in.
    """

    name: str
    description: str = ""
    columns: tuple[Column, ...]
    history: History | None = None
    rates: Rates | None = None
    partitioned_by_time: bool = True
    utc_offset_hours: float = 0.0

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Declaration:
        refuse_contradictions(self.columns, self.history, self.rates)
        return self

    def __getitem__(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    def group(self, group: Group) -> tuple[Column, ...]:
        """Columns of a group, in their order."""
        return tuple(c for c in self.columns if c.group == group)

    def _key(self, group: Group) -> Column:
        return next(c for c in self.group(group) if c.key or group in ("label", "time"))

    @property
    def user(self) -> Column:
        """The column of the user's id."""
        return self._key("user")

    @property
    def item(self) -> Column:
        """The column of the item's id."""
        return self._key("item")

    @property
    def scenario(self) -> Column:
        """The column of the scenario."""
        return self._key("scenario")

    @property
    def label(self) -> Column:
        """The column that says whether a row was clicked."""
        return self._key("label")

    @property
    def time(self) -> Column:
        """Milliseconds since 1970-01-01 UTC, int64."""
        return self._key("time")

    @property
    def request(self) -> Column | None:
        """The column of the request's id; None without one."""
        return next(iter(self.group("request_id")), None)

    @property
    def event_key(self) -> tuple[Column, ...]:
        """Columns whose values are the same in all deliveries of an impression: the event's id, else the request with
        the user, the item, the scenario and how the item was shown; none where neither is declared."""
        if self.group("event_id"):
            return self.group("event_id")
        shown = [column for column in self.columns if column.group in BIAS_GROUPS]
        return (self.request, self.user, self.item, self.scenario, *shown) if self.request else ()

    @property
    def happenings(self) -> tuple[Column, ...]:
        """The label and what else may happen to an impression, 0/1: the more of it a delivery tells, the better."""
        named = [*(self.history.types.values() if self.history else ()), *(self.rates.events if self.rates else ())]
        return tuple(self[name] for name in dict.fromkeys([self.label.name, *named]))

    @property
    def outcomes_take_time(self) -> bool:
        """Whether outcomes of one row may become known one after the other."""
        by_type = self.history is not None and isinstance(self.history.delay_ms, dict)
        return by_type or any(column.time for column in self.happenings)

    @property
    def kept(self) -> tuple[Column, ...]:
        """Columns of the log that an example has."""
        return tuple(c for c in self.columns if c.group not in ("outcome", "event_id"))

    @property
    def weight(self) -> Column | None:
        """The column of rows' weights; None without one."""
        return next(iter(self.group("weight")), None)

    @property
    def features(self) -> tuple[Column, ...]:
        """Log columns that are model inputs."""
        return tuple(c for c in self.columns if c.encoding is not None and c.group in FEATURE_GROUPS)

    @property
    def bias_columns(self) -> tuple[Column, ...]:
        """Log columns that are inputs of bias nets, in training alone."""
        return tuple(c for c in self.columns if c.encoding is not None and c.group in BIAS_GROUPS)

    @property
    def intervention(self) -> Column | None:
        """The 0/1 column that flags interventions."""
        return next(iter(self.group("intervention")), None)

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
        """Columns that click rates are derived as, a count and a rate for each key; none without rates."""
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
    def candidate_columns(self) -> frozenset[str]:
        """Names of columns that differ between the candidates of a request: the item's, and rates by any of them."""
        item = {c.name for c in self.features if c.group == "item"}
        return frozenset(item | {d.name for d in self.rate_columns if item & {*d.keys}})

    @property
    def log_schema(self) -> pa.Schema:
        """Arrow schema of the native log."""
        return pa.schema([pa.field(c.name, c.arrow_type, nullable=not c.required) for c in self.columns])

    @property
    def example_schema(self) -> pa.Schema:
        """Arrow schema of what ingestion emits: the columns that are kept, histories and rates."""
        derived = (*self.history_columns, *self.rate_columns)
        return pa.schema(
            [*(pa.field(c.name, c.arrow_type) for c in self.kept), *(pa.field(c.name, c.arrow_type) for c in derived)]
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
        return Declaration.model_validate(read_yaml(path))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "declaration"
        raise DeclarationError(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}") from None
    except (OSError, yaml.YAMLError) as error:
        raise DeclarationError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from None
