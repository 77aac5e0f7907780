"""Errors that a person can mend, told apart from failures of the program, and the exit codes of commands."""

from __future__ import annotations

import enum
from typing import ClassVar


class ExitCode(enum.IntEnum):
    """How a command ends; the texts are the documentation's."""

    def __new__(cls, value: int, meaning: str) -> ExitCode:
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    meaning: str

    DONE = 0, "done; a model was pushed, or an equal one is in service already"
    FAILED = 1, "failure"
    USAGE = 2, "wrong argument, configuration or declaration, or a part of the package that is not installed"
    REFUSED = 3, "input, workspace, release or capacity refused"
    NOT_BLESSED = 4, "the run ended and its model was not blessed"
    INTERRUPTED = 130, "interrupted"
    TERMINATED = 143, "ended by SIGTERM"


class SceneRankError(Exception):
    """One sentence for a person: what is wrong, where (file, row, column, key), and what to do.

    Attributes:
      exit_code: of a command that ends with it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED


class ConfigurationError(SceneRankError, ValueError):
    """What a person wrote: an argument, a configuration, a declaration."""

    exit_code = ExitCode.USAGE


class DataError(SceneRankError, ValueError):
    """Logs, files and other input that may not go further."""

    exit_code = ExitCode.REFUSED


class WorkspaceError(SceneRankError):
    """A workspace that lacks what a command needs, or holds what it may not."""

    exit_code = ExitCode.REFUSED


class ReleaseError(SceneRankError):
    """Versions and what serves them: none to go back to, two workspaces in one place."""

    exit_code = ExitCode.REFUSED


class CapacityError(SceneRankError):
    """More than the machines told of can hold."""

    exit_code = ExitCode.REFUSED


class TrainingError(SceneRankError):
    """A training that cannot end well: its processes died again and again, its loss is not finite."""


class ServiceError(SceneRankError):
    """A server that does not answer, or not what it should."""


def cause_of(error: BaseException | None) -> SceneRankError | KeyboardInterrupt | None:
    """The error of ours, or the interrupt, within what Beam and TFX made of it: the innermost, whose words are its
    own."""
    found = None
    while error is not None:
        if isinstance(error, (SceneRankError, KeyboardInterrupt)):
            found = error
        error = error.__cause__ or error.__context__
    return found


def one_line(error: BaseException, limit: int = 160) -> str:
    """The message of a library's exception, fit for the middle of a sentence."""
    text = " ".join(str(error).split()).rstrip(".")
    return text if len(text) <= limit else text[: limit - 3] + "..."
