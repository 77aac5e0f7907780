"""Whether all that read a value make the same of it."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from typing import Any

FILES, VALUES = 300, 1000


def reader_agreement() -> Iterator[tuple[str, float]]:
    """Share of what was drawn that is read alike: files of one column's values, by ingestion and `predict`; and single
    values, which the checks of the served model take where ingestion does, and refuse where it does not."""
    from hypothesis import strategies as st

    from tests.pipeline import test_one_reader as one

    told: collections.Counter[bool] = collections.Counter()
    texts = st.sampled_from(["a.jsonl", "a.csv"])
    columns = st.sampled_from(one.COLUMNS)
    _drawn(FILES // 2, _alike, told, st.sampled_from(sorted(one.WRITERS)), columns, one.DRAWN)
    _drawn(FILES // 2, _alike, told, texts, columns, one.MIXED)
    files = told.total()
    # TensorFlow takes numbers below 1e-38 for 0
    any_float = st.floats(width=32, allow_subnormal=False) | st.sampled_from([-0.0, 3.4e38])
    any_text = one.KINDS["text"] | one.KINDS["spaces"] | st.integers(250, 260).map(lambda n: "x" * n)
    for name, kind in {"price": any_float, "age": st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 125)}.items():
        _drawn(VALUES // 4, _served_alike, told, st.just(name), kind)
    for name in ("item", "note"):
        _drawn(VALUES // 4, _served_alike, told, st.just(name), any_text)
    yield "reader_agreement", told[True] / told.total()
    yield "reader_agreement_files", files
    yield "reader_agreement_values", told.total() - files


def _drawn(most: int, alike: Callable[..., bool], told: collections.Counter[bool], *drawn: Any) -> None:
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    @settings(max_examples=most, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.tuples(*drawn))
    def tried(values: tuple[Any, ...]) -> None:
        told[alike(*values)] += 1

    tried()


def _alike(name: str, column: str, values: list[Any]) -> bool:
    import pytest

    from tests.pipeline.test_one_reader import agree

    try:
        agree(name, column, values)
    except (AssertionError, pytest.fail.Exception):
        return False
    return True


def _served_alike(name: str, value: Any) -> bool:
    import numpy as np
    import pyarrow as pa
    import tensorflow as tf

    from scenerank.components.export.checks import check_rows
    from scenerank.components.log_example_gen.steps import check
    from tests.components.ingestion import DAY, declare, row

    declaration = declare()
    rows = pa.RecordBatch.from_pylist([row(**{name: value})], schema=declaration.log_schema)
    taken = check(rows, declaration, DAY, "drawn", np.arange(1)).good.num_rows == 1
    kinds = {"int64": tf.int64, "float32": tf.float32, "string": tf.string}
    asked = {c.name: tf.constant([row(**{name: value})[c.name]], kinds[c.type]) for c in declaration.features}
    try:
        check_rows(declaration, asked)
    except tf.errors.InvalidArgumentError:
        return not taken
    return taken


FIGURES = dict.fromkeys(("reader_agreement", "reader_agreement_files", "reader_agreement_values"), reader_agreement)
