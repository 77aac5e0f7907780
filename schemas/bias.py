"""Bias columns: known in the log, not when ranking. Their encoding follows from the declaration alone, so that the
transform graph, which is also served, need not know of them."""

from __future__ import annotations

import dataclasses

from schemas.columns import Column

BIAS_GROUPS = ("bias", "intervention")


@dataclasses.dataclass(frozen=True)
class BiasFeature:
    """An input of the bias nets, which only training has: an index, int64 `[B]`.

    Attributes:
      name: key of its tensor.
      size: rows of its table, row 0 standing for unknown values.
      reference: the row at which nothing is bias.
    """

    name: str
    size: int
    reference: int


def bias_feature(column: Column) -> BiasFeature:
    """The input that a column of one of the `BIAS_GROUPS` yields: whole numbers or listed values, each with a row.

    Raises:
      ValueError: it cannot be encoded without a look at the data, or has no reference that its encoding knows.
    """
    name, encoding, values = column.name, column.encoding, column.values
    if encoding is None or not (encoding.kind == "identity" or (encoding.kind == "vocabulary" and values)):
        raise ValueError(
            f"column {name!r} of group {column.group!r} needs encoding 'identity', or 'vocabulary' with its values "
            "listed: it is encoded without a look at the data"
        )
    reference = 0 if column.reference is None and column.group == "intervention" else column.reference
    if reference is None:
        raise ValueError(f"column {name!r} of group {column.group!r} needs a reference, at which nothing is bias")
    if encoding.kind == "identity":
        assert encoding.size is not None
        size, known = encoding.size, isinstance(reference, int) and 0 <= reference < encoding.size
        row = 1 + int(reference) if known else 0
    else:
        assert values is not None
        size, row = len(values), 1 + values.index(reference) if reference in values else 0
    if not row:
        raise ValueError(f"column {name!r}: its reference {reference!r} is no value that its encoding knows")
    return BiasFeature(name, 1 + size, row)
