"""Outcomes that take time, requests of many rows, and deliveries of one impression, against a naive program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.components.ingestion import COLUMNS, DAY_MS, START, declare, put, row, run
from tests.components.joined import joined

PREVIOUS = "2024-03-03"
REQUEST = {"name": "request", "type": "string", "group": "request_id", "required": False}
EVENT = {"name": "event", "type": "string", "group": "event_id", "required": False}
BOUGHT_AT = {"name": "bought_at", "type": "int64", "group": "outcome", "required": False}
TIMED = [{**c, "time": "bought_at"} if c["name"] == "buy" else c for c in COLUMNS]
TYPES = {"click": "click", "buy": "buy"}


def timed(delay: Any = 0, length: int = 3, columns: list[dict] = TIMED, **changes: Any) -> Any:
    history = {"types": TYPES, "length": length, "delay_ms": delay, "days": 5}
    return declare(columns=[*columns, BOUGHT_AT, REQUEST], **{"history": history, "rates": None, **changes})


def naive(rows: list[dict[str, Any]], declaration: Any) -> list[tuple]:
    """(impression, times and types of its history), the strongest type of each row that was known when it was asked."""
    history = declaration.history
    counted = {}
    for r in sorted(rows, key=lambda r: (r["click"] + r["buy"], r["time_ms"])):
        alone = tuple(r.items())
        counted[(r["request"], r["user"], r["item"], r["scene"]) if r["request"] else alone] = r
    out = []
    for impression in counted.values():
        if impression["time_ms"] < START:
            continue
        same = [r for r in counted.values() if r["request"] and _of(r) == _of(impression)]
        asked = min(r["time_ms"] for r in [impression, *same])
        past = []
        for r in counted.values():
            if r["user"] != impression["user"] or r in same:
                continue
            known = []
            for (kind, column), delay in zip(history.types.items(), history.delays):
                told = r.get("bought_at") if declaration[column].time else None
                happened = max(r["time_ms"], told if told is not None else 0)
                if r[column] and happened + delay <= asked:
                    known.append((happened, kind))
            past += known[-1:]
        past = sorted(past)[-history.length :]
        ages = [float(np.float32((asked - time) / 1000)) for time, _ in past]
        out.append((impression["user"], impression["item"], impression["time_ms"], ages, sorted(past)))
    return sorted(out, key=str)


def _of(r: dict[str, Any]) -> tuple:
    return r["user"], r["request"]


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob"]),
        st.integers(-2, 0),
        st.integers(0, 30),
        st.sampled_from([(0, 0), (1, 0), (1, 1), (0, 1)]),
        st.one_of(st.none(), st.integers(-5, 40), st.just(90_000)),
        st.one_of(st.none(), st.integers(0, 5)),
    ),
    max_size=40,
)


def logs(events: list[tuple]) -> list[dict[str, Any]]:
    """Times are distinct, so that there is one order; a request is of one day."""
    rows = []
    for n, (user, day, second, (click, buy), later, request) in enumerate(events):
        one = row(second, day, user=user, item=f"i{n}", click=click, buy=buy)
        one["time_ms"] += n
        at = None if later is None or not buy else one["time_ms"] + later * 1000
        rows.append({**one, "bought_at": at, "request": None if request is None else f"r{request}{day}"})
    return rows


@settings(deadline=None, max_examples=300)
@given(
    ROWS,
    st.integers(1, 4),
    st.sampled_from([0, 2_000, {"click": 0, "buy": 20_000}, {"click": 9_000, "buy": 90_000_000}]),
    st.integers(1, 6),
    st.booleans(),
)
def test_an_impression_sees_what_was_known_when_it_was_asked(events, length, delay, batch_rows, told):
    declaration = timed(delay, length, TIMED if told else COLUMNS)
    rows = logs(events)
    found = []
    for e in joined(rows, declaration, batch_rows):
        found.append((e["user"], e["item"], e["time_ms"], e["history_age_s"], e["history_type"]))
    expected = [(*one, [kind for _, kind in past]) for *one, past in naive(rows, declaration)]
    assert sorted(found, key=str) == sorted(expected, key=str)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from([(0, 0), (1, 0), (1, 1)])), max_size=20), st.integers(1, 9)
)
def test_of_an_impressions_deliveries_the_one_that_tells_most_counts(given_rows, batch_rows):
    declaration = timed(0, 9)
    rows = [
        {**row(60 * n, -1, item=f"i{n}", click=click, buy=buy), "bought_at": None, "request": f"r{n}"}
        for n, (click, buy) in given_rows
    ]
    rows += [{**r, "time_ms": r["time_ms"] + DAY_MS, "request": "t" + r["request"]} for r in rows]
    rows.append({**row(90_000 - 86_400 + 60 * 20, item="last"), "bought_at": None, "request": None})
    strongest = {}
    for n, (click, buy) in given_rows:
        strongest[n] = max(strongest.get(n, 0), click + buy)
    examples = {(e["item"], e["time_ms"]): e for e in joined(rows, declaration, batch_rows)}
    assert len(examples) == len(strongest) + 1
    for (item, _), e in examples.items():
        if item != "last":
            assert e["click"] == min(strongest[int(item[1:])], 1)
    last = next(e for (item, _), e in examples.items() if item == "last")
    kinds = [{1: "click", 2: "buy"}[much] for _, much in sorted(strongest.items()) if much]
    assert last["history_type"] == (kinds + kinds)[-9:]


def test_rows_of_one_request_do_not_see_each_other_even_over_midnight(tmp_path):
    declaration = timed(rates={"keys": [["user"], ["item"]], "events": ["click"], "days": 2, "prior": 4.0})
    put(tmp_path, [
        {**row(86_000, -1, item="before", click=1), "request": "p"},
        {**row(86_399, -1, item="own", click=1), "request": "q"},
        {**row(86_399, -1, item="other", user="u2", click=1), "request": "q"},
    ], day=PREVIOUS)  # fmt: skip
    put(tmp_path, [
        {**row(1, item="x", click=1), "request": "q"},
        {**row(9, item="own"), "request": "q"},
        {**row(9, item="y"), "request": "s"},
        {**row(9, item="before", user="u2"), "request": "t"},
        {**row(9, item="own", user="u2"), "request": "t"},
    ])  # fmt: skip
    examples = run(tmp_path, declaration).examples
    seen = {(e["user"], e["item"]): e["history_item"] for e in examples}
    assert seen == {
        ("u1", "x"): ["before"],
        ("u1", "own"): ["before"],
        ("u1", "y"): ["before", "own", "x"],
        ("u2", "before"): ["other"],
        ("u2", "own"): ["other"],
    }
    counts = {(e["user"], e["item"]): round(2.718281828 ** e["count_item"] - 1) for e in examples}
    assert counts["u2", "own"] == counts["u1", "own"] == 0 and counts["u2", "before"] == 1


def test_rates_count_what_was_known_at_midnight(tmp_path):
    declaration = timed(rates={"keys": [["item"]], "events": ["click", "buy"], "days": 2, "prior": 4.0})
    late = [{**row(10, -1, item="late", click=1, buy=1), "bought_at": START}]
    early = [{**row(10, -1, item="early", click=1, buy=1), "bought_at": START - 1}]
    put(tmp_path, late + early, day=PREVIOUS)
    put(tmp_path, [{**row(1, item="late"), "request": None}, {**row(1, item="early"), "request": None}])
    found = {e["item"]: (e["rate_click_item"], e["rate_buy_item"]) for e in run(tmp_path, declaration).examples}
    assert found["late"][0] == found["early"][0]
    assert found["late"][1] < 0 < found["early"][1]


def test_events_by_their_own_id(tmp_path):
    declaration = declare(columns=[*COLUMNS, EVENT])
    put(tmp_path, [{**row(3, item="a"), "event": "e1"}, {**row(4, item="b"), "event": None}])
    put(tmp_path, [{**row(5, item="a", click=1), "event": "e1"}, {**row(4, item="b"), "event": None}], name="b.csv")
    result = run(tmp_path, declaration)
    assert sorted((e["item"], e["click"]) for e in result.examples) == [("a", 1), ("b", 0)]
    assert result.summary["duplicates_dropped"] == 1 and result.summary["redelivered_dropped"] == 1
    assert "event" not in result.schema


@pytest.mark.parametrize(
    "columns, history, told",
    [
        ([*COLUMNS[:-1], {**COLUMNS[-1], "time": "price"}], {}, "'buy': its time 'price' is no outcome of type int64"),
        ([{**COLUMNS[0], "time": "buy"}, *COLUMNS[1:]], {}, "'time_ms': only a label or an outcome"),
        ([*COLUMNS, EVENT, {**EVENT, "name": "again"}], {}, "group 'event_id' has 2 columns"),
        (COLUMNS, {"delay_ms": {"click": 5}}, "delay_ms names click: give one number, or one for each of click, buy"),
        (COLUMNS, {"delay_ms": -1}, "greater than or equal to 0"),
    ],
)
def test_contradictions_are_refused(columns, history, told):
    with pytest.raises(pydantic.ValidationError, match=told):
        declare(columns=columns, history={"types": TYPES, **history})
