"""How a command answers: its exit code, and errors in one sentence."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from components.errors import DataRefused

PUSHED, FAILED, USAGE, REFUSED, NOT_BLESSED, INTERRUPTED = 0, 1, 2, 3, 4, 130


def answers(command: Callable[..., Any]) -> Callable[..., Any]:
    """Errors of ours become one sentence and an exit code."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        from components.errors import DataRefused
        from pipeline.config import ConfigError
        from schemas import DeclarationError

        try:
            sys.exit(command(*args, **kwargs) or PUSHED)
        except (ConfigError, DeclarationError) as error:
            click.echo(f"scenerank: {error}", err=True)
            sys.exit(USAGE)
        except DataRefused as error:
            click.echo(f"scenerank: {error}", err=True)
            sys.exit(REFUSED)
        except KeyboardInterrupt:
            click.echo("scenerank: interrupted; what was published and what is in service are as before", err=True)
            sys.exit(INTERRUPTED)
        except click.ClickException:  # click says it, and gives the usage
            raise
        except Exception as error:
            click.echo(f"scenerank: {type(error).__name__}: {' '.join(str(error).split())}", err=True)
            sys.exit(FAILED)

    return wrapped


def cause_of(error: BaseException | None) -> DataRefused | KeyboardInterrupt | None:
    """The refusal or the interrupt within what Beam and TFX made of it: the innermost, whose words are its own."""
    from components.errors import DataRefused

    found = None
    while error is not None:
        if isinstance(error, (DataRefused, KeyboardInterrupt)):
            found = error
        error = error.__cause__ or error.__context__
    return found
