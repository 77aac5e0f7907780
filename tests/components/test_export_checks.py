"""Requests that training would have refused are refused, in every signature, with one sentence."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from scenerank.components.export.checks import check_rows
from scenerank.components.export.serving import EXAMPLES, PREDICT, RANK
from scenerank.components.export.warmup import requests
from scenerank.schemas import HISTORY_LENGTH
from tests.components import tiny
from tests.components.ingestion import COLUMNS, declare, row

CANDIDATES = tiny.DECLARATION.candidate_columns


@pytest.fixture(scope="module")
def loaded():
    return tf.saved_model.load(str(tiny.trained() / "run/model/Format-Serving"))


@pytest.fixture(scope="module")
def examples() -> list[bytes]:
    return tiny.serialize(tiny.table(8, longest=4))


@pytest.fixture
def columns(examples) -> dict[str, np.ndarray]:
    """Inputs of `predict` for eight rows."""
    proto = requests(tiny.DECLARATION, examples)[1]
    return {name: np.array(tf.make_ndarray(value)) for name, value in proto.inputs.items()}


def predict(loaded, columns):
    return loaded.signatures[PREDICT](**{n: tf.constant(v) for n, v in columns.items()})["probability"].numpy()


def rank(loaded, columns, rows=1):
    """The first row's user with the items of all, once a row."""
    asked = {n: np.repeat(v[np.newaxis] if n in CANDIDATES else v[:1], rows, 0) for n, v in columns.items()}
    return loaded.signatures[RANK](**{n: tf.constant(v) for n, v in asked.items()})["probability"].numpy()


def in_first(name, value):
    def spoil(columns):
        columns[name][0] = value

    return spoil


SPOILT = {
    "price is not a finite number": in_first("price", np.nan),
    "mass is not a finite number": in_first("mass", np.inf),
    "count_item is not a finite number": in_first("count_item", np.nan),
    "rate_clicked_item is not a finite number": in_first("rate_clicked_item", -np.inf),
    "item is missing": in_first("item", b""),
    "scenario is missing": in_first("scenario", b""),
    "item has a control character": in_first("item", b"a\n"),
    "brand has a control character": in_first("brand", b"a\0b"),
    "brand is longer than 256 characters": in_first("brand", b"x" * 257),
    f"{HISTORY_LENGTH} is below 0 or above the length of the histories": in_first(HISTORY_LENGTH, -1),
    "history_price has a number that is not finite": in_first("history_price", np.nan),
}


@pytest.mark.parametrize("call", [predict, rank])
@pytest.mark.parametrize("sentence", SPOILT)
def test_it_is_refused_with_a_sentence(loaded, columns, call, sentence):
    columns[HISTORY_LENGTH][0] = columns["history_price"].shape[1]
    assert np.isfinite(call(loaded, columns)).all()
    SPOILT[sentence](columns)
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"the request is refused: {sentence}"):
        call(loaded, columns)


@pytest.mark.parametrize("blank", [" ", "\t\r", "\u00a0\u2003", "\x85"])
def test_blank_keys_are_missing(loaded, columns, blank):
    columns["item"][0] = blank.encode()
    with pytest.raises(tf.errors.InvalidArgumentError, match="the request is refused: item is missing"):
        predict(loaded, columns)


@pytest.mark.parametrize(("value", "told"), [(-1.5, "below 0"), (-1.0, None), (0.0, None), (9.5, "above 9")])
@pytest.mark.parametrize("required", [True, False])
def test_bounds_hold_for_all_but_the_default_of_an_optional_column(value, told, required):
    column = {**COLUMNS[5], "min": 0, "max": 9, "required": required, "default": -1.0}
    declaration = declare(columns=[*COLUMNS[:5], column, *COLUMNS[6:]])
    asked = {c.name: tf.constant([row(price=value)[c.name]]) for c in declaration.features if c.name == "price"}
    if told is None and not (required and value < 0):
        check_rows(declaration, asked)
        return
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"price is {told or 'below 0'}"):
        check_rows(declaration, asked)


@pytest.mark.parametrize("call", [predict, rank])
def test_histories_of_unequal_length_are_refused(loaded, columns, call):
    columns["history_brand"] = columns["history_brand"][:, :-1]
    with pytest.raises(tf.errors.InvalidArgumentError, match="history_brand has another length than history_scenario"):
        call(loaded, columns)


def test_candidates_of_unequal_length_are_refused(loaded, columns):
    columns["price"] = columns["price"][:-1]
    with pytest.raises(tf.errors.InvalidArgumentError, match="price has another length than item"):
        rank(loaded, columns)


def test_what_lies_beyond_a_history_s_length_is_nobody_s_business(loaded, columns):
    expected = predict(loaded, columns)
    beyond = np.arange(columns["history_price"].shape[1]) >= columns[HISTORY_LENGTH][:, np.newaxis]
    assert beyond.any()
    columns["history_price"][beyond] = np.nan
    np.testing.assert_array_equal(predict(loaded, columns), expected)


def test_an_example_without_a_required_column_is_refused(loaded, examples):
    whole = tf.train.Example.FromString(examples[0])
    assert len(loaded.signatures[EXAMPLES](tf.constant([whole.SerializeToString()]))["probability"]) == 1
    for column in tiny.DECLARATION.features:
        part = tf.train.Example.FromString(examples[0])
        del part.features.feature[column.name]
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"Feature: {column.name}.*required"):
            loaded.signatures[EXAMPLES](tf.constant([part.SerializeToString()]))


def test_an_example_with_histories_of_unequal_length_is_refused(loaded, examples):
    spoilt = tf.train.Example.FromString(examples[0])
    spoilt.features.feature["history_brand"].bytes_list.value.append(b"one more")
    with pytest.raises(tf.errors.InvalidArgumentError, match="history_brand has another length than history_scenario"):
        loaded.signatures[EXAMPLES](tf.constant([spoilt.SerializeToString()]))


def test_an_example_with_a_number_that_is_none_is_refused(loaded, examples):
    spoilt = tf.train.Example.FromString(examples[0])
    spoilt.features.feature["mass"].float_list.value[0] = np.nan
    with pytest.raises(tf.errors.InvalidArgumentError, match="mass is not a finite number"):
        loaded.signatures[EXAMPLES](tf.constant([spoilt.SerializeToString()]))


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_any_number_of_requests_is_answered(loaded, columns, rows):
    assert rank(loaded, columns, rows).shape == (rows, len(columns["item"]))
