"""Bias columns: known in the log, not when ranking. Their encoding follows from the declaration alone, so that the
transform graph, which is also served, need not know of them. And what training does with them."""

from __future__ import annotations

import dataclasses
from typing import Literal

import pydantic

from scenerank.schemas.columns import Column, Strict

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
    reference = column.at_reference
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


class DebiasSettings(Strict):
    """What training makes of columns that are known in the log alone: the Fairness Coefficient and `bias` columns.

    Attributes:
      nets: bias nets beside the model, which serving leaves out: see `sharing`.
      coefficient: whether the Fairness Coefficient is one of their inputs, beside the declared bias columns.
      sharing: `expert`: SAR-Net has a net for each expert (its section 4.5), any other model one; `one`: every model
        has one shallow tower on its logit (as Zhao et al., Recommending What Video to Watch Next, RecSys 2019).
      fusion: `add`: the bias is added to the score, a logit; `multiply`: the score is multiplied by `2 sigmoid(bias)`.
      units: hidden layers of each net.
      dim: width of each input's vector.
      buckets: rows of the Fairness Coefficient's table.
      weighting: multiply each row's weight in the loss by its Fairness Coefficient (SAR-Net Eq. 11).
      weight_floor: lower coefficients count as this in the weighting; the more rows count little, the fewer there
        effectively are.
    """

    nets: bool = False
    coefficient: bool = True
    sharing: Literal["expert", "one"] = "expert"
    fusion: Literal["add", "multiply"] = "add"
    units: tuple[pydantic.PositiveInt, ...] = pydantic.Field(default=(8,), min_length=1)
    dim: int = pydantic.Field(default=8, ge=1)
    buckets: int = pydantic.Field(default=32, ge=2)
    weighting: bool = False
    weight_floor: float = pydantic.Field(default=0.1, gt=0, le=1)
