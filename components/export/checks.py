"""What a request must fulfil to be answered: what ingestion demands of a row, and that lists fit together.

A model answers anything: NaN with NaN, a forgotten user with a plausible score. So the served graph refuses, with one
sentence, what training would have refused. The sentence is made on refusal only: a request that is right pays for a few
comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from scenerank.components.export.ranking import Columns
from scenerank.schemas import HISTORY_LENGTH, Declaration
from scenerank.schemas.columns import Column

_BLANK = r"[\pZ\t-\r\x1c-\x1f\x{85}]*"
_CONTROL = r"(?s)[^\x00\n\r]*[\x00\n\r].*"
Broken = tuple[list[str], tf.Tensor]
"""Sentences, and whether each is true, bool `[K]`."""


def check_rows(
    declaration: Declaration, columns: Mapping[str, Any], only: Sequence[str] | None = None, more: Sequence[Broken] = ()
) -> tf.Operation:
    """Refuses columns of any equal shape that hold what ingestion would have quarantined.

    Args:
      columns: raw features and rates by name.
      only: names of those to look at; None: all.
      more: what else may be wrong, so that all is decided at once.

    Raises:
      tf.errors.InvalidArgumentError: as the graph runs.
    """
    wanted = [n for n in columns if only is None or n in only]
    features = [c for c in declaration.features if c.name in wanted]
    floats = [c.name for c in features if c.type == "float32"]
    floats += [d.name for d in declaration.rate_columns if d.name in wanted]
    return refuse([*more, *_finite(columns, floats), *_bounds(columns, features), *_texts(columns, features)])


def check_histories(declaration: Declaration, columns: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Refuses histories `[B, L]` of unequal length, lengths beyond them, and numbers in them that are not finite.

    Args:
      columns: histories by name, and `history_length` `[B]`.

    Returns:
      The columns, for whoever must not see them before they were looked at.
    """
    histories = [d for d in declaration.history_columns if d.name in columns]
    if not histories:
        return dict(columns)
    longest, length = tf.shape(columns[histories[0].name], tf.int64)[1], columns[HISTORY_LENGTH]
    outside = tf.reduce_any((length < 0) | (length > longest))
    lengths = {d.name: tf.shape(columns[d.name], tf.int64)[1] for d in histories}
    wrong = [f"{HISTORY_LENGTH} is below 0 or above the length of the histories"], outside[tf.newaxis]
    checked = after(refuse([*_unequal(lengths), wrong]), columns)
    numbers = [d.name for d in histories if d.type == "float32"]
    if numbers:
        real = tf.sequence_mask(length, longest)
        bad = tf.reduce_any(real & ~tf.math.is_finite(tf.stack([checked[n] for n in numbers])), [1, 2])
        refuse([_not_finite(numbers, bad)])
    return checked


def ragged_histories(declaration: Declaration, columns: Columns) -> list[Broken]:
    """What may be wrong with ragged histories `[B, (L)]`: unequal lengths, numbers that are not finite."""
    histories = declaration.history_columns
    if not histories:
        return []
    found = _unequal({d.name: columns[d.name].row_splits for d in histories})
    numbers = [d.name for d in histories if d.type == "float32"]
    if numbers:
        bad = [tf.reduce_any(~tf.math.is_finite(columns[n].flat_values)) for n in numbers]
        found.append(_not_finite(numbers, tf.stack(bad)))
    return found


def check_lists(columns: Mapping[str, tf.Tensor], names: Sequence[str], item: str) -> dict[str, tf.Tensor]:
    """Refuses candidates' columns `[R, N]` that are not as long as the items.

    Returns:
      The columns, for whoever must not see them before they were looked at.
    """
    counts = {n: tf.shape(columns[n])[1] for n in (item, *(n for n in names if n != item))}
    return after(refuse(_unequal(counts)), columns)


def refuse(broken: Sequence[Broken]) -> tf.Operation:
    """Ends the call with the sentences that are true, if one is."""
    if not broken:
        return tf.no_op()
    states = tf.concat([states for _, states in broken], 0)
    sentences = [sentence for told, _ in broken for sentence in told]

    def say() -> tf.Operation:
        text = tf.strings.reduce_join(tf.boolean_mask(sentences, states), separator="; ")
        return tf.debugging.Assert(False, [tf.strings.join(["the request is refused: ", text])], name="refused")

    return tf.cond(tf.reduce_any(states), say, tf.no_op)


