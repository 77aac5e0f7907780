"""Runs trials in processes of their own and keeps their results; what was done before is not done again."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.console import Console

from scenerank.pipeline.compare.settings import Trial

Result = dict[str, Any]


class Results:
    """The file of results, `results.jsonl`: a line a trial, by key.

    Args:
      folder: where it lies.
    """

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, "results.jsonl")
        os.makedirs(folder, exist_ok=True)
        self.by_key: dict[str, Result] = {}
        if os.path.exists(self.path):
            with open(self.path) as stream:
                for line in stream:
                    with contextlib.suppress(json.JSONDecodeError):  # the process that wrote it was killed
                        result = json.loads(line)
                        self.by_key[result["key"]] = result

    def add(self, result: Result) -> None:
        """Appends a result; it is on the disk when this returns."""
        with open(self.path, "a+b") as stream:
            if stream.tell() and not _ends_whole(self.path):
                stream.write(b"\n")
            stream.write(json.dumps(result).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        self.by_key[result["key"]] = result


def _ends_whole(path: str) -> bool:
    with open(path, "rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"


def run_trials(
    trials: Iterable[Trial],
    results: Results,
    data: str,
    single_rows: int,
    console: Console,
    labels: Mapping[str, str] | None = None,
) -> tuple[list[Result], list[str]]:
    """Runs those trials that have no result yet, a process for each model and protocol.

    Args:
      data: folder of the prepared data.
      labels: what to call a trial in the progress, by its key; protocol and model if not given.

    Returns:
      results of all trials that have one, in their order, and a sentence for each process that failed.
    """
    trials = list(trials)
    log = os.path.join(os.path.dirname(results.path), "log.txt")
    pending = {trial.key: trial for trial in trials if trial.key not in results.by_key}
    before = len(trials) - len(pending)
    if before:
        console.print(f"{before} of {len(trials)} trials were run before", highlight=False)
    failures = []
    groups = itertools.groupby(pending.values(), key=lambda t: (t.protocol, t.model))
    for (protocol, model), group in groups:
        jobs = {"trials": [vars(trial) for trial in group], "single_rows": single_rows}

        def done(result: Result, name: str = f"{protocol} {model}") -> None:
            results.add(result)
            auc = result["metrics"][""]["auc"]
            label = f"{(labels or {}).get(result['key'], name)} seed {result['seed']}"
            line = f"  {label:<40} AUC {auc:.4f}  {result['seconds']:6.1f} s"
            console.print(line, highlight=False, markup=False)

        error = run_process(f"{protocol} {model}", "compare.trial", jobs, data, log, console, done)
        if error:
            failures.append(f"{protocol} {model}: {error}; see {log}")
            console.print(failures[-1], style="red", markup=False, highlight=False)
    return [results.by_key[trial.key] for trial in trials if trial.key in results.by_key], failures


def run_process(
    name: str,
    module: str,
    jobs: dict[str, Any],
    data: str,
    log: str,
    console: Console,
    done: Callable[[Result], None],
) -> str | None:
    """Runs a module of `scenerank.pipeline` on the prepared data, in a process of its own.

    Args:
      name: shown while it runs.
      module: as `compare.trial`.
      jobs: what it reads, as JSON.
      log: file that its errors are added to.
      done: told of every result as it comes.

    Returns:
      what went wrong, or None.
    """
    command = [sys.executable, "-m", f"scenerank.pipeline.{module}", data]
    with (
        open(log, "a") as errors,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
        console.status(name) as status,
    ):
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps(jobs))
            process.stdin.close()
            for line in process.stdout:
                kind, _, text = line.partition(" ")
                if kind == "PROGRESS":
                    event = json.loads(text)
                    status.update(f"{name}  " + "  ".join(f"{k} {v}" for k, v in event.items()))
                elif kind == "RESULT":
                    done(json.loads(text))
        except BaseException:
            process.kill()
            raise
    return f"the process ended with {process.returncode}" if process.returncode else None
