"""Processes beside the tests that answer line by line, so that TensorFlow is started once for all models."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

HERE = pathlib.Path(__file__).parent


class LineServer:
    """A script of this folder that reads a line and prints a line of JSON, again and again.

    Args:
      script: its file name.
      isolated: run it where nothing of the project can be imported.
    """

    def __init__(self, script: str, isolated: bool = False) -> None:
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.folder = tempfile.TemporaryDirectory()
        command = (
            [sys.executable, "-I", str(HERE / script)]
            if isolated
            else [sys.executable, "-m", f"tests.models.{script[:-3]}"]
        )
        cwd = self.folder.name if isolated else str(HERE.parents[1])
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, cwd=cwd
        )

    def __enter__(self) -> LineServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.log.close()
        self.folder.cleanup()

    def ask(self, line: str) -> Any:
        """The answer to a line.

        Raises:
          RuntimeError: the process ended; with the end of what it said.
        """
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.log.seek(0)
            raise RuntimeError(self.log.read()[-2000:])
        return json.loads(answer)
