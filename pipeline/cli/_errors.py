"""How a command ends: its exit code, and errors in one sentence."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import click

from scenerank.errors import ExitCode, SceneRankError
from scenerank.pipeline.cli._interrupts import SENTENCE, Interrupts


def exits(command: Callable[..., Any]) -> Callable[..., Any]:
    """Errors of ours become one sentence and their exit code."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        with Interrupts() as interrupts:
            try:
                sys.exit(command(*args, **kwargs) or ExitCode.DONE)
            except SceneRankError as error:
                _end(str(error), error.exit_code)
            except KeyboardInterrupt:
                _end(SENTENCE, interrupts.code)
            except click.ClickException:  # click says it, and gives the usage
                raise
            except ModuleNotFoundError as error:
                from scenerank.pipeline.extras import advice

                _end(advice(error) or str(error), ExitCode.USAGE)
            except Exception as error:
                _end(f"{type(error).__name__}: {' '.join(str(error).split())}", ExitCode.FAILED)

    return wrapped


def _end(sentence: str, code: ExitCode) -> None:
    click.echo(f"scenerank: {sentence}", err=True)
    sys.exit(code)
