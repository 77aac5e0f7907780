"""Decimals as the text of their digits: a float would keep 53 bits of the 128 or 256 that they may have."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scenerank.components.hashing import is_null


def decimal_text(raw: pa.Array) -> pa.StringArray:
    """Decimals `[N]` as text, with as many digits behind the point as their type has: 12, 12.50; nulls stay."""
    if not len(raw):
        return pa.array([], pa.string())
    scale, words, end = raw.type.scale, raw.type.byte_width // 8, raw.offset + len(raw)
    unscaled = np.frombuffer(raw.buffers()[1], "<i8", end * words).reshape(end, words)[raw.offset :]
    low = unscaled[:, 0]
    valid = ~is_null(raw)
    short = valid & (unscaled[:, 1:] == (low >> 63)[:, None]).all(1) & (scale >= 0)
    text = _of_words(low, scale)
    long = valid & ~short
    if long.any():  # more than 18 digits
        exact = [format(value, "f") for value in raw.filter(pa.array(long)).to_pylist()]
        place = np.where(long, np.cumsum(long) - 1, 0)
        text = pc.if_else(pa.array(long), pa.array(exact, pa.string()).take(pa.array(place)), text)
    return pc.if_else(pa.array(valid), text, pa.scalar(None, pa.string()))


def _of_words(unscaled: np.ndarray, scale: int) -> pa.StringArray:
    """int64 `[N]` over ten to the `scale`, as text."""
    magnitude = np.where(unscaled < 0, -unscaled.view(np.uint64), unscaled.view(np.uint64))
    digits = pc.utf8_lpad(pa.array(magnitude).cast(pa.string()), max(scale, 0) + 1, "0")
    sign = pa.array(["", "-"]).take(pa.array((unscaled < 0).astype(np.int8)))
    if scale <= 0:
        return pc.binary_join_element_wise(sign, digits, "")
    whole, rest = pc.utf8_slice_codeunits(digits, 0, -scale), pc.utf8_slice_codeunits(digits, -scale, 1 << 20)
    return pc.binary_join_element_wise(pc.binary_join_element_wise(sign, whole, ""), rest, ".")
