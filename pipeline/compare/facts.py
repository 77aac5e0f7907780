"""What is known of a benchmark's rows beside their features: what they are judged by."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from scenerank.components.transform.example_reader import ExampleReader

SESSION_GAP_MS = 30 * 60 * 1000
"""A user's impressions belong to one session as long as no pause between them is longer."""


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of rows, arrays `[N]`.

    Attributes:
      scenario: text.
      group: int64, the ranking request, or the user where the log has no requests.
      session: int64.
      grouped_by: name of the column that `group` stands for.
    """

    scenario: np.ndarray
    group: np.ndarray
    session: np.ndarray
    grouped_by: str

    def take(self, rows: np.ndarray) -> Facts:
        """Of these rows alone."""
        return Facts(self.scenario[rows], self.group[rows], self.session[rows], self.grouped_by)


def logged_columns(reader: ExampleReader, files: list[str], names: list[str]) -> list[np.ndarray]:
    """Raw columns of the examples, in their order."""
    types = {"int64": tf.int64, "float32": tf.float32, "string": tf.string}
    spec = {c.name: tf.io.FixedLenFeature([], types[c.type]) for c in reader.declaration.columns if c.name in names}
    batches = reader.records(files).batch(1 << 16).map(lambda s: tf.io.parse_example(s, spec))
    parsed = list(batches.as_numpy_iterator())
    return [np.concatenate([batch[name] for batch in parsed]) for name in names]


def facts_of(reader: ExampleReader, files: list[str]) -> Facts:
    """Facts of the examples, in their order."""
    declaration = reader.declaration
    user, scenario, time = declaration.user, declaration.scenario, declaration.time
    request = next((c for c in declaration.columns if c.group == "request_id"), None)
    names = [c.name for c in (user, scenario, time, request) if c is not None]
    found = dict(zip(names, logged_columns(reader, files, names)))
    users = _codes(found[user.name])
    named = found[scenario.name]
    texts = np.char.decode(named.astype(bytes)) if scenario.type == "string" else named.astype(str)
    group = users if request is None else _codes(found[request.name])
    by = user.name if request is None else request.name
    return Facts(texts, group, _sessions(users, found[time.name]), by)


def _codes(values: np.ndarray) -> np.ndarray:
    return np.unique(values.astype(bytes) if values.dtype == object else values, return_inverse=True)[1]


def _sessions(users: np.ndarray, time_ms: np.ndarray) -> np.ndarray:
    order = np.lexsort((time_ms, users))
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(users[order]) != 0) | (np.diff(time_ms[order]) > SESSION_GAP_MS)
    session = np.empty(len(order), np.int64)
    session[order] = np.cumsum(new)
    return session
