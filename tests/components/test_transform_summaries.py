"""Encodings without an analysis, and the sums of a history."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from scenerank.components.transform.preprocessing import _encoder
from scenerank.components.transform.summaries import history_matches, history_summaries
from scenerank.schemas import Column
from scenerank.schemas.features import HISTORY_COUNT, MATCH_PRIOR, RECENT_SECONDS, SHARE_PRIOR
from tests.components.tiny import DECLARATION

behaviors = st.lists(
    st.lists(st.tuples(st.sampled_from(["click", "buy"]), st.floats(0, 1e6, width=32)), max_size=6),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=25)
@given(behaviors)
def test_summaries_equal_their_definition(rows):
    kinds = tf.RaggedTensor.from_row_lengths(
        tf.constant([kind for row in rows for kind, _ in row], tf.string), [len(row) for row in rows]
    )
    ages = kinds.with_flat_values(tf.constant([age for row in rows for _, age in row], tf.float32))
    found = history_summaries(DECLARATION, kinds, ages)
    for index, row in enumerate(rows):
        assert np.isclose(found[HISTORY_COUNT][index], np.log1p(len(row)))
        for name in ("click", "buy"):
            hits = [age for kind, age in row if kind == name]
            share = (len(hits) + SHARE_PRIOR / 2) / (len(row) + SHARE_PRIOR) - 0.5
            recent = np.log1p(np.exp(-np.array(hits) / RECENT_SECONDS).sum())
            assert np.isclose(found[f"history_share_{name}"][index], share, atol=1e-6)
            assert np.isclose(found[f"history_recent_{name}"][index], recent, atol=1e-5)


def test_no_history_sums_to_nothing():
    kinds = tf.RaggedTensor.from_row_lengths(tf.constant([], tf.string), [0, 0])
    found = history_summaries(DECLARATION, kinds, kinds.with_flat_values(tf.constant([], tf.float32)))
    assert all(np.allclose(value, 0.0, atol=1e-7) for value in found.values())


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.lists(st.tuples(st.sampled_from(["click", "buy"]), st.sampled_from("abc")))
        ),
        min_size=1,
        max_size=5,
    )
)
def test_matches_equal_their_definition(rows):
    history = DECLARATION.history.model_copy(update={"matches": ("brand",)})
    brand = DECLARATION["brand"].model_copy(update={"default": "c"})
    columns = tuple(brand if c.name == "brand" else c for c in DECLARATION.columns)
    declaration = DECLARATION.model_copy(update={"history": history, "columns": columns})

    def ragged(place):
        flat = tf.constant([behavior[place] for _, row in rows for behavior in row], tf.string)
        return tf.RaggedTensor.from_row_lengths(flat, [len(row) for _, row in rows])

    targets = {"brand": tf.constant([target for target, _ in rows])}
    found = history_matches(declaration, targets, {"history_type": ragged(0), "history_brand": ragged(1)})
    for index, (target, row) in enumerate(rows):
        alike = [kind for kind, value in row if value == target != "c"]
        assert np.isclose(found["history_match_brand"][index], np.log1p(len(alike)))
        for name in ("click", "buy"):
            whole = (sum(kind == name for kind, _ in row) + SHARE_PRIOR / 2) / (len(row) + SHARE_PRIOR)
            share = (alike.count(name) + MATCH_PRIOR * whole) / (len(alike) + MATCH_PRIOR)
            assert np.isclose(found[f"history_match_brand_{name}"][index], share - whole, atol=1e-6)


def test_identity_gives_each_number_its_row():
    column = Column(name="level", type="int64", group="user", encoding={"kind": "identity", "size": 3})
    values = tf.constant([-1, 0, 1, 2, 3], tf.int64)
    assert _encoder(column, values)(values).numpy().tolist() == [0, 1, 2, 3, 0]
