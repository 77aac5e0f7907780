"""Settings of what a run does when it has ended."""

from __future__ import annotations

from typing import Literal

import pydantic

from scenerank.schemas.columns import Strict

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


class RetentionSettings(Strict):
    """What stays; null: all of it.

    Attributes:
      artifacts: of each kind that TFX's components made, the newest; a report drawn again lacks what is gone.
      printed_days: days for which what libraries printed is kept.
      examples: published days, the newest; those that the next window and its checks read stay anyhow.
      versions: models, the newest, with their weights; what serves, and what a rollback goes back to, stays anyhow.
      metadata_mb: MiB that TFX's metadata may take; beyond it, metadata and artifacts begin anew with the next run.
    """

    artifacts: int | None = pydantic.Field(12, ge=1)
    printed_days: int | None = pydantic.Field(30, ge=1)
    examples: int | None = pydantic.Field(60, ge=1)
    versions: int | None = pydantic.Field(30, ge=1)
    metadata_mb: float | None = pydantic.Field(256, gt=0)
