"""`scenerank benchmark`, `ablate` and `sweep` on small prepared data, with real trainings."""

import io
import json
import pathlib

import pytest
from rich.console import Console

from scenerank.models.ablations import ABLATIONS
from scenerank.pipeline.compare import commands
from scenerank.pipeline.compare.commands import Bench
from scenerank.pipeline.compare.data import write
from scenerank.pipeline.compare.runner import Results
from scenerank.pipeline.compare.settings import BenchmarkSettings
from scenerank.pipeline.config import load_config
from tests.pipeline.explained import prepared

SMALL = {
    "shared": {"embedding": {"dim": 4}},
    "models": {"hierrec": {"global_units": [4], "heads": 2}, "hard_sharing": {"units": [4]}, "din": {"units": [4]}},
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("comparisons"))
    write(prepared(), f"{folder}/data")
    config = load_config("simulator", ("trainer.epochs=1", "trainer.batch_size=64"))
    settings = BenchmarkSettings.model_validate(SMALL)
    return Bench("simulator", folder, config, settings, Results(folder), Console(file=io.StringIO(), width=160))


def printed(bench: Bench) -> str:
    """What was printed since the last time."""
    text = bench.console.file.getvalue()
    bench.console.file.seek(0)
    bench.console.file.truncate()
    return text


def test_ablations_are_told_apart_and_resumed(bench):
    assert commands.ablate(bench, "hierrec", 1) == 0
    text = printed(bench)
    for title, rows in ABLATIONS["hierrec"].items():
        assert title in text and all(f"| {row} |" in text for row in rows)
    (first, *_) = ABLATIONS["hierrec"].values()
    assert all(f"hierrec: {row} seed 0" in text for row in first)
    assert pathlib.Path(bench.out, "ablation_hierrec.html").exists()
    assert commands.ablate(bench, "hierrec", 1) == 0
    assert " seed 0" not in printed(bench)


def test_a_sweep_draws_its_plot(bench):
    assert commands.sweep(bench, "hierrec", "heads", [3, 5], 1) == 0
    text = printed(bench)
    assert "hierrec heads: 3 seed 0" in text and "hierrec heads: 5 seed 0" in text
    assert "<svg" in pathlib.Path(bench.out, "sweep_hierrec_heads.svg").read_text()


def test_all_protocols_make_one_page(bench):
    assert commands.benchmark(bench, ["hard_sharing", "din"], ["multi", "mix", "single"], 2, "hard_sharing") == 0
    page = pathlib.Path(bench.out, "benchmark.md").read_text()
    assert all(f"protocol {protocol}" in page for protocol in ("multi", "mix", "single"))
    lines = [json.loads(line) for line in pathlib.Path(bench.out, "results.jsonl").read_text().splitlines()]
    assert len([line for line in lines if line["model"] in ("hard_sharing", "din")]) == 12
