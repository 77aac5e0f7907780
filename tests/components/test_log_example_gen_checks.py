"""Casts and checks of single columns, in every type that a file may bring."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenerank.components.log_example_gen.checking.casting import cast
from scenerank.components.log_example_gen.checking.checks import check, day_start_ms
from scenerank.schemas.columns import Column
from tests.components.ingestion import DAY, START, declare, row

USER = 9_007_199_254_740_993
"""2^53 + 1, which no float is."""


def column(kind: str, **more) -> Column:
    return Column(name="x", type=kind, group="context", **more)


def values(raw: pa.Array, kind: str) -> list:
    """The values cast, 'bad' for what failed."""
    typed = cast(raw, column(kind))
    bad = typed.failed | typed.undecodable
    return ["bad" if b else v for b, v in zip(bad, typed.values.to_pylist())]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (pa.array([1, None, -3], pa.int16()), [1, None, -3]),
        (pa.array([1, 2**63], pa.uint64()), [1, "bad"]),
        (pa.array([True, False, None]), [1, 0, None]),
        (pa.array([2.0, 2.5, float("nan"), 1e300, None]), [2, "bad", "bad", "bad", None]),
        (pa.array(["12", "-007", "1.0", "", " 1", None]), [12, -7, "bad", "bad", "bad", None]),
        (pa.array([str(2**63 - 1), str(2**63), "-1" + "0" * 18]), [2**63 - 1, "bad", -(10**18)]),
        (pa.array([b"1", b"\xff"]), [1, "bad"]),
        (pa.array(["7", "x", None, "7"]).dictionary_encode(), [7, "bad", None, 7]),
        (pa.array([7, None, 7]).dictionary_encode(), [7, None, 7]),
        (pa.array([datetime.datetime(2024, 3, 4)]), [START]),
        (pa.array([START * 1000], pa.timestamp("us", "UTC")), [START]),
        (pa.array([decimal.Decimal("3.0"), decimal.Decimal("3.5"), None]), [3, "bad", None]),
        (pa.array([decimal.Decimal(USER), decimal.Decimal(USER + 1)], pa.decimal128(20, 0)), [USER, USER + 1]),
        (pa.array([decimal.Decimal(2**63 - 1), decimal.Decimal(2**63)]), [2**63 - 1, "bad"]),
        (pa.array([decimal.Decimal(f"-{USER}.00")], pa.decimal128(30, 2)), [-USER]),
        (pa.array([decimal.Decimal(10**50), decimal.Decimal(7)], pa.decimal256(60, 3)), ["bad", 7]),
        (pa.array([decimal.Decimal("0"), decimal.Decimal("1E-9")], pa.decimal128(20, 9)), [0, "bad"]),
        (pa.array([2.0**53, -(2.0**53), 2.0**53 + 2, 2.0**62]), [2**53, -(2**53), "bad", "bad"]),
        (pa.array([{"a": 1}, None]), ["bad", None]),
        (pa.array([[1], None]), ["bad", None]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_casts_to_integers(raw, expected):
    assert values(raw, "int64") == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (pa.array([1, None]), [1.0, None]),
        (pa.array(["1e3", "+.5", "5.", "1,5", "", None]), [1000.0, 0.5, 5.0, "bad", "bad", None]),
        (pa.array(["-inf", "Infinity"]), [-np.inf, np.inf]),
        (pa.array([True, None]), [1.0, None]),
        (pa.array([decimal.Decimal("3.5"), None, decimal.Decimal("-0.5")]), [3.5, None, -0.5]),
        (pa.array([datetime.datetime(2024, 3, 4)]), ["bad"]),
    ],
)
def test_casts_to_numbers(raw, expected):
    assert values(raw, "float32") == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (pa.array(["a", "", None]), ["a", "", None]),
        (pa.array(["ä"], pa.large_string()), ["ä"]),
        (pa.array([12, None]), ["12", None]),
        (pa.array([1.5, None]), ["bad", None]),
        (pa.array([b"a", b"\xc3", b"\xc3\xa4", None]), ["a", "bad", "ä", None]),
        (pa.array([b"ab"], pa.binary(2)), ["ab"]),
        (pa.array([12.0, 2.0**60, None]), ["bad", "bad", None]),
        (pa.array([decimal.Decimal(USER), None], pa.decimal128(38, 0)), [str(USER), None]),
        (pa.array([decimal.Decimal("-0.05"), decimal.Decimal("12.5")], pa.decimal128(30, 2)), ["-0.05", "12.50"]),
        (pa.array([decimal.Decimal(10**50)], pa.decimal256(60, 3)), [f"1{'0' * 50}.000"]),
        (pa.array([["a"], None]), ["bad", None]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
    ],
)
def test_casts_to_text(raw, expected):
    assert values(raw, "string") == expected


@given(st.lists(st.one_of(st.none(), st.integers().map(str), st.text(max_size=5)), max_size=20))
def test_integers_in_text_parse_as_python_does(texts):
    def expected(text: str | None) -> int | str | None:
        ascii_digits = text is not None and text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()
        if text is None:
            return None
        return int(text) if ascii_digits and abs(int(text)) < 2**63 else "bad"

    assert values(pa.array(texts, pa.string()), "int64") == [expected(t) for t in texts]


@given(st.lists(st.one_of(st.none(), st.binary(max_size=4)), max_size=60))
def test_undecodable_text_is_found_wherever_it_is(raws):
    def expected(raw: bytes | None) -> str | None:
        try:
            return raw if raw is None else raw.decode()
        except UnicodeDecodeError:
            return "bad"

    assert values(pa.array(raws, pa.binary()), "string") == [expected(r) for r in raws]


def test_each_row_has_the_first_of_its_reasons():
    rows = [row(), row(age=-1, click=7), row(price=-0.5), row(scene=None, click=None)]
    batch = pa.RecordBatch.from_pylist(rows)
    result = check(batch, declare(), DAY, "f", np.arange(10, 14))
    assert result.good.num_rows == 1
    assert [(b["row"], b["reason"]) for b in result.bad.to_pylist()] == [
        (11, "age: below 0"),
        (12, "price: below 0"),
        (13, "scene: missing"),
    ]
    assert result.bad.to_pylist()[0]["click"] == "7"


def test_allowed_text_is_checked():
    columns = declare().model_dump()["columns"]
    next(c for c in columns if c["name"] == "scene")["values"] = ("home", "hotels")
    batch = pa.RecordBatch.from_pylist([row(), row(scene="moon")])
    result = check(batch, declare(columns=columns), DAY, "f", np.arange(2))
    assert result.bad.column(2).to_pylist() == ["scene: not one of home, hotels"]


def reasons(*rows, declaration=None) -> dict[int, str]:
    """By row, from 0."""
    batch = pa.RecordBatch.from_pylist(list(rows))
    bad = check(batch, declaration or declare(), DAY, "f", np.arange(len(rows))).bad.to_pylist()
    return {b["row"]: b["reason"] for b in bad}


@pytest.mark.parametrize("character", ["\0", "\n", "\r"])
def test_keys_and_words_of_vocabularies_have_no_control_characters(character):
    text = f"a{character}"
    found = reasons(row(scene=text), row(user=text), row(item=text), row(note=text), row(note="a\tb\x01"))
    said = ": has a control character"
    assert found == {0: f"scene{said}", 1: f"user{said}", 2: f"item{said}", 3: f"note{said}"}


def test_other_texts_may_have_them():
    columns = declare().model_dump()["columns"]
    next(c for c in columns if c["name"] == "note")["encoding"] = {"kind": "hash", "size": 8}
    assert reasons(row(note="a\nb\0"), declaration=declare(columns=columns)) == {}


@pytest.mark.parametrize("blank", ["", " ", "\t \n", "\u3000"])
def test_a_blank_key_is_missing(blank):
    found = reasons(row(scene=blank), row(user=blank), row(item=blank), row(note=blank.strip()))
    assert found == {0: "scene: missing", 1: "user: missing", 2: "item: missing"}


def test_a_scenario_is_told_even_where_the_column_is_optional():
    """A null would become the empty text, which stands for all scenarios."""
    columns = declare().model_dump()["columns"]
    for c in columns:
        c["required"] &= not c["key"]
    found = reasons(row(scene=None), row(user=None), row(user=" "), declaration=declare(columns=columns))
    assert found == {0: "scene: missing", 2: "user: missing"}


@pytest.mark.parametrize(("offset", "moment", "accepted"), [(8, -8 * 3600, 1), (8, 16 * 3600, 0), (0, 86_400, 0)])
def test_a_day_begins_where_its_time_zone_says(offset, moment, accepted):
    declaration = declare(utc_offset_hours=offset)
    assert day_start_ms(declaration, DAY) == START - offset * 3_600_000
    result = check(pa.RecordBatch.from_pylist([row(moment)]), declaration, DAY, "f", np.arange(1))
    assert result.good.num_rows == accepted
    anywhere = declare(utc_offset_hours=offset, partitioned_by_time=False)
    assert check(pa.RecordBatch.from_pylist([row(moment)]), anywhere, DAY, "f", np.arange(1)).good.num_rows == 1


@given(st.lists(st.one_of(st.none(), st.decimals(-(10**30), 10**30, places=4, allow_nan=False)), max_size=9))
def test_decimals_keep_their_digits(numbers):
    raw = pa.array(numbers, pa.decimal128(38, 4))[1:]
    numbers = numbers[1:]
    assert values(raw, "string") == [None if n is None else format(n, "f") for n in numbers]
    whole = [None if n is None else int(n) if n == int(n) and -(2**63) < n < 2**63 else "bad" for n in numbers]
    assert values(raw, "int64") == whole
