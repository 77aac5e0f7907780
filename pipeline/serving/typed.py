"""What a model reads of rows, in declared types, by the casts and checks of ingestion."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scenerank.components.log_example_gen.rows import as_text, cast, faults, parted
from scenerank.errors import DataError
from scenerank.schemas import Column, Declaration, DerivedColumn

LONGEST = 60
"""Characters of a value that a message shows."""
_MANY = {"int64": "integers", "float32": "numbers", "string": "texts"}


def input_schema(declaration: Declaration) -> pa.Schema:
    """Arrow schema of what a model reads: features, rates and histories."""
    derived = (*declaration.rate_columns, *declaration.history_columns)
    read: list[Column | DerivedColumn] = [*declaration.features, *derived]
    return pa.schema([pa.field(c.name, c.arrow_type) for c in read])


def typed(declaration: Declaration, raw: Mapping[str, pa.Array], source: str, first: int = 0) -> dict[str, pa.Array]:
    """The columns of `raw` that the model reads, `[N]` each, in the types of `input_schema`.

    Args:
      raw: columns in any Arrow type.
      source: what messages call the rows.
      first: place of the first row in the source.

    Raises:
      DataError: a value that ingestion would refuse; the first row that has one is named.
    """
    out, found = {}, []
    scalars = [*declaration.features, *map(_derived, declaration.rate_columns)]
    for column in scalars:
        if column.name in raw:
            done = cast(raw[column.name], column)
            out[column.name] = done.values.cast(column.arrow_type)
            found += [_first(mask, rule, column.name) for mask, rule in faults(done, column)]
    for history in declaration.history_columns:
        if history.name in raw:
            column = _derived(history, declaration)
            out[history.name], wrong = _lists(raw[history.name], column)
            found += [_first(mask, rule, history.name) for mask, rule in wrong]
    worst = min((fault for fault in found if fault), key=lambda fault: fault[0], default=None)
    if worst is not None:
        row, name, rule = worst
        value = as_text(raw[name].slice(row, 1))[0].as_py()
        shown = "null" if value is None else repr(value[:LONGEST]) + "..." * (len(value) > LONGEST)
        where = f"{source}, row {first + row} (from 0), column {name!r}"
        raise DataError(f"{where}: {shown} is refused ({rule}); mend or remove the row")
    return out


def _derived(derived: DerivedColumn, declaration: Declaration | None = None) -> Column:
    """What a value of it may be: a null counts as that of the column which it repeats."""
    repeated = declaration[derived.source] if declaration and derived.source else None
    return Column(
        name=derived.name,
        type=derived.type,
        group="context",
        required=repeated.required if repeated else derived.kind == "history",
        default=repeated.default if repeated else None,
        max_length=1 << 30,
    )


def _first(mask: np.ndarray, rule: str, name: str) -> tuple[int, str, str] | None:
    return (int(mask.argmax()), name, rule) if mask.any() else None


def _lists(raw: pa.Array, column: Column) -> tuple[pa.ListArray, list[tuple[np.ndarray, str]]]:
    """Lists `[N]` with values of the column's type, a null being an empty one; and their faults."""
    said = f"not a list of {_MANY[column.type]}"
    if (parts := parted(raw)) is not None:
        lists, wrong = _lists(parts[0], column)
        return lists, [(pc.is_valid(parts[1]).to_numpy(zero_copy_only=False), said), *wrong]
    if not (pa.types.is_list(raw.type) or pa.types.is_large_list(raw.type)):
        empty = pa.array([[]] * len(raw), pa.list_(column.arrow_type))
        return empty, [(pc.is_valid(raw).to_numpy(zero_copy_only=False), said)]
    lengths = pc.list_value_length(raw).fill_null(0).to_numpy(zero_copy_only=False)
    done = cast(raw.flatten(), column)
    row = np.repeat(np.arange(len(raw)), lengths)
    wrong = []
    for mask, rule in faults(done, column):
        of_row = np.zeros(len(raw), bool)
        of_row[row[mask]] = True
        wrong.append((of_row, rule))
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, done.values.cast(column.arrow_type).fill_null(column.fill)), wrong
