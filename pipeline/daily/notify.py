"""Tells others how a run ended: a command of theirs, or a webhook."""

from __future__ import annotations

import logging
import subprocess
import urllib.request

from scenerank.components.records.attempt import Attempt
from scenerank.pipeline.daily.settings import NotifySettings

TIMEOUT_S = 30


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
