"""Runs that are interrupted at a given moment, on a terminal of their own or in a pipe."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Sequence

from scenerank.errors import ExitCode
from scenerank.pipeline.cli._interrupts import SENTENCE

PATIENCE_S = 10.0
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What moves a terminal's cursor and colours its text."""
CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


@dataclasses.dataclass(frozen=True)
class End:
    """How an interrupted command ended.

    Attributes:
      after: seconds from its start to the signal.
      seconds: from the signal to its end.
      code: exit code, negative for a signal.
      text: what it printed.
      left: processes of its session that outlived it.
    """

    after: float
    seconds: float
    code: int
    text: str
    left: list[int]

    def clean(self, number: int) -> bool:
        """Whether it ended in time, with its code, one sentence, and nobody left behind."""
        lines = CONTROL.sub("", self.text).replace("\r", "\n").splitlines()
        told = [line for line in lines if line.startswith("scenerank: ")]
        return (
            self.seconds <= PATIENCE_S
            and self.code == CODES[signal.Signals(number)]
            and told == [f"scenerank: {SENTENCE}"]
            and "Traceback" not in self.text
            and not self.left
        )


def interrupted(command: Sequence[str], after: float, number: int, terminal: bool) -> End | None:
    """Starts a command, sends it a signal; on a terminal SIGINT is a key that is pressed. None: it ended before."""
    reader, writer = pty.openpty() if terminal else os.pipe()

    def prepare() -> None:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if terminal:
            fcntl.ioctl(writer, termios.TIOCSCTTY, 0)

    inside = writer if terminal else subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=inside, stdout=writer, stderr=writer, preexec_fn=prepare)
    os.close(writer)
    printed: list[bytes] = []
    thread = threading.Thread(target=_drain, args=(reader, printed))
    thread.start()
    try:
        process.wait(after)
        return None
    except subprocess.TimeoutExpired:
        pass
    finally:
        if process.poll() is not None:
            thread.join(10)
    sent = time.monotonic()
    if terminal and number == signal.SIGINT:
        os.write(reader, b"\x03")
    else:
        process.send_signal(number)
    try:
        code = process.wait(6 * PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    seconds = time.monotonic() - sent
    left = _of_session(process.pid)
    for survivor in left:
        os.kill(survivor, signal.SIGKILL)
    thread.join(10)
    return End(after, seconds, code, b"".join(printed).decode(errors="replace"), left)


def run_command(root: str, config: str, day: str) -> list[str]:
    """`scenerank run`, anew each time."""
    scenerank = os.path.join(os.path.dirname(sys.executable), "scenerank")
    return [scenerank, "run", "-w", root, "-c", config, "--day", day, "--no-resume"]


def _drain(descriptor: int, printed: list[bytes]) -> None:
    while True:
        try:
            part = os.read(descriptor, 1 << 16)
        except OSError:  # a terminal that nobody writes to any more
            part = b""
        if not part:
            os.close(descriptor)
            return
        printed.append(part)


def _of_session(session: int) -> list[int]:
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, of = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(of) == session and state != "Z":
                found.append(int(entry.name))
    return found
