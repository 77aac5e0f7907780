"""LogExampleGen as a whole, on tiny logs."""

import math

import pyarrow as pa
import pytest

from scenerank.errors import DataError
from tests.components.ingestion import DAY, DAY_MS, START, declare, put, row, run

PREVIOUS, NEXT = "2024-03-03", "2024-03-05"


def varied(rows: int = 60, day: int = 0) -> list[dict]:
    return [
        row(
            i * 60, day, user=f"u{i % 7}", item=f"i{i % 5}", scene=("home", "hotels")[i % 2], age=i % 3 * 20,
            price=None if i % 4 == 0 else i / 8, note=None if i % 3 == 0 else ("", "näh")[i % 2],
            click=int(i % 3 == 1), buy=int(i % 6 == 1),
        )
        for i in range(rows)
    ]  # fmt: skip


def test_values_arrive_with_nulls_filled_and_zeros_kept(tmp_path):
    put(tmp_path, [row(note=None, price=None), row(1, age=0, price=0.0, note="")])
    first, second = sorted(run(tmp_path).examples, key=lambda e: e["time_ms"])
    assert (first["price"], first["note"], first["click"]) == (1.5, "", 0)
    assert (second["price"], second["age"], second["note"]) == (0.0, 0, "")
    assert "buy" not in first and first["history_item"] == []
    assert first["count_item"] == first["rate_click_user_scene"] == 0.0


@pytest.mark.parametrize("name", ["a.jsonl", "a.json.gz", "a.csv", "deep/er/a.csv.gz"])
def test_formats_agree(tmp_path, name):
    rows = [{**r, "note": r["note"] or None} for r in varied()]
    put(tmp_path / "parquet", rows)
    put(tmp_path / "other", rows, name=name)
    assert run(tmp_path / "parquet").examples == run(tmp_path / "other").examples


def test_unknown_columns_are_ignored_and_optional_ones_may_be_absent(tmp_path):
    put(tmp_path, [{**row(), "more": [1, 2]}])
    rows = [row(1)]
    del rows[0]["price"]
    put(tmp_path, rows, name="b.jsonl")
    put(tmp_path, [{k: v for k, v in row(2).items() if k != "note"}], name="c.csv")
    put(tmp_path, [], name="_SUCCESS")
    assert [e["price"] for e in sorted(run(tmp_path).examples, key=lambda e: e["time_ms"])] == [2.5, 1.5, 2.5]


def test_exact_duplicates_are_dropped_and_counted(tmp_path):
    put(tmp_path, [row(), row(), row(1)])
    put(tmp_path, [row(), row(1, note="other")], name="b.jsonl")
    result = run(tmp_path)
    assert len(result.examples) == 3
    assert result.summary["duplicates_dropped"] == 2
    assert result.summary["rows_read"] == 5 and result.summary["rows_accepted"] == 3


def test_history_crosses_days_and_scenarios_but_not_time(tmp_path):
    put(tmp_path, [row(10, -1, item="a", scene="hotels", click=1), row(20, -1, item="b")], day=PREVIOUS)
    put(tmp_path, [row(5, item="c", click=1, buy=1), row(5, item="d", click=1), row(6, item="e")])
    by_item = {e["item"]: e for e in run(tmp_path).examples}
    assert by_item["c"]["history_item"] == by_item["d"]["history_item"] == ["a"]
    last = by_item["e"]
    assert last["history_item"][0] == "a" and sorted(last["history_item"][1:]) == ["c", "d"]
    assert last["history_scene"] == ["hotels", "home", "home"]
    assert dict(zip(last["history_item"], last["history_type"])) == {"a": "click", "c": "buy", "d": "click"}
    assert last["history_age_s"] == [86_400 - 4, 1, 1]


def test_duplicates_over_files_do_not_crowd_a_history(tmp_path):
    for name in ("a.parquet", "b.parquet", "c.jsonl"):
        put(tmp_path, [row(t, -1, item=f"i{t}", click=1) for t in range(4)], day=PREVIOUS, name=name)
    put(tmp_path, [row()])
    assert run(tmp_path).examples[0]["history_item"] == ["i1", "i2", "i3"]


def test_delay_hides_recent_behaviors(tmp_path):
    declaration = declare(history={"types": {"click": "click"}, "length": 2, "days": 2, "delay_ms": 3_600_000})
    late = 86_400 - 3_600
    put(tmp_path, [row(late + s, -1, item=f"i{s}", click=1) for s in range(-2, 8)], day=PREVIOUS)
    put(tmp_path, [row(0, item="x"), row(5, item="y")])
    by_item = {e["item"]: e["history_item"] for e in run(tmp_path, declaration).examples}
    assert by_item == {"x": ["i-1", "i0"], "y": ["i4", "i5"]}


