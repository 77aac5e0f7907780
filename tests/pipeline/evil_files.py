"""Files that do harm if they are trusted, and what each command that reads a file is given of them.

Each kind writes itself to a path; where it hides code, the code makes the file `ran` in the folder of the path's world.
"""

from __future__ import annotations

import gzip
import io
import pathlib
import pickle
import zipfile
from collections.abc import Callable, Iterator
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tf_keras as keras
from click.testing import CliRunner

from scenerank.pipeline.cli.main import main
from tests.pipeline.small_world import DAY, Answer, World

RAN = "ran"
BOUND = 64 << 20
"""Of what a file may hold when read, here; the product's own would take the tests' memory."""


class Code:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: str):
        self.mark = mark

    def __reduce__(self) -> tuple:
        return open, (self.mark, "w")


def _mark(path: pathlib.Path) -> str:
    return str(next(folder for folder in path.parents if (folder / "config.yaml").exists()) / RAN)


def pickled(path: pathlib.Path) -> None:
    path.write_bytes(pickle.dumps(Code(_mark(path))))


def extension_type(path: pathlib.Path) -> None:
    """CVE-2023-47248: a type that pyarrow unpickled before 14.0.1."""
    extension = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": pickle.dumps(Code(_mark(path)), 0),
    }
    schema = pa.schema([pa.field("user_id", pa.string(), metadata=extension)])
    pq.write_table(pa.table({"user_id": ["u"]}, schema), path)


def repeated(path: pathlib.Path) -> None:
    """Ten thousand rows of one text of 100 kB: a small file, a gigabyte in memory."""
    pq.write_table(pa.table({"user_id": pa.array(["u" * 100_000] * 10_000).dictionary_encode()}), path)


def endless_line(path: pathlib.Path) -> None:
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for _ in range(100):
            stream.write(bytes([ord("a")]) * (1 << 20))


def many_lines(path: pathlib.Path) -> None:
    line = b'{"user_id": "' + b"u" * 1000 + b'"}\n'
    with gzip.open(path, "wb", compresslevel=1) as stream:
        for _ in range(100):
            stream.write(line * 1000)


def deep(path: pathlib.Path) -> None:
    path.write_bytes(b'{"user_id": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}\n")


def tags(path: pathlib.Path) -> None:
    path.write_text(f"declaration: !!python/object/apply:builtins.open ['{_mark(path)}', 'w']\n")


def aliases(path: pathlib.Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    path.write_text("\n".join(lines))


def nested_yaml(path: pathlib.Path) -> None:
    path.write_text("[" * 100_000 + "]" * 100_000)


def keras_archive(path: pathlib.Path, suffix: str = "keras") -> None:
    """A model whose one layer is Python code."""
    mark = _mark(path)
    layer = keras.layers.Lambda(lambda x: [x, open(mark, "w").close()][0])
    model = keras.Sequential([layer])
    aside = path.with_suffix(f".{suffix}")
    with mock.patch("builtins.open", lambda *_: io.StringIO()):
        model.build((None, 1))
    model.save(aside)
    aside.replace(path)


def hdf5(path: pathlib.Path) -> None:
    keras_archive(path, "h5")


def objects(path: pathlib.Path) -> None:
    np.savez(path, weights=np.array([Code(_mark(path))], dtype=object))


def inflating(path: pathlib.Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("weights.npy", "w") as stream:
        np.lib.format.write_array(stream, np.zeros(32 << 20, np.float32))


Kind = Callable[[pathlib.Path], None]
TABLES: dict[Kind, str] = {
    extension_type: "x.parquet",
    pickled: "x.parquet",
    repeated: "x.parquet",
    endless_line: "x.jsonl.gz",
    many_lines: "x.jsonl.gz",
    deep: "x.jsonl",
}
LOGS: dict[Kind, str] = {
    extension_type: "x.parquet",
    pickled: "x.parquet",
    endless_line: "x.jsonl.gz",
    deep: "x.jsonl",
}
YAML: tuple[Kind, ...] = (tags, aliases, nested_yaml, pickled)
CONFIGURED: dict[str, list[str]] = {
    "run": ["run", "-w", "{w}", "--day", DAY, "-c", "{file}"],
    "compile": ["compile", "-w", "s3://bucket/w", "--out", "{folder}/out.yaml", "-c", "{file}"],
    "schedule": ["schedule", "-w", "s3://bucket/w", "-c", "{file}"],
    "deploy": ["deploy", "-w", "{w}", "-c", "{file}"],
    "distribute": ["distribute", "-w", "s3://bucket/w", "--day", DAY, "-c", "{file}"],
    "plan": ["plan", "-c", "{file}"],
    "ask": ["ask", "--input", "{folder}/rows.jsonl", "-c", "{file}"],
    "benchmark": ["benchmark", "--data", "simulator", "--out", "{folder}/bench", "--config", "{file}"],
}
PREDICT = ["predict", "-w", "{w}", "--output", "{folder}/out.jsonl", "--input"]
RUN = ["run", "-w", "{w}", "-c", "{folder}/config.yaml", "--day", DAY]
MODELS: tuple[Kind, ...] = (pickled, keras_archive, hdf5)


def attempts() -> Iterator[tuple[str, Kind, str, list[str]]]:
    """What is tried: a name, the kind of file, where in the world it lies, and the command's arguments."""
    for kind, name in TABLES.items():
        yield f"predict {kind.__name__}", kind, name, [*PREDICT, "{file}"]
        yield f"ask {kind.__name__}", kind, name, ["ask", "-c", "{folder}/config.yaml", "--input", "{file}"]
    for kind, name in LOGS.items():
        yield f"run {kind.__name__}", kind, f"w/logs/day={DAY}/{name}", RUN
    for kind in YAML:
        for command, arguments in CONFIGURED.items():
            yield f"{command} {kind.__name__}", kind, "evil.yaml", arguments
        yield f"declaration {kind.__name__}", kind, "small.yaml", RUN
    for kind in MODELS:
        yield (
            f"predict {kind.__name__} as model",
            kind,
            "w/models/{version}/saved_model.pb",
            [*PREDICT, "{folder}/rows.jsonl"],
        )
    for kind in (objects, inflating):
        arguments = [*RUN, "--set", "trainer.warm_start=true"]
        yield f"run {kind.__name__} as weights", kind, "w/checkpoints/{version}/weights.npz", arguments


def attempt(world: World, kind: Kind, place: str, arguments: list[str]) -> tuple[Answer, str, bool]:
    """The command's answer, the file's path, and whether code in it was run; the world is spoilt by it."""
    path = world.folder / place.format(version=world.workspace.served())
    (world.folder / "rows.jsonl").write_text('{"user_id": "u"}\n')
    kind(path)
    told = {"w": world.workspace.root, "folder": str(world.folder), "file": str(path)}
    with mock.patch("scenerank.pipeline.serving.columns.LARGEST", BOUND):
        done = CliRunner().invoke(main, [argument.format(**told) for argument in arguments])
    return Answer(done.exit_code, done.output), str(path), (world.folder / RAN).exists()


def refused(answer: Answer, path: str, ran: bool) -> bool:
    """Whether a command said in one sentence that it does not take the file, and ran nothing of it."""
    sentences = [line for line in answer.text.splitlines() if line.startswith("scenerank: ")]
    if path.endswith(".npz"):  # a copy of it is what is read
        named = "weights.npz"
    else:
        named = path.rpartition("/w/")[2] if "/w/logs/" in path else path.removesuffix("/saved_model.pb")
    return answer.code in (2, 3) and not ran and len(sentences) == 1 and named in sentences[0]
