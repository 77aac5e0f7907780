"""AUC of all models on public data, and against the simulator's truth."""

from __future__ import annotations

import functools
import os
import statistics
from collections.abc import Callable, Iterator

from scenerank.pipeline.compare.data_sets import DATA_SETS
from scenerank.pipeline.simulated.truth import share_of_oracle
from scenerank.pipeline.sources.simulator.oracle import oracle_auc
from scenerank.schemas.bias import DebiasSettings
from tests.benchmarks.daily.public_data import KUAIRAND
from tests.benchmarks.models._bench import NAMES, SEEDS, bench, results

MARIA_SEEDS = 5


def _auc(data: str, name: str) -> Iterator[tuple[str, float | str]]:
    """Mean over seeds of a model's AUC on the test part."""
    if data == "kuairand" and not os.path.isdir(KUAIRAND):
        yield f"{data}_auc_{name}", f"skipped, no data at {KUAIRAND} (set SCENERANK_KUAIRAND)"
        return
    figure = "movielens_time_auc" if data == "movielens_time" else f"{data}_auc"
    yield f"{figure}_{name}", statistics.fmean(r["metrics"][""]["auc"] for r in results(data, name))


def _maria() -> Iterator[tuple[str, float]]:
    """Of MARIA on MovieLens: standard deviation of AUC over seeds, and what scenarios take of the shared tower."""
    found = results("movielens", "maria", MARIA_SEEDS)
    yield "movielens_auc_maria_std", statistics.stdev(r["metrics"][""]["auc"] for r in found)
    yield "maria_alpha", statistics.fmean(r["watched"]["alpha"] for r in found)


def _bias_nets() -> Iterator[tuple[str, float]]:
    """SAR-Net with bias nets, which the configuration leaves out: AUC, and the gain over the same without."""
    opened, off = bench("kuairand"), results("kuairand", "sar_net")
    nets = DebiasSettings(nets=True).model_dump(mode="json")
    found, failures = opened.run([opened.trial("sar_net", seed, debias=nets) for seed in range(SEEDS)])
    if failures:
        raise RuntimeError(failures[0])
    on, off = ([r["metrics"][""]["auc"] for r in some] for some in (found, off))
    gains = [a - b for a, b in zip(on, off)]
    yield "kuairand_auc_bias_nets", statistics.fmean(on)
    yield "kuairand_auc_bias_nets_gain", statistics.fmean(gains)
    yield "kuairand_auc_bias_nets_gain_stderr", statistics.stdev(gains) / len(gains) ** 0.5


def _oracle_share(name: str) -> Iterator[tuple[str, float]]:
    """AUC above 0.5 as a share of the oracle's."""
    auc = statistics.fmean(r["metrics"][""]["auc"] for r in results("simulator", name))
    oracle = oracle_auc(f"{bench('simulator').out}/workspace", DATA_SETS["simulator"].day)
    yield f"oracle_share_{name}", share_of_oracle(auc, oracle["overall"])


FIGURES: dict[str, Callable[[], Iterator]] = {
    **{f"kuairand_auc_{name}": functools.partial(_auc, "kuairand", name) for name in NAMES},
    **{f"movielens_auc_{name}": functools.partial(_auc, "movielens", name) for name in NAMES},
    **{f"movielens_time_auc_{name}": functools.partial(_auc, "movielens_time", name) for name in NAMES},
    "kuairand_auc_bias_nets": _bias_nets,
    "movielens_auc_maria_std": _maria,
    "maria_alpha": _maria,
    **{f"oracle_share_{name}": functools.partial(_oracle_share, name) for name in NAMES},
}