def test_rates_come_from_the_days_before(tmp_path):
    put(tmp_path, [row(i, -1, click=int(i < 2)) for i in range(5)] + [row(0, -1, click=1)] * 3, day=PREVIOUS)
    put(tmp_path, [row(9, -1, item="i2", user="u2"), row(1, -1, age=900)], day=PREVIOUS, name="b.parquet")
    put(tmp_path, [row(0, click=1), row(1, item="new", user="new")])
    known, new = sorted(run(tmp_path, max_quarantined_share=0.0).examples, key=lambda e: e["time_ms"])
    rate = 2 / 6
    assert known["count_item"] == pytest.approx(math.log1p(5))
    assert known["rate_click_item"] == pytest.approx(math.log((2 + 4 * rate) / (5 + 4) / rate), rel=1e-6)
    assert known["rate_click_user_scene"] == pytest.approx(known["rate_click_item"])
    assert new["count_item"] == new["rate_click_item"] == new["count_user_scene"] == 0.0


def test_same_bytes_again_whatever_the_order_of_files(tmp_path):
    rows = varied()
    for folder, cut in (("one", 30), ("two", 45)):
        put(tmp_path / folder, varied(40, -1), day=PREVIOUS)
        put(tmp_path / folder, rows[cut:][::-1], name="a.parquet")
        put(tmp_path / folder, rows[:cut], name="b.parquet")
    first, again, shuffled = run(tmp_path / "one"), run(tmp_path / "one"), run(tmp_path / "two")
    assert first.files == again.files == shuffled.files


@pytest.mark.parametrize("settings", [{"partitions": 1}, {"partitions": 9, "slice_rows": 3}, {"batch_rows": 7}])
def test_settings_of_speed_do_not_change_examples(tmp_path, settings):
    put(tmp_path, varied(50, -1), day=PREVIOUS)
    put(tmp_path, varied())
    assert run(tmp_path).examples == run(tmp_path, **settings).examples


def test_a_later_day_never_changes_an_earlier_example(tmp_path):
    put(tmp_path, varied())
    before = run(tmp_path).files
    put(tmp_path, varied(60, 1), day=NEXT)
    assert run(tmp_path).files == before


def test_a_user_with_5000_events(tmp_path):
    put(tmp_path, [row(t, -1, item=f"i{t}", click=1) for t in range(5_000)], day=PREVIOUS)
    put(tmp_path, [row(t, item=f"j{t}", click=1) for t in range(5_000)])
    examples = sorted(run(tmp_path).examples, key=lambda e: e["time_ms"])
    assert examples[0]["history_item"] == ["i4997", "i4998", "i4999"]
    assert examples[-1]["history_item"] == ["j4996", "j4997", "j4998"]


def test_behaviors_count_by_time_where_days_do_not_follow_from_it(tmp_path):
    declaration = declare(partitioned_by_time=False)
    put(tmp_path, [row(s, item=f"i{s}", click=1) for s in range(10)], day=PREVIOUS)
    put(tmp_path, [row(4, item="x"), row(50, item="y")])
    by_item = {e["item"]: e["history_item"] for e in run(tmp_path, declaration).examples}
    assert by_item == {"x": ["i1", "i2", "i3"], "y": ["i7", "i8", "i9"]}