def after(done: tf.Operation, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns once an operation is done."""
    with tf.control_dependencies([done]):
        return tf.nest.map_structure(tf.identity, dict(columns), expand_composites=True)


def _unequal(sizes: Mapping[str, tf.Tensor]) -> list[Broken]:
    """Columns whose size, or sizes of rows, are not those of the first."""
    (first, size), *others = sizes.items()
    if not others:
        return []
    differ = tf.stack([other for _, other in others]) != size
    told = [f"{name} has another length than {first}" for name, _ in others]
    return [(told, tf.reduce_any(tf.reshape(differ, [len(others), -1]), 1))]


def _not_finite(names: Sequence[str], bad: tf.Tensor) -> Broken:
    return [f"{name} has a number that is not finite" for name in names], bad


def _finite(columns: Mapping[str, Any], names: Sequence[str]) -> list[Broken]:
    if not names:
        return []
    bad = ~tf.math.is_finite(_stacked(columns, names))
    return [([f"{name} is not a finite number" for name in names], tf.reduce_any(bad, 1))]


def _bounds(columns: Mapping[str, Any], features: Sequence[Column]) -> list[Broken]:
    """An absent optional value is its default, which no bound holds."""
    found: list[Broken] = []
    for kind, cast in (("int64", int), ("float32", float)):
        for bound, word, compare in (("min", "below", tf.less), ("max", "above", tf.greater)):
            bounded = [c for c in features if c.type == kind and getattr(c, bound) is not None]
            if bounded:
                values = _stacked(columns, [c.name for c in bounded])
                limits = tf.constant([[cast(getattr(c, bound))] for c in bounded], values.dtype)
                outside = compare(values, limits)
                if not all(c.required for c in bounded):
                    absent = tf.constant([[getattr(c, bound) if c.required else c.fill] for c in bounded], values.dtype)
                    outside &= values != absent
                told = [f"{c.name} is {word} {getattr(c, bound):g}" for c in bounded]
                found.append((told, tf.reduce_any(outside, 1)))
    for column in features:
        if column.values is not None and column.type != "string":
            value = columns[column.name]
            allowed = column.values if column.required else (*column.values, column.fill)
            known = tf.reduce_any(value[..., tf.newaxis] == tf.constant(allowed, value.dtype), -1)
            sentence = f"{column.name} is not one of {', '.join(map(str, column.values))}"
            found.append(([sentence], ~tf.reduce_all(known)[tf.newaxis]))
    return found


def _texts(columns: Mapping[str, Any], features: Sequence[Column]) -> list[Broken]:
    texts = [c for c in features if c.type == "string"]
    if not texts:
        return []
    stacked = _stacked(columns, [c.name for c in texts])
    lengths = tf.strings.length(stacked, unit="UTF8_CHAR")
    most = tf.constant([[c.max_length] for c in texts])
    found = [([f"{c.name} is longer than {c.max_length} characters" for c in texts], tf.reduce_any(lengths > most, 1))]
    for sentence, pattern, which in (
        ("is missing", _BLANK, [c.key for c in texts]),
        ("has a control character", _CONTROL, [c.key or _is_word(c) for c in texts]),
    ):
        places = [place for place, wanted in enumerate(which) if wanted]
        if places:
            rows = stacked if len(places) == len(texts) else tf.gather(stacked, places)
            told = [f"{texts[place].name} {sentence}" for place in places]
            found.append((told, tf.reduce_any(tf.strings.regex_full_match(rows, pattern), 1)))
    return found


def _is_word(column: Column) -> bool:
    return column.encoding is not None and column.encoding.kind == "vocabulary"


def _stacked(columns: Mapping[str, Any], names: Sequence[str]) -> tf.Tensor:
    """Columns of equal shape as rows, `[K, values]`."""
    return tf.reshape(tf.stack([columns[name] for name in names]), [len(names), -1])
