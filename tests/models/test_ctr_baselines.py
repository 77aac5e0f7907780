"""Scenario-agnostic baselines against NumPy, straight from their equations."""

import itertools

import numpy as np
import pydantic
import pytest
import tensorflow as tf

from scenerank.models.baselines.dcn_v2 import DCNV2
from scenerank.models.baselines.deepfm import DeepFM
from scenerank.models.baselines.din import DIN
from scenerank.models.baselines.fibinet import FiBiNET
from scenerank.models.baselines.ncf import NCF
from scenerank.models.baselines.pnn import PNN
from scenerank.models.baselines.wide_deep import WideDeep
from scenerank.models.layers.linear import LinearTerm
from scenerank.models.settings import EmbeddingSettings
from tests.models.conftest import random_batch, shake, small_features
from tests.models.numpy_layers import embedded, joined, mlp, softmax

D = 4
FEATURES = small_features()
BATCH, _, _ = random_batch(FEATURES, 12)
BASE = {"embedding": {"dim": D}, "units": (6, 5)}
FIELDS = 12
PAIRS = FIELDS * (FIELDS - 1) // 2


def built(model_class, **settings):
    model = model_class(FEATURES, {**BASE, **settings})
    model.build_weights()
    shake(model)
    return model


def fields(model):
    """From the model's tables alone."""
    return embedded(model.fields.embedding, FEATURES, BATCH)


def flat(model):
    return joined(fields(model))


def stacked(model):
    return np.stack(list(fields(model).values()), 1)


def linear(term):
    return joined(embedded(term.numbers.embedding, FEATURES, BATCH)).sum(-1)


def check(model, expected):
    np.testing.assert_allclose(model(BATCH), expected, rtol=1e-4, atol=1e-4)


def pairs(count=FIELDS):
    return itertools.combinations(range(count), 2)


def test_linear_term_adds_a_number_a_feature():
    term = LinearTerm(FEATURES, EmbeddingSettings(dim=D))
    term(BATCH)
    shake(term)
    tables = {name: table.numpy()[:, 0] for name, table in term.numbers.embedding.tables.items()}
    expected = np.zeros(12)
    for row, feature in itertools.product(range(12), FEATURES.features):
        values, table = BATCH[feature.name].numpy()[row], tables[feature.table]
        if feature.sequence:
            values = values[: BATCH["history_length"].numpy()[row]]
        numbers = table[values] if feature.categorical else table[0] * values
        if np.size(numbers):
            expected[row] += np.mean(numbers)
    np.testing.assert_allclose(term(BATCH), expected, rtol=1e-4, atol=1e-5)


def test_wide_and_deep_are_added():
    model = built(WideDeep)
    check(model, linear(model.wide) + mlp(model.deep, flat(model))[:, 0])


def test_deepfm_adds_the_products_of_all_pairs():
    model = built(DeepFM)
    vectors = stacked(model)
    second = sum((vectors[:, i] * vectors[:, j]).sum(-1) for i, j in pairs())
    check(model, linear(model.linear) + second + mlp(model.deep, vectors.reshape(12, -1))[:, 0])


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("structure", ["stacked", "parallel"])
def test_dcn_v2_crosses(structure, rank):
    model = built(DCNV2, structure=structure, projection_dim=rank, cross_layers=2)
    start = crossed = flat(model)
    for layer in model.cross:
        if rank is None:
            weights = layer._dense.kernel.numpy()
            bias = layer._dense.bias.numpy()
        else:
            weights = layer._dense_u.kernel.numpy() @ layer._dense_v.kernel.numpy()
            bias = layer._dense_v.bias.numpy()
        crossed = start * (crossed @ weights + bias) + crossed
    hidden = mlp(model.deep, crossed if structure == "stacked" else start)
    if structure == "parallel":
        hidden = np.concatenate([crossed, hidden], -1)
    check(model, (hidden @ model.head.kernel.numpy() + model.head.bias.numpy())[:, 0])


@pytest.mark.parametrize("product", ["inner", "outer", "both"])
def test_pnn_products(product):
    model = built(PNN, product=product)
    vectors = stacked(model)
    parts = [vectors.reshape(12, -1)]
    if product != "outer":
        parts.append(np.stack([(vectors[:, i] * vectors[:, j]).sum(-1) for i, j in pairs()], -1))
    if product != "inner":
        total = vectors.sum(1)
        parts.append(np.stack([np.outer(row, row).ravel() for row in total]))
    check(model, mlp(model.deep, np.concatenate(parts, -1))[:, 0])


def bilinear(layer, fields):
    kernel, kind, outputs = layer.kernel.numpy(), layer.bilinear, []
    for p, (i, j) in enumerate(pairs(fields.shape[1])):
        matrix = {"all": lambda: kernel, "each": lambda i=i: kernel[i], "interaction": lambda p=p: kernel[p]}[kind]()
        outputs.append((fields[:, i] @ matrix) * fields[:, j])
    return np.concatenate(outputs, -1)


@pytest.mark.parametrize("kind", ["all", "each", "interaction"])
def test_fibinet_reweighs_and_interacts(kind):
    model = built(FiBiNET, bilinear=kind, interacting="all")
    vectors = stacked(model)
    hidden = np.maximum(vectors.mean(-1) @ model.senet.squeeze.kernel.numpy(), 0)
    weights = np.maximum(hidden @ model.senet.excite.kernel.numpy(), 0)
    assert hidden.shape[1] == FIELDS // 3 and weights.shape[1] == FIELDS
    parts = [bilinear(model.interaction, vectors), bilinear(model.reweighed, vectors * weights[:, :, None])]
    check(model, linear(model.linear) + mlp(model.deep, np.concatenate(parts, -1))[:, 0])