BAD_ROWS = {
    "click: not one of 0, 1": {"click": 2},
    "click: missing": {"click": None},
    "age: below 0": {"age": -1},
    "age: above 120": {"age": 121},
    "price: not a finite number": {"price": float("nan")},
    "user: longer than 256 characters": {"user": "x" * 10_000},
    f"time_ms: not within day {DAY}": {"time_ms": START + DAY_MS},
    "item: missing": {"item": None},
}


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.csv"])
def test_bad_rows_go_to_quarantine_with_their_reason(tmp_path, name):
    bad = [row(i, note=f"bad{i}", **change) for i, change in enumerate(BAD_ROWS.values())]
    put(tmp_path, [row(99), *bad], name=name)
    result = run(tmp_path, max_quarantined_share=0.9)
    assert len(result.examples) == 1
    assert {q["reason"] for q in result.quarantine} == set(BAD_ROWS)
    assert result.summary["quarantined"] == dict.fromkeys(sorted(BAD_ROWS), 1)
    place = {q["reason"]: q for q in result.quarantine}["age: below 0"]
    assert (place["file"], place["row"], place["age"], place["note"]) == (f"logs/day={DAY}/{name}", 3, "-1", "bad2")


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.jsonl"])
def test_text_among_numbers_costs_only_its_row(tmp_path, name):
    rows = [row(i, age=str(20 + i)) for i in range(40)]
    rows[7]["age"] = "thirty"
    if name == "a.jsonl":
        rows = [{**r, "age": int(r["age"]) if r["age"].isdigit() else r["age"]} for r in rows]
        path = tmp_path / "logs" / f"day={DAY}" / name
        path.parent.mkdir(parents=True)
        import json

        path.write_text("\n".join(map(json.dumps, rows)))
    else:
        put(tmp_path, rows, name=name)
    result = run(tmp_path)
    assert [(q["row"], q["reason"], q["age"]) for q in result.quarantine] == [(7, "age: not an integer", "thirty")]
    assert sorted(e["age"] for e in result.examples) == sorted({*range(20, 60)} - {27})


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.jsonl"])
def test_invalid_utf8_costs_only_its_row(tmp_path, name):
    rows = [row(i, item=f"i{i}") for i in range(40)]
    path = put(tmp_path, rows, name=name)
    if name == "a.parquet":
        table = pa.Table.from_pylist(rows)
        items = pa.array([b"\xff" if i == 5 else f"i{i}".encode() for i in range(40)], pa.binary())
        broken = pa.Array.from_buffers(pa.string(), 40, items.buffers())
        put(tmp_path, table.set_column(table.schema.get_field_index("item"), "item", broken))
    else:
        with open(path, "rb") as file:
            data = file.read()
        with open(path, "wb") as file:
            file.write(data.replace(b'"i5"', b'"\xff"'))
    result = run(tmp_path)
    assert [(q["row"], q["reason"], q["item"]) for q in result.quarantine] == [(5, "item: invalid UTF-8", "\ufffd")]
    assert len(result.examples) == 39


def refusal(workspace, **settings) -> str:
    with pytest.raises(DataError) as error:
        run(workspace, **settings)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_refuses_a_missing_or_empty_day(tmp_path):
    (tmp_path / "logs").mkdir()
    assert f"there are no logs of {DAY}" in refusal(tmp_path)
    put(tmp_path, pa.Table.from_pylist([row()])[:0])
    assert f"the logs of {DAY} hold no row" in refusal(tmp_path)


def test_refuses_text_files_without_rows(tmp_path):
    put(tmp_path, pa.Table.from_pylist([row()])[:0], name="a.csv")
    assert f"the logs of {DAY} hold no row" in refusal(tmp_path)


def test_refuses_what_is_no_parquet(tmp_path):
    path = put(tmp_path, [row()])
    with open(path, "wb") as file:
        file.write(b"not a log at all")
    assert "a.parquet cannot be read as parquet" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl.gz", "a.csv.gz"])
def test_refuses_a_truncated_file(tmp_path, name):
    path = put(tmp_path, varied(3_000), name=name)
    with open(path, "rb+") as file:
        file.truncate(len(file.read()) // 2)
    assert f"{name} cannot be read as" in refusal(tmp_path)


@pytest.mark.parametrize(("name", "line"), [("a.csv", b"1,2,3\n"), ("a.jsonl", b'{"user": \n'), ("b.json", b"[1]\n")])
def test_refuses_malformed_text(tmp_path, name, line):
    path = put(tmp_path, varied(), name=name)
    with open(path, "ab") as file:
        file.write(line)
    assert f"{name} cannot be read as" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.csv"])
def test_refuses_a_file_without_a_required_column(tmp_path, name):
    put(tmp_path, [{k: v for k, v in row().items() if k != "age"}], name=name)
    assert f"{name} has no column 'age'" in refusal(tmp_path)


def test_refuses_a_file_of_another_kind(tmp_path):
    put(tmp_path, [row()], name="a.avro")
    assert "a.avro is no log that can be read: use .parquet" in refusal(tmp_path)


def test_refuses_a_day_with_too_many_bad_rows_and_says_where_they_are(tmp_path):
    put(tmp_path, [row(i, click=i % 2 * 2) for i in range(20)])
    message = refusal(tmp_path)
    assert "10 of 20 rows" in message and "click: not one of 0, 1" in message
    left = tmp_path / "quarantine/failed" / f"day={DAY}" / "quarantine.parquet"
    assert str(left) in message and left.exists()
    put(tmp_path, [row()])
    run(tmp_path)
    assert not left.exists()


def test_refuses_a_day_whose_every_row_is_bad(tmp_path):
    put(tmp_path, [row(click=5)])
    assert "1 of 1 rows" in refusal(tmp_path, max_quarantined_share=1.0)


def test_a_damaged_earlier_file_is_named(tmp_path):
    path = put(tmp_path, [row()], day=PREVIOUS)
    with open(path, "wb") as file:
        file.write(b"PAR1")
    put(tmp_path, [row()])
    assert f"logs/day={PREVIOUS}/a.parquet cannot be read" in refusal(tmp_path)
