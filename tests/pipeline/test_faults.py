"""Bad input through the whole pipeline: a sentence or a quarantine; what is in service and published stays."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenerank.components.log_example_gen.writing import writer
from scenerank.components.workspace import shift
from scenerank.errors import ExitCode
from tests.pipeline.small_world import DAY, FIRST, ROWS, SECOND, World, changed

pytestmark = pytest.mark.slow

SCENERANK = os.path.join(os.path.dirname(sys.executable), "scenerank")
DAY_MS = 86_400_000
TENTH = slice(0, ROWS // 10)
UNCHECKED = ("--set", "checks.severity=none")


def no_utf8(rows: pa.Table, places: slice) -> pa.Table:
    names = [name.encode() for name in rows["item_id"].to_pylist()]
    names[places] = [b"\xff\xfe"] * len(names[places])
    raw = pa.array(names, pa.binary())
    return changed(rows, "item_id", pa.Array.from_buffers(pa.string(), len(raw), raw.buffers()))


def no_parquet(world):
    world.log().write_bytes(b"this is no Parquet file at all")


def truncated(world):
    content = world.log().read_bytes()
    world.log().write_bytes(content[: len(content) // 2])


def missing_column(world):
    world.write(world.rows().drop(["price"]))


def text_for_numbers(world):
    world.write(changed(world.rows(), "hour", "noon"))


def lists_for_numbers(world):
    world.write(changed(world.rows(), "time_ms", [1, 2]))


def wrong_labels(world):
    world.write(changed(world.rows(), "is_click", 2, TENTH))


def not_a_number(world):
    world.write(changed(world.rows(), "price", float("nan"), TENTH))


def endless_ids(world):
    world.write(changed(world.rows(), "user_id", "x" * 10_000, TENTH))


def broken_text(world):
    world.write(no_utf8(world.rows(), TENTH))


def another_day(world):
    shutil.copy(world.log(SECOND), world.log())


def no_rows(world):
    world.write(world.rows()[:0])


def no_file(world):
    world.log().unlink()


def no_folder(world):
    shutil.rmtree(world.log().parent)


def hole_in_the_window(world):
    later = world.log().parent.with_name(f"day={shift(DAY, 2)}")
    world.log().parent.rename(later)
    world.day = shift(DAY, 2)


def first_day(world):
    world.day = FIRST


def clicks_everywhere(world):
    world.write(changed(world.rows(), "is_click", 1))


def clicks_nowhere(world):
    world.write(changed(world.rows(), "is_click", 0))


REFUSALS = {
    no_parquet: ("part-00000.parquet cannot be read as parquet", "replace or remove it"),
    truncated: ("part-00000.parquet cannot be read as parquet", "replace or remove it"),
    missing_column: ("part-00000.parquet has no column 'price'", "add it"),
    text_for_numbers: ("600 of 600 rows", "hour: not an integer", "mend the logs"),
    lists_for_numbers: ("600 of 600 rows", "time_ms: not an integer", "mend the logs"),
    wrong_labels: ("60 of 600 rows", "is_click: not one of 0, 1", "quarantine.parquet"),
    not_a_number: ("60 of 600 rows", "price: not a finite number", "quarantine.parquet"),
    endless_ids: ("60 of 600 rows", "user_id: longer than 256 characters", "quarantine.parquet"),
    broken_text: ("60 of 600 rows", "item_id: invalid UTF-8", "quarantine.parquet"),
    another_day: (f"none of the 600 rows in the logs of {DAY} is of that day", "the folder of their day"),
    no_rows: (f"the logs of {DAY} hold no row", "run it again"),
    no_file: (f"the logs of {DAY} hold no row", "run it again"),
    no_folder: (f"logs/day={DAY} does not exist", "write the logs of that day first"),
    hole_in_the_window: (f"{DAY}, {shift(DAY, 1)} are missing", "window.days"),
    first_day: (f"no logs before {FIRST}", "run the next day"),
    clicks_everywhere: ("is_click (drift)", "mend the logs", "checks.severity"),
    clicks_nowhere: ("is_click (drift)", "mend the logs", "checks.severity"),
}


@pytest.mark.parametrize("spoil", REFUSALS, ids=lambda spoil: spoil.__name__)
def test_refused(world, base, spoil):
    world.day = DAY
    spoil(world)
    answer = world.run("--day", world.day)
    assert answer.code == ExitCode.REFUSED, answer.text
    for words in REFUSALS[spoil]:
        assert words in answer.sentence
    unharmed(world, base)


def unharmed(world: World, base: World) -> None:
    """The served model, the published days and nothing else are there, as before."""
    assert world.served() == base.served()
    assert world.workspace.days("examples") == [FIRST, SECOND]
    assert world.published(FIRST, SECOND) == base.published(FIRST, SECOND)


def test_an_unusual_day_is_refused_until_a_person_accepts_it(world, base):
    rows = world.rows()
    world.write(changed(rows, "price", pa.array(rows["price"].to_numpy() * 100)))
    compared = ("--day", DAY, "--set", "checks.least_days=2")
    answer = world.run(*compared)
    assert answer.code == ExitCode.REFUSED, answer.text
    for words in ("price (profile)", "set checks.number_factor higher", "name the day in checks.accept"):
        assert words in answer.sentence
    unharmed(world, base)
    answer = world.run(*compared, "--set", f"checks.accept.{DAY}=in cents from now on")
    assert answer.code == ExitCode.DONE, answer.text
    assert record(world)["accepted"] == {DAY: "in cents from now on"}
    published = world.workspace.day("examples", DAY)
    assert world.workspace.read_json(f"{published}/verdict.json")["accepted"] == "in cents from now on"
    assert world.workspace.read_json(f"{published}/profile.json")["rows"] == ROWS


ONE_ROW = {
    "hour: not an integer": lambda rows: changed(changed(rows, "hour", rows["hour"].cast(pa.string()).combine_chunks()),
                                                 "hour", "noon", slice(0, 1)),
    "is_click: not one of 0, 1": lambda rows: changed(rows, "is_click", 2, slice(1, 2)),
    "price: not a finite number": lambda rows: changed(rows, "price", float("nan"), slice(2, 3)),
    "user_id: longer than 256 characters": lambda rows: changed(rows, "user_id", "x" * 10_000, slice(3, 4)),
    f"time_ms: not within day {DAY}": lambda rows: changed(rows, "time_ms", rows["time_ms"][4].as_py() + DAY_MS,
                                                           slice(4, 5)),
    "item_id: invalid UTF-8": lambda rows: no_utf8(rows, slice(5, 6)),
}  # fmt: skip
EVENTS = 5_000


def odd_but_true(rows: pa.Table) -> pa.Table:
    """Rows that are to be taken: a user with 5,000 events, a scenario never seen, a scenario with one row."""
    rng = np.random.default_rng(0)
    places = np.sort(rng.integers(0, len(rows), EVENTS))
    busy = rows.take(pa.array(places))
    times = busy["time_ms"].to_numpy() // 1000 * 1000 + np.arange(EVENTS) % 1000
    busy = changed(changed(busy, "user_id", "busy"), "time_ms", pa.array(times))
    busy = changed(busy, "request_id", pa.array([f"busy{n}" for n in range(EVENTS)]))
    rows = changed(rows, "scenario_id", "unseen", slice(100, 140))
    rows = changed(rows, "scenario_id", "single", slice(200, 201))
    return pa.concat_tables([rows, busy.cast(rows.schema)])


@pytest.fixture(scope="module")
def accepted(base, tmp_path_factory):
    """One run of a day with all that a run must live with; it was refused before, for another fault."""
    world = base.copy(tmp_path_factory.mktemp("accepted") / "world")
    good = odd_but_true(world.rows())
    truncated(world)
    assert world.run("--day", DAY).code == ExitCode.REFUSED
    for spoil in ONE_ROW.values():
        good = spoil(good)
    world.write(good)
    world.answer = world.run("--day", DAY)
    assert world.answer.code == ExitCode.DONE, world.answer.text
    return world


def record(world, day=DAY):
    return world.workspace.read_json(world.workspace.uri("reports", f"day={day}", "run.json"))


@pytest.mark.parametrize("reason", ONE_ROW)
def test_a_bad_row_is_quarantined_with_its_reason(accepted, reason):
    folder = accepted.workspace.path(accepted.workspace.day("quarantine", DAY))
    rows = pq.ParquetFile(f"{folder}/quarantine.parquet").read().to_pylist()
    place = list(ONE_ROW).index(reason)
    assert [(row["row"], row["reason"]) for row in rows if row["row"] == place] == [(place, reason)]
    assert len(rows) == len(ONE_ROW)


def test_a_run_that_quarantined_pushes_and_leaves_other_days(accepted, base):
    old, new = base.served(), accepted.served()
    assert old.items() <= new.items()
    assert accepted.workspace.versions() == [2024030201, 2024030301]
    assert accepted.published(FIRST, SECOND) == base.published(FIRST, SECOND)


@pytest.mark.parametrize(("scenario", "least"), [("unseen", 40), ("single", 1)])
def test_a_scenario_never_seen_or_of_one_row_is_scored(accepted, scenario, least):
    for name in ("candidate", "served"):
        metrics = record(accepted)["metrics"]["slices"][scenario][name]
        assert metrics["examples"] >= least
        assert 0 < metrics["mean_score"] < 1


def test_a_scenario_of_one_row_in_training(accepted):
    path = accepted.workspace.path(accepted.workspace.checkpoint(2024030301))
    with open(f"{path}/vocabularies.json") as stream:
        assert "rare" in json.dumps(json.load(stream))


def test_a_user_with_5000_events(accepted):
    import tensorflow as tf

    folder = accepted.workspace.path(accepted.workspace.day("examples", DAY))
    files = tf.io.gfile.glob(f"{folder}/examples/*.gz")
    lengths = []
    for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
        feature = tf.train.Example.FromString(record).features.feature
        if feature["user_id"].bytes_list.value[0] == b"busy":
            lengths.append(len(feature["history_item_id"].bytes_list.value))
    assert len(lengths) == EVENTS
    assert max(lengths) == 50 and lengths.count(50) > EVENTS / 2


def test_no_click_on_the_day(world, base):
    """Where that does not stop the run nothing can be judged: the day is published, no model is pushed."""
    clicks_nowhere(world)
    answer = world.run("--day", DAY, *UNCHECKED)
    assert answer.code == ExitCode.NOT_BLESSED
    (objection,) = record(world)["verdict"]["objections"]
    assert "clicks of one kind only" in objection and "check the label column" in objection
    assert world.served() == base.served()
    assert world.published(FIRST, SECOND) == base.published(FIRST, SECOND)


def test_no_click_in_training(base, tmp_path):
    world = World.create(tmp_path / "world")
    world.write(changed(world.rows(FIRST), "is_click", 0), FIRST)
    answer = world.run("--day", SECOND, *UNCHECKED)
    assert answer.code == ExitCode.REFUSED
    assert f"'is_click' is 0 in all {ROWS} training rows" in answer.sentence
    assert world.served() == {}


@pytest.fixture
def interruptible():
    """Ctrl-C reaches this process and those that it starts, even in a shell's background job, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def start(world: World) -> subprocess.Popen:
    command = [SCENERANK, "run", "-w", world.workspace.root, "-c", world.config, "--day", DAY]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_runs_at_once_and_an_interrupt(world, base, interruptible):
    """The second is refused; Ctrl-C in the first one's training ends it at once and with one sentence."""
    first = start(world)
    try:
        seen = []
        while not any("Transform" in line for line in seen[-1:]):
            seen.append(first.stdout.readline())
            assert seen[-1], (seen, first.stderr.read())
        second = world.run("--day", DAY)
        first.send_signal(signal.SIGINT)
        _, errors = first.communicate(timeout=300)
    finally:
        first.kill()
    assert second.code == ExitCode.REFUSED
    assert second.sentence == f"another run is at work in {world.workspace.root}: wait for it to end"
    assert first.returncode == ExitCode.INTERRUPTED
    assert errors == "scenerank: interrupted; what is published and what is in service is whole\n"
    assert world.served() == base.served()
    assert world.published(FIRST, SECOND) == base.published(FIRST, SECOND)