def test_fibinet_parts_and_their_parameters():
    matrices = {"all": 1, "each": FIELDS - 1, "interaction": PAIRS}
    counts = {kind: built(FiBiNET, bilinear=kind, interacting="all").count_params() for kind in matrices}
    assert counts["each"] - counts["all"] == 2 * (FIELDS - 2) * D * D
    assert counts["interaction"] - counts["each"] == 2 * (PAIRS - FIELDS + 1) * D * D
    without = built(FiBiNET, bilinear="all", senet=False, interacting="all")
    senet = 2 * FIELDS * (FIELDS // 3)
    assert counts["all"] - without.count_params() == senet + D * D + PAIRS * D * 6
    vectors = stacked(without)
    check(without, linear(without.linear) + mlp(without.deep, bilinear(without.interaction, vectors))[:, 0])


def test_fibinet_takes_numbers_as_they_are():
    model = built(FiBiNET, senet=False)
    found = fields(model)
    categorical = [field for name, field in found.items() if FEATURES[name].categorical]
    numbers = [field for name, field in found.items() if not FEATURES[name].categorical]
    assert numbers and len(categorical) == FIELDS - len(numbers)
    interactions = bilinear(model.interaction, np.stack(categorical, 1))
    deep = mlp(model.deep, np.concatenate([interactions, *numbers], -1))[:, 0]
    check(model, linear(model.linear) + deep)


def test_pnn_and_dcn_parameters():
    inner, outer, both = (built(PNN, product=p).count_params() for p in ("inner", "outer", "both"))
    assert both - outer == PAIRS * 6 and both - inner == D * D * 6
    width = flat(built(DCNV2)).shape[1]
    full, low = (built(DCNV2, projection_dim=r).count_params() for r in (None, 2))
    assert full - low == 3 * (width * width - 2 * width * 2)
    assert built(DCNV2, structure="parallel").count_params() - full == width


def test_ncf_multiplies_ids_beside_a_tower():
    model = built(NCF, factors=3)
    user, item = (model.factors.tables[name].numpy()[BATCH[name]] for name in ("user", "item"))
    tables = model.embedding.tables
    columns = [tables[n].numpy()[BATCH[n]] for n in ("user", "city", "item")]
    columns.append(BATCH["price"].numpy()[:, None] * tables["price"].numpy())
    hidden = np.concatenate([user * item, mlp(model.mlp, np.concatenate(columns, -1))], -1)
    check(model, (hidden @ model.head.kernel.numpy() + model.head.bias.numpy())[:, 0])


@pytest.mark.parametrize("normalized", [False, True])
def test_din_weighs_behaviors_by_the_target(normalized):
    model = built(DIN, attention_units=(3,), softmax=normalized)
    tables, unit = model.fields.embedding.tables, model.attention.unit
    batch = {key: value.numpy() for key, value in BATCH.items()}

    def vectors(names, row, at=None):
        found = []
        for feature in (FEATURES[name] for name in names):
            value = batch[feature.name][row] if at is None else batch[feature.name][row, at]
            table = tables[feature.table].numpy()
            found.append(table[value] if feature.categorical else value * table[0])
        return np.concatenate(found)

    interest = []
    for row in range(12):
        target, values, scores = vectors(("item", "price"), row), [], []
        for at in range(batch["history_length"][row]):
            key = vectors(("history_item", "history_price"), row, at)
            context = vectors(("history_page", "history_theme", "history_type"), row, at)
            both = np.concatenate([key, target, key - target, key * target, context])
            hidden = np.maximum(both @ unit.kernel.numpy() + unit.bias.numpy(), 0)
            scores.append((hidden @ unit.score.kernel.numpy())[0])
            values.append(np.concatenate([key, context]))
        weights = np.array(scores)
        if normalized and len(weights):
            weights = softmax(weights)
        interest.append(sum((w * v for w, v in zip(weights, values)), np.zeros(D * 4 + 1)))
    profile = joined(fields(model), "user", "city", "item", "price", "page", "theme", "rate")
    check(model, mlp(model.deep, np.concatenate([profile, interest], -1))[:, 0])


def test_din_without_history_is_a_dnn():
    features = small_features(history=False)
    model = DIN(features, BASE)
    model.build_weights()
    assert model.attention is None and model(random_batch(features, 3)[0]).shape == (3,)


@pytest.mark.parametrize(
    ("model_class", "wrong"),
    [
        (WideDeep, {"units": ()}),
        (WideDeep, {"units": (4, 0)}),
        (DeepFM, {"dropout": 1.0}),
        (DCNV2, {"cross_layers": 0}),
        (DCNV2, {"structure": "both"}),
        (PNN, {"product": "sum"}),
        (FiBiNET, {"bilinear": "none"}),
        (NCF, {"factors": 0}),
        (DIN, {"attention_units": ()}),
    ],
)
def test_wrong_settings_are_refused(model_class, wrong):
    with pytest.raises(pydantic.ValidationError, match=next(iter(wrong))):
        model_class.settings_class.model_validate(wrong)


@pytest.mark.parametrize("model_class", [DeepFM, PNN, FiBiNET])
def test_one_width_for_all_fields(model_class):
    with pytest.raises(ValueError, match=r"embedding\.dims"):
        model_class(FEATURES, {"embedding": {"dims": {"user": 3}}})
    assert tf.is_tensor(built(WideDeep, embedding={"dims": {"user": 3}})(BATCH))
