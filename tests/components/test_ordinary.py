"""Calibration on ordinary impressions, as the Evaluator sums it up."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pytest

from scenerank.components.evaluator import ordinary
from scenerank.components.fairness_coefficient.ordinary import MOST, ORDINARY, scale_up
from scenerank.schemas import FAIRNESS, Declaration
from tests.components import small_days

PLACE = {"name": "place", "type": "int64", "group": "bias", "reference": 0, "encoding": {"kind": "identity", "size": 8}}
FLAG = {"name": "pushed", "type": "int64", "group": "intervention", "values": [0, 1]}


def declared(*columns):
    fields = small_days.DECLARATION.model_dump()
    return Declaration.model_validate({**fields, "columns": [*fields["columns"], *columns]})


def batch(rows, seed, low=0.3):
    rng = np.random.default_rng(seed)
    place = rng.integers(0, 4, rows)
    pushed = rng.random(rows) < np.where(place == 0, 0.6, 0.1)
    columns = {
        "page": [f"p{i}" for i in rng.integers(0, 3, rows)],
        "clicked": (rng.random(rows) < 0.4 - 0.08 * place).astype(np.int64),
        "place": place,
        "pushed": pushed.astype(np.int64),
        FAIRNESS: np.where(pushed, low, 1.1).astype(np.float32),
        "candidate": np.full(rows, 0.25, np.float32),
        "served": rng.random(rows).astype(np.float32),
    }
    return pa.RecordBatch.from_pydict(columns)


MODELS = ("candidate", "served")


def by_hand(frame, kept, model, places):
    weight = np.zeros(len(frame))
    for place in np.unique(places):
        here = places == place
        if kept[here].any():
            weight[here & kept] = min(here.sum() / (here & kept).sum(), MOST)
    return weight @ frame[model] / (weight @ frame.clicked)


@pytest.mark.parametrize("told", [FAIRNESS, "pushed"])
@pytest.mark.parametrize("corrects", [True, False])
def test_pcoc_is_of_ordinary_rows_that_fill_all_places(told, corrects):
    declaration = declared(*([FLAG] if told == "pushed" else []), *([PLACE] if corrects else []))
    assert ordinary.columns(declaration) == [told, *(["place"] if corrects else [])]
    whole = batch(3000, 1)
    table = ordinary.add([ordinary.sums(whole.slice(i, 700), declaration, MODELS) for i in range(0, 3000, 700)])
    found = {row["scenario"]: row for row in ordinary.calibration(table, MODELS)}
    frame = whole.to_pandas()
    assert list(found) == ["", "p0", "p1", "p2"]
    for name, row in found.items():
        part = frame if name == "" else frame[frame.page == name]
        kept = (part.pushed == 0).to_numpy()
        places = part.place.to_numpy() if corrects else np.zeros(len(part), int)
        assert row["rows"] == kept.sum()
        for model in MODELS:
            assert row[model] == pytest.approx(by_hand(part, kept, model, places), rel=1e-6)


def test_without_an_ordinary_click_nothing_is_said():
    rows = batch(50, 2, low=ORDINARY - 0.1)
    pushed = rows.filter(pa.array(rows["pushed"].to_numpy() == 1))
    nothing = {"scenario": "", "rows": 0.0, "candidate": None, "served": None}
    assert ordinary.calibration(ordinary.sums(pushed, declared(), MODELS), MODELS)[0] == nothing
    assert ordinary.calibration(ordinary.sums(rows, declared(), MODELS), MODELS)[0]["candidate"] is not None


@hypothesis.given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), min_size=1, max_size=9))
def test_places_get_their_shares_back(cells):
    whole, share = (np.array(column) for column in zip(*cells))
    kept = whole * share
    factor = scale_up(kept, whole)
    assert (factor[kept == 0] == 0).all() and (factor <= MOST).all()
    enough = kept * MOST > whole
    np.testing.assert_allclose((factor * kept)[enough], whole[enough], rtol=1e-9)
