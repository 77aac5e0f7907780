"""Embedding tables beyond one process: planned in full, trained scaled down."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
from collections.abc import Iterator

ROWS, SCALED = 100_000_000, 4_000_000
CLUSTER = {"workers": 1, "servers": 2, "min_shard_mb": 16}
WIDE = {"embedding": {"dim": 16}}
MIB = 2**20


def _tables() -> Iterator[tuple[str, float | int]]:
    """A hashed table of 100 million rows of width 16 over 16 servers as planned, and its compositional form; one of 4
    million rows over two servers as planned, and what the fuller of them took when it was trained."""
    from scenerank.components.trainer.cluster.memory import per_server, planned
    from scenerank.components.trainer.settings import TrainerSettings
    from tests.models.conftest import small_features

    features = small_features()
    users = {f.name: dataclasses.replace(f, size=ROWS) for f in features.features if f.table == "user"}
    features = dataclasses.replace(features, features=tuple(users.get(f.name, f) for f in features.features))
    settings = TrainerSettings(model_settings=WIDE, cluster={**CLUSTER, "servers": 16})
    weights = planned(settings, features)
    yield "planned_table_mib", weights[0].bytes / MIB
    yield "planned_server_mib", per_server(weights, 16) / MIB
    small = {"embedding": {"dim": 16, "compositional": {"user": 10_000}}}
    yield (
        "planned_compositional_mib",
        planned(settings.model_copy(update={"model_settings": small}), features)[0].bytes / MIB,
    )
    yield from _trained()


def _trained() -> Iterator[tuple[str, float | int]]:
    from scenerank.components.trainer.checkpoint.weights import Weights
    from scenerank.components.trainer.cluster.memory import per_server, planned
    from scenerank.components.trainer.settings import TrainerSettings
    from scenerank.schemas import Declaration
    from tests.components import tiny
    from tests.components.train_with import train

    fields = tiny.DECLARATION.model_dump()
    for column in fields["columns"]:
        if column["name"] == "user":
            column["encoding"]["size"] = SCALED
    declared = Declaration.model_validate(fields)
    with tempfile.TemporaryDirectory() as name:
        folder, rows = pathlib.Path(name), tiny.table(8000)
        tiny.write(folder / "Split-train", tiny.serialize(rows), files=4)
        tiny.analyse(str(folder / "Split-train/*"), folder / "transform", declared)
        peaks = {}
        for size, declaration in (("small", tiny.DECLARATION), ("large", declared)):
            told = TrainerSettings(
                strategy="parameter_server", model_settings=WIDE, cluster=CLUSTER, epochs_without_validation=1
            )
            arguments = {
                "train_files": [f"{folder}/Split-train/*"],
                "eval_files": [],
                "transform_output": f"{folder}/transform",
                "serving_model_dir": f"{folder}/{size}/model/Format-Serving",
                "model_run_dir": f"{folder}/{size}/model_run",
                "base_model": None,
                "custom_config": {
                    "declaration": declaration.model_dump_json(),
                    "settings": told.model_dump_json(),
                },
            }
            if size == "small":
                tiny.analyse(str(folder / "Split-train/*"), folder / "small/transform")
                arguments["transform_output"] = f"{folder}/small/transform"
            peaks[size] = train(folder / size, arguments)["peak_mib"]
        found = Weights.read(f"{folder}/large/model_run/weights")
        assert found is not None
        yield "trained_table_rows", max(len(array) for array in found.arrays.values() if array.ndim)
        yield "trained_server_planned_mib", per_server(planned(told, found.features), CLUSTER["servers"]) / MIB
        servers = [("ps", index) for index in range(CLUSTER["servers"])]
        yield (
            "trained_server_measured_mib",
            max(peaks["large"][s] for s in servers) - max(peaks["small"][s] for s in servers),
        )


FIGURES = dict.fromkeys(
    (
        "planned_table_mib",
        "planned_server_mib",
        "planned_compositional_mib",
        "trained_table_rows",
        "trained_server_planned_mib",
        "trained_server_measured_mib",
    ),
    _tables,
)