def test_an_interrupt_while_beam_is_at_work(world, base, monkeypatch, interruptible):
    write = writer.write

    def interrupted(*args):
        signal.raise_signal(signal.SIGINT)
        return write(*args)

    monkeypatch.setattr(writer, "write", interrupted)
    answer = world.run("--day", DAY)
    assert answer.code == ExitCode.INTERRUPTED
    assert answer.sentence.startswith("interrupted; what is published")
    unharmed(world, base)


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--day", "2024-13-01"), ExitCode.USAGE, "'2024-13-01' is no day: write it as 2022-05-31"),
        (("--day", DAY, "--set", "trainer.epochs=none"), ExitCode.USAGE, "trainer.epochs"),
        (
            ("--day", DAY, "--set", "trainer.epoch=2"),
            ExitCode.USAGE,
            "trainer.epoch: no such setting; allowed are mode,",
        ),
        (("--day", DAY, "--set", "trainer.model=sarnet"), ExitCode.USAGE, "trainer.model"),
        (("--day", DAY, "--set", "declaration=nowhere"), ExitCode.USAGE, "nowhere"),
        (("--day", DAY, "--day2", DAY), ExitCode.USAGE, "--day2"),
        (
            ("--day", "2024-06-01"),
            ExitCode.REFUSED,
            "logs/day=2024-06-01 does not exist: write the logs of that day first",
        ),
    ],
)
def test_the_command_line(world, base, args, code, words):
    command = [SCENERANK, "run", "-w", world.workspace.root, "-c", world.config, *args]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code
    assert words in done.stderr.splitlines()[-1]
    unharmed(world, base)
