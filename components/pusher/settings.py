"""What pushing is told."""

from __future__ import annotations

import pydantic

from scenerank.schemas.columns import Strict


class BatchingSettings(Strict):
    """How TF Serving joins requests into batches.

    Attributes:
      max_batch_size: rows of a batch; larger requests are refused.
      batch_timeout_micros: microseconds that a batch waits to be filled; 0 never waits.
      max_enqueued_batches: batches that wait before requests are refused.
      num_batch_threads: batches computed at a time; about the number of cores.
    """

    max_batch_size: int = pydantic.Field(2048, ge=1)
    batch_timeout_micros: int = pydantic.Field(1000, ge=0)
    max_enqueued_batches: int = pydantic.Field(1000, ge=1)
    num_batch_threads: int = pydantic.Field(4, ge=1)


class PusherSettings(Strict):
    """What pushing, and TF Serving, are told.

    Attributes:
      warmup_requests: real examples that TF Serving replays when it loads the model.
      canary: whether a new version waits for `scenerank promote` and until then serves those requests alone that ask
        for the label `canary`.
      keep_previous: whether TF Serving keeps the version before the one in service loaded: a rollback then takes effect
        at once, and requests that name a label are answered throughout; it needs the memory of two.
      base_path: where TF Serving finds the versions; none: the workspace's `models/`. In a container it is where they
        are mounted.
      batching: see `BatchingSettings`.
    """

    warmup_requests: int = pydantic.Field(16, ge=0, le=1000)
    canary: bool = False
    keep_previous: bool = True
    base_path: str | None = None
    batching: BatchingSettings = BatchingSettings()
