"""Serving: how long answers take, what a request that names its user once saves, and how fast a rollback is.

Models have the simulator's columns and histories of 50; they are not trained, which changes no duration. What is timed
is the call of a signature of the loaded SavedModel, tensors in and tensors out: no network, and no decoding of
messages, which for a flat request are many times as long.
"""

from __future__ import annotations

import functools
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tensorflow.python.framework import convert_to_constants

from scenerank.components.export import checks as export_checks
from scenerank.components.export.serving import EXAMPLES, PREDICT, RANK, export
from scenerank.components.pusher.push import push
from scenerank.components.pusher.settings import PusherSettings
from scenerank.components.pusher.tf_serving import MODELS, configure
from scenerank.components.records.release import ModelLineage
from scenerank.components.transform import raw
from scenerank.components.workspace import Workspace, version
from scenerank.models.base import RankingModel, input_signature
from scenerank.models.registry import SCENARIO_MODELS, build_model
from tests.benchmarks.scale._ranking import CANDIDATES, data

FLAGSHIP = "sar_net"
CALLS, ROUNDS = 500, 40
LARGE = 2**15
"""Numbers in a table that stays a variable when a graph is frozen."""
DAYS = ("2024-03-02", "2024-03-03")


def _model(name: str) -> RankingModel:
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    reader, _ = data()
    return build_model(name, reader.features)


@functools.cache
def _loaded(name: str) -> Any:
    folder = tempfile.mkdtemp()
    export(_model(name), data()[0], folder)
    return tf.saved_model.load(folder)


