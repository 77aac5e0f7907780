"""Point-in-time histories against a naive program that looks at one impression after the other."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from scenerank.components.log_example_gen.joining import streams
from scenerank.components.log_example_gen.joining.assemble import Partition
from scenerank.components.log_example_gen.joining.history import codes, latest, settled_ms
from scenerank.schemas.declaration import Declaration
from tests.components.ingestion import DAY, declare, row
from tests.components.joined import checked, joined

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["ann", "bob", ""]),
        st.integers(-2, 0),
        st.integers(0, 12),
        st.sampled_from(["i", "j", "k"]),
        st.sampled_from([(0, 0), (1, 0), (1, 1)]),
    ),
    max_size=40,
)


def logs(events: list[tuple]) -> list[dict[str, Any]]:
    return [
        row(second, day, user=user, item=item, click=click, buy=buy, price=None if item == "k" else 2.0)
        for user, day, second, item, (click, buy) in events
    ]


def naive(rows: list[dict[str, Any]], declaration: Declaration) -> list[tuple]:
    """(impression, its history's times, types and prices); items of one moment as a sorted group."""
    history = declaration.history
    distinct = list({tuple(r.items()): r for r in rows}.values())
    out = []
    for impression in distinct:
        if impression["time_ms"] < row()["time_ms"]:
            continue
        past = [
            (b["time_ms"], "buy" if b["buy"] else "click")
            for b in distinct
            if b["user"] == impression["user"]
            and (b["click"] or b["buy"])
            and b["time_ms"] <= impression["time_ms"] - max(history.delay_ms, 1)
        ]
        times = sorted(time for time, _ in past)[-history.length :]
        out.append((impression["user"], impression["time_ms"], impression["item"], times, past))
    return sorted(out, key=lambda o: o[:4])


@settings(deadline=None, max_examples=200)
@given(EVENTS, st.integers(1, 4), st.sampled_from([0, 2_000, 90_000_000]), st.integers(1, 5), st.booleans())
def test_histories_are_those_of_the_naive_program(events, length, delay, batch_rows, by_time):
    declaration = declare(
        history={"types": {"click": "click", "buy": "buy"}, "length": length, "delay_ms": delay},
        rates=None,
        partitioned_by_time=by_time,
    )
    rows = logs(events)
    found = joined(rows, declaration, batch_rows)
    expected = naive(rows, declaration)
    assert len(found) == len(expected)
    got = []
    for e in found:
        times = [e["time_ms"] - round(age * 1000) for age in e["history_age_s"]]
        got.append((e["user"], e["time_ms"], e["item"], times, e))
    for mine, theirs in zip(sorted(got, key=lambda g: g[:4]), expected):
        assert mine[:4] == theirs[:4]
        allowed = theirs[4]
        assert all(pair in allowed for pair in zip(mine[3], mine[4]["history_type"]))
        prices = zip(mine[4]["history_item"], mine[4]["history_price"])
        assert all(price == (1.5 if item == "k" else 2.0) for item, price in prices)


@settings(deadline=None, max_examples=50)
@given(EVENTS, st.integers(0, 9), st.integers(1, 50))
def test_order_and_batches_of_the_log_do_not_matter(events, seed, batch_rows):
    declaration = declare(rates=None)
    rows = logs(events)
    shuffled = random.Random(seed).sample(rows, len(rows))
    assert joined(rows, declaration, 7) == joined(shuffled, declaration, batch_rows, slice_rows=50)


def test_no_more_than_a_history_of_a_users_past_is_kept():
    declaration = declare(rates=None)
    rows = [row(s, -1, user=f"u{s % 2}", item=f"i{s}", click=1) for s in range(500)]
    batch = streams.Rows(checked(rows, declaration), declaration).behaviors()
    kept = latest(batch, declaration, settled_ms(declaration, DAY))
    assert kept.num_rows == 2 * declaration.history.length
    assert sorted(kept.column("item").to_pylist()) == [f"i{s}" for s in range(494, 500)]
    assert latest(batch, declaration, None).num_rows == 500


def test_extreme_times_do_not_overflow():
    declaration = declare(rates=None, partitioned_by_time=False)
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    rows = [row(click=1, time_ms=int(t), item=f"i{n}") for n, t in enumerate((low, high, 0))]
    partition = Partition(declaration, None)
    prepared = streams.Rows(checked(rows, declaration), declaration).impressions()
    partition.add(prepared.replace_schema_metadata({streams.STREAM: streams.IMPRESSIONS}))
    (batch,) = partition.examples({}, 10)
    histories = dict(zip(batch.column("item").to_pylist(), batch.column("history_item").to_pylist()))
    assert histories == {"i0": [], "i2": ["i0"], "i1": ["i0", "i2"]}


def test_codes_sort_as_their_values_do():
    first, second = codes(pa.array(["b", None, "a"]), pa.array(["c", "b"]))
    assert first.tolist() == [2, 0, 1] and second.tolist() == [3, 2]
