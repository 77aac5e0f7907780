"""Tells others how a run ended: a command of theirs, or a webhook."""

from __future__ import annotations

import logging
import subprocess
import urllib.request
from typing import Literal

import pydantic

from scenerank.components.records.attempt import Attempt
from scenerank.schemas.columns import Strict

TIMEOUT_S = 30
State = Literal["pushed", "not blessed", "refused", "failed", "interrupted"]


class NotifySettings(Strict):
    """Who is told how a run ended, as the JSON of its line in `reports/runs.jsonl`.

    Attributes:
      on: the states of a run that are told of.
      command: a program and its arguments, which gets the JSON on its standard input.
      webhook: a URL that the JSON is posted to.
    """

    on: tuple[State, ...] = ("not blessed", "refused", "failed")
    command: tuple[str, ...] = ()
    webhook: str | None = pydantic.Field(None, pattern="^https?://")


def notify(settings: NotifySettings, attempt: Attempt) -> None:
    """Tells of a run, if its state is asked for; that nobody could be told goes to the log, and fails nothing."""
    if attempt.state not in settings.on:
        return
    told = attempt.model_dump_json().encode()
    try:
        if settings.command:
            subprocess.run(settings.command, input=told, timeout=TIMEOUT_S, check=True)
        if settings.webhook:
            request = urllib.request.Request(settings.webhook, told, {"Content-Type": "application/json"})
            urllib.request.urlopen(request, timeout=TIMEOUT_S).close()
    except (OSError, subprocess.SubprocessError) as error:
        logging.warning("nobody was told that the run of %s was %s: %s", attempt.day, attempt.state, error)
