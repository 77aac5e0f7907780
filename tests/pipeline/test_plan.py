"""Laws of the estimate of a day's data, and the command on a workspace that was run."""

import dataclasses
import json

import hypothesis
import pytest
from click.testing import CliRunner
from hypothesis import strategies as st

from scenerank.pipeline.cli.main import main
from scenerank.pipeline.plan import data
from scenerank.pipeline.plan.data_tables import size
from scenerank.pipeline.plan.measured import COMPONENTS, RowBytes, Run, Stored
from tests.pipeline.small_world import SECOND

ROWS = RowBytes(70.0, 60.0, 25.0, 8.0, 160.0, 90.0, 0.06, 4)
STORED = Stored(15.0, 75.0, 33.0, 20.0)
DAYS = data.Days(lookback=30, history=30, rated=7, train=6, length=50)
COST = {name: data.Line(fixed=5.0, each=1e-4) for name in COMPONENTS}
SCALE = data.Scale(users=80_000_000, items=1_550_000, scenarios=500, impressions=1_000_000_000)

scales = st.builds(
    data.Scale,
    users=st.integers(1, 10**9),
    items=st.integers(1, 10**7),
    scenarios=st.integers(1, 1000),
    impressions=st.integers(10**4, 2 * 10**9),
)
budgets = st.builds(
    data.Budget, hours=st.floats(0.5, 24), memory=st.integers(2000, 16_000).map(lambda mib: mib * data.MIB)
)


BUDGET = data.Budget()


def estimate(scale=SCALE, budget=BUDGET):
    return data.estimate(scale, COST, ROWS, STORED, DAYS, 2, budget)


def run(rows, seconds):
    return Run("2024-03-02", rows, 2, dict.fromkeys(COMPONENTS, seconds), dict.fromkeys(COMPONENTS, float(rows)))


@hypothesis.given(scales, budgets)
def test_a_partition_fits_into_a_worker(scale, budget):
    found = estimate(scale, budget)
    assert data.partition_memory(scale, ROWS, DAYS, found.partitions) <= budget.memory * (1 + 1e-9)
    memory = {step.name: step.memory for step in found.steps}
    assert max(memory["LogExampleGen"], memory["FairnessCoefficient"]) <= budget.memory * (1 + 1e-9)
    assert 1 <= found.partitions <= 99_999


@hypothesis.given(scales, budgets)
def test_the_workers_found_need_no_more_than_the_hours(scale, budget):
    found = estimate(scale, budget)
    fixed = sum(line.fixed for line in COST.values()) / 3600
    beam = sum(step.hours for step in found.steps if step.name in COMPONENTS)
    if found.partitions >= found.workers:  # else some have nothing to do
        assert beam <= max(budget.hours, fixed) * (1 + 1e-6)


@hypothesis.given(scales, st.integers(1, 2000), st.integers(1, 2000))
def test_more_workers_take_fewer_hours(scale, some, more):
    first, second = (estimate(scale, data.Budget(workers=n)) for n in (some, some + more))
    assert second.hours <= first.hours
    assert second.partitions >= first.partitions
    work = [(step.hours - COST[step.name].fixed / 3600) * step.workers for step in first.steps if step.name in COST]
    again = [(step.hours - COST[step.name].fixed / 3600) * step.workers for step in second.steps if step.name in COST]
    assert again == pytest.approx(work, rel=1e-6)


@hypothesis.given(st.integers(2, 50))
def test_bytes_and_hours_beyond_fixed_costs_are_linear_in_rows(times):
    budget = data.Budget(workers=100)
    few, many = (dataclasses.replace(SCALE, users=n * 10**5, impressions=n * 10**6) for n in (1, times))
    for one, other in zip(estimate(few, budget).steps, estimate(many, budget).steps):
        if one.name in COST:
            assert other.shuffled == pytest.approx(one.shuffled * times)
            fixed = COST[one.name].fixed / 3600
            assert other.hours - fixed == pytest.approx((one.hours - fixed) * times)


@hypothesis.given(scales)
def test_pairs_are_bounded_by_impressions_and_by_the_product(scale):
    found = estimate(scale)
    assert found.pairs <= scale.impressions and found.pairs <= scale.items * scale.scenarios
    assert found.pairs in (scale.impressions, scale.items * scale.scenarios)


def test_histories_of_a_user_are_bounded_by_their_length():
    busy = dataclasses.replace(SCALE, users=1000)
    assert data.history_length(busy, ROWS, DAYS) == DAYS.length


@pytest.mark.parametrize(("memory", "sentence"), [(900, "needs more than 956 MiB"), (957, "partitions are more than")])
def test_workers_too_small_are_refused(memory, sentence):
    with pytest.raises(ValueError, match=sentence):
        estimate(budget=data.Budget(memory=memory * data.MIB))


def test_two_runs_tell_fixed_costs_from_those_of_rows():
    for name, line in data.lines(run(10_000, 25.0), run(1000, 7.0)).items():
        assert line == data.Line(pytest.approx(5.0), pytest.approx(0.002)), name


def test_one_run_counts_all_seconds_as_work():
    assert set(data.lines(run(10_000, 25.0), None).values()) == {data.Line(0.0, 0.0025)}


def test_a_smaller_run_that_took_longer_tells_nothing():
    assert set(data.lines(run(10_000, 25.0), run(1000, 30.0)).values()) == {data.Line(0.0, 0.0025)}


def test_sizes_are_for_people():
    assert [size(value) for value in (12, 4_500, 2e9, 3.25e12)] == ["12 B", "4.5 kB", "2.0 GB", "3.2 TB"]


@pytest.mark.slow
def test_the_command_measures_a_day_and_prints_its_assumptions(base, capfd):
    arguments = ["plan", "-c", base.config, "-w", base.workspace.root, "--impressions", "1e6", "--users", "1e5"]
    answer = CliRunner().invoke(main, arguments)
    assert answer.exit_code == 0, answer.output
    printed = capfd.readouterr().out  # past what the command's own output is kept in
    assert f"measured: {SECOND}, 600 rows" in printed
    assert "a day of 1,000,000 impressions, 100,000 users" in printed
    assert all(name in printed for name in (*COMPONENTS, "ingest.partitions", *data.ASSUMPTIONS[0].split()))
    answer = CliRunner().invoke(main, [*arguments, "--day", "2020-01-01"])
    assert (answer.exit_code, answer.output.strip()) == (
        3, f"scenerank: day 2020-01-01 was not run in {base.workspace.root}: run it first"
    )  # fmt: skip
    answer = CliRunner().invoke(main, [*arguments, "--worker-memory", "100"])
    assert answer.exit_code == 2 and "--worker-memory" in answer.output


@pytest.mark.slow
def test_the_command_says_the_same_as_json(base, capfd):
    asked = ["plan", "-c", base.config, "-w", base.workspace.root, "--impressions", "1e6", "--users", "1e5", "--json"]
    assert CliRunner().invoke(main, asked).exit_code == 0
    told = json.loads(capfd.readouterr().out)
    assert told["scale"]["impressions"] == 1_000_000 and told["measured"]["rows"] > 0
    assert {step["name"] for step in told["data"]["steps"]} >= {"LogExampleGen", "StatisticsGen"}
    assert told["memory_mib"]["all weights"] * 2**20 == pytest.approx(sum(w["bytes"] for w in told["weights"]))
    assert [span["days"] for span in told["training"]] == [2, 1] and told["training"][0]["hours"] > 0
    assert CliRunner().invoke(main, ["plan", "-c", base.config, "--json"]).exit_code == 0
    assert "data" not in json.loads(capfd.readouterr().out)