def _best(runs: dict[str, Callable[[], Any]], rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds of each, the best of interleaved rounds: other work on the machine then hits all alike."""
    best = dict.fromkeys(runs, float("inf"))
    for round_ in range(rounds + 2):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if round_ > 1:
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def latency() -> Iterator[tuple[str, float | int]]:
    """One row at a time, and 500 at once by whichever flat signature is faster."""
    signatures, (_, requests) = _loaded(FLAGSHIP).signatures, data()
    seconds = []
    for call in range(CALLS + 50):
        start = time.perf_counter()
        signatures[EXAMPLES](**requests.one)["probability"].numpy()
        if call >= 50:
            seconds.append(time.perf_counter() - start)
    yield "serve_p50_ms", 1e3 * float(np.percentile(seconds, 50))
    yield "serve_p99_ms", 1e3 * float(np.percentile(seconds, 99))
    yield "serve_rows_per_second", round(CANDIDATES / min(_ways(FLAGSHIP, (EXAMPLES, PREDICT)).values()))


def _ways(name: str, signatures: tuple[str, ...]) -> dict[str, float]:
    """Seconds for the 500 candidates by each signature."""
    found, (_, requests) = _loaded(name).signatures, data()

    def run(signature: str) -> Callable[[], Any]:
        return lambda: found[signature](**requests.of(signature))["probability"].numpy()

    return _best({signature: run(signature) for signature in signatures})


def _speedup(name: str) -> Iterator[tuple[str, float]]:
    """How much faster the candidates are by `rank` than by the faster of the flat signatures; scores are equal."""
    found, (_, requests) = _loaded(name).signatures, data()
    scores = [found[s](**requests.of(s))["probability"].numpy().reshape(-1) for s in (EXAMPLES, PREDICT, RANK)]
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], atol=1e-6)
    seconds = _ways(name, (EXAMPLES, PREDICT, RANK))
    speedup = min(seconds[EXAMPLES], seconds[PREDICT]) / seconds[RANK]
    if name == FLAGSHIP:
        yield "ranking_speedup", speedup
    yield f"ranking_speedup_{name}", speedup


def checks() -> Iterator[tuple[str, float]]:
    """What looking at requests costs: one row by `serving_default`, 500 candidates by `rank`, over not looking."""
    _, requests = data()
    with mock.patch.object(export_checks, "refuse", lambda broken: tf.no_op()):
        folder = tempfile.mkdtemp()
        export(_model(FLAGSHIP), data()[0], folder)
    models = {"checked": _loaded(FLAGSHIP), "unchecked": tf.saved_model.load(folder)}
    for name, signature, inputs in (("one", EXAMPLES, requests.one), ("rank", RANK, requests.of(RANK))):

        def run(model: Any, signature: str = signature, inputs: Any = inputs) -> Callable[[], Any]:
            return lambda: model.signatures[signature](**inputs)["probability"].numpy()

        seconds = _best({key: run(model) for key, model in models.items()}, rounds=400)
        yield f"serve_checks_ratio_{name}", seconds["checked"] / seconds["unchecked"]


def _dense() -> dict[str, tf.Tensor]:
    """What a model takes of the 500 rows."""
    reader, requests = data()
    parsed = tf.io.parse_example(requests.examples["examples"], raw.feature_spec(reader.declaration))
    return raw.densify(reader.graph(parsed), reader.features)


def _frozen(function: Any) -> Callable[[dict[str, tf.Tensor]], tf.Tensor]:
    """The function with its variables as constants, all but large tables: a graph may not have more than 2 GB."""
    concrete = function.get_concrete_function()
    large = {id(v.handle) for v in concrete.graph.variables if v.shape.num_elements() > LARGE}
    kept = {inner.op.name: outer for outer, inner in concrete.graph.captures if id(outer) in large}
    known = convert_to_constants._FunctionConverterDataInEager(
        func=concrete, lower_control_flow=False, aggressive_inlining=False, variable_names_denylist=[*kept]
    )
    graph, places = convert_to_constants._replace_variables_by_constants(converter_data=known)
    constant = convert_to_constants._construct_concrete_function(concrete, graph, places)
    assert sum(tensor.dtype == tf.resource for tensor in constant.inputs) == len(kept)
    names = [tensor.op.name for tensor in constant.inputs if tensor.dtype != tf.resource]
    return lambda dense: constant(*(dense[name] for name in names), *kept.values())[0]


def _optimized(name: str) -> Iterator[tuple[str, float]]:
    """How much faster a model is folded than as it is, and folded and frozen than folded."""
    model, batch = _model(name), _dense()
    signature = input_signature(model.features)

    def traced() -> Any:
        return tf.function(lambda dense: model(dense), input_signature=[signature], autograph=False)

    def called(function: Any) -> Any:
        return tf.function(lambda dense: function(dense), autograph=False)

    plain = traced()
    plain.get_concrete_function()
    model.fold()
    folded = traced()
    functions = {"plain": called(plain), "folded": called(folded), "frozen": called(_frozen(folded))}
    for rows, suffix in ((1, "one_row"), (CANDIDATES, "500_rows")):
        part = {key: value[:rows] for key, value in batch.items() if key in signature}
        runs = {how: functools.partial(lambda f, part: f(part).numpy(), f, part) for how, f in functions.items()}
        seconds = _best(runs)
        yield f"export_folded_speedup_{name}_{suffix}", seconds["plain"] / seconds["folded"]
        yield f"export_frozen_speedup_{name}_{suffix}", seconds["folded"] / seconds["frozen"]


def rollback() -> Iterator[tuple[str, float]]:
    """From the start of `scenerank rollback` until `models.config` names the older version as the one to serve."""
    folder = pathlib.Path(tempfile.mkdtemp())
    export(_model(FLAGSHIP), data()[0], str(folder / "model"))
    workspace = Workspace(str(folder / "workspace"))
    for day in DAYS:
        (folder / day).mkdir()
        (folder / day / "weights.npz").write_text(day)
        push(workspace, day, str(folder / "model"), str(folder / day), day, ModelLineage(day=day))
    configure(workspace, "simulator", PusherSettings())
    label = f'key: "stable"\n      value: {version(DAYS[0], 1)}'
    assert label not in workspace.read_text(workspace.uri(*MODELS))
    command = str(pathlib.Path(sys.executable).parent / "scenerank")
    start = time.perf_counter()
    process = subprocess.Popen([command, "rollback", "--previous", "-w", workspace.root], stdout=subprocess.DEVNULL)
    try:
        while label not in workspace.read_text(workspace.uri(*MODELS)):
            assert time.perf_counter() - start < 120, "the older version is not the one to serve after 120 s"
            time.sleep(0.005)
        yield "rollback_seconds", time.perf_counter() - start
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


SPEEDUPS = {model.registered: functools.partial(_speedup, model.registered) for model in SCENARIO_MODELS}
OPTIMIZED = {name: functools.partial(_optimized, name) for name in (FLAGSHIP, "hierrec", "star")}
FIGURES: dict[str, Callable[[], Iterator[tuple[str, float | int]]]] = {
    "serve_p50_ms": latency,
    "serve_checks_ratio": checks,
    "serve_p99_ms": latency,
    "serve_rows_per_second": latency,
    "ranking_speedup": SPEEDUPS[FLAGSHIP],
    **{f"ranking_speedup_{name}": measure for name, measure in SPEEDUPS.items()},
    **{f"export_folded_speedup_{name}": measure for name, measure in OPTIMIZED.items()},
    **{f"export_frozen_speedup_{name}": measure for name, measure in OPTIMIZED.items()},
    "rollback_seconds": rollback,
}
