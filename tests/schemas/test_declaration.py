import copy

import pytest
import yaml

from scenerank.schemas import Declaration, DeclarationError, bundled, load_declaration
from scenerank.schemas.features import FeatureSet, feature_set

MINIMAL = {
    "name": "mine",
    "columns": [
        {"name": "at", "type": "int64", "group": "time"},
        {"name": "page", "type": "string", "group": "scenario", "key": True, "encoding": {"kind": "vocabulary"}},
        {"name": "user", "type": "string", "group": "user", "key": True, "encoding": {"kind": "hash", "size": 8}},
        {"name": "item", "type": "string", "group": "item", "key": True, "encoding": {"kind": "hash", "size": 8}},
        {"name": "click", "type": "int64", "group": "label", "values": [0, 1]},
        {"name": "bought", "type": "int64", "group": "outcome", "values": [0, 1]},
    ],
    "history": {"types": {"click": "click"}},
    "rates": {"keys": [["item"], ["user", "page"]], "events": ["click"]},
}


def load(tmp_path, change=lambda tree: None):
    tree = copy.deepcopy(MINIMAL)
    change(tree)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(tree))
    return load_declaration(str(path))


def column(tree, name):
    return next(c for c in tree["columns"] if c["name"] == name)


def add_bias(tree, **changes):
    place = {"name": "place", "type": "int64", "group": "bias", "reference": 0}
    tree["columns"].append({**place, "encoding": {"kind": "identity", "size": 8}, **changes})


def add_flag(tree, name, **changes):
    tree["columns"].append({"name": name, "type": "int64", "group": "intervention", "values": [0, 1], **changes})


@pytest.mark.parametrize("name", bundled())
def test_bundled_declarations_yield_features(name):
    declaration = load_declaration(name)
    features = feature_set(declaration, {c.name: 5 for c in declaration.features})
    assert FeatureSet.from_json(features.to_json()) == features
    outcomes = {c.name for c in declaration.columns if c.group in ("outcome", "label")}
    assert not outcomes & {f.name for f in features.features}
    assert not outcomes & set(declaration.example_schema.names) - {declaration.label.name}


def test_everything_follows_from_it(tmp_path):
    declaration = load(tmp_path)
    assert [c.name for c in declaration.history_columns] == [
        "history_page",
        "history_item",
        "history_type",
        "history_age_s",
    ]
    assert "rate_click_user_page" in declaration.example_schema.names
    assert declaration.user.name == "user"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t["columns"].append(t["columns"][0]), ("'at'", "2 times")),
        (lambda t: column(t, "item").pop("key"), ("'item'", "exactly one key")),
        (lambda t: column(t, "bought").update(encoding={"kind": "numeric"}), ("'bought'", "may not be a feature")),
        (lambda t: column(t, "at").update(group="moment"), ("group", "time")),
        (lambda t: column(t, "page").update(encodin={}), ("encodin",)),
        (lambda t: column(t, "page").update(encoding={"kind": "hash"}), ("encoding", "size")),
        (lambda t: column(t, "page").update(encoding={"kind": "identity", "size": 3}), ("'page'", "int64")),
        (lambda t: t["history"]["types"].update(like="liked"), ("'liked'", "not a column")),
        (lambda t: t["rates"]["keys"].append(["shop"]), ("'shop'", "not a column")),
        (lambda t: column(t, "page").update(name="history_page"), ("history_page", "kept")),
        (lambda t: column(t, "page").update(reference=1), ("'page'", "reference")),
        (lambda t: add_bias(t, encoding=None), ("'place'", "encoding")),
        (lambda t: add_bias(t, encoding={"kind": "buckets", "size": 3}), ("'place'", "identity")),
        (lambda t: add_bias(t, encoding={"kind": "vocabulary"}), ("'place'", "values")),
        (lambda t: add_bias(t, reference=None), ("'place'", "reference")),
        (lambda t: add_bias(t, reference=8), ("'place'", "8")),
        (lambda t: add_bias(t, group="intervention"), ("'place'", "[0, 1]")),
        (lambda t: (add_flag(t, "pushed"), add_flag(t, "boosted")), ("'intervention'", "one at most")),
        (lambda t: (add_bias(t), t["rates"]["keys"].append(["place"])), ("'place'", "when ranking")),
    ],
)
def test_contradictions_are_named(tmp_path, change, words):
    with pytest.raises(DeclarationError) as error:
        load(tmp_path, change)
    for word in words:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_declaration():
    with pytest.raises(DeclarationError, match="simulator"):
        load_declaration("no_such")


def test_digest_changes_with_the_declaration():
    other = copy.deepcopy(MINIMAL)
    column(other, "user")["encoding"]["size"] = 16
    assert Declaration.model_validate(MINIMAL).digest != Declaration.model_validate(other).digest


def test_bias_columns_are_inputs_of_training_alone(tmp_path):
    def change(tree):
        add_bias(tree)
        add_bias(tree, name="badge", type="string", values=["none", "sale"], reference="none",
                 encoding={"kind": "vocabulary"})  # fmt: skip
        add_flag(tree, "pushed", encoding={"kind": "identity", "size": 2})

    declaration = load(tmp_path, change)
    features = feature_set(declaration, {"page": 5})
    assert [(b.name, b.size, b.reference) for b in features.bias] == [
        ("place", 9, 1),
        ("badge", 3, 1),
        ("pushed", 3, 1),
    ]
    assert not {b.name for b in features.bias} & {f.name for f in features.features}
    assert {"place", "badge", "pushed"} <= set(declaration.example_schema.names)
    assert declaration.intervention.name == "pushed"
    assert FeatureSet.from_json(features.to_json()) == features


def test_a_flag_need_not_be_an_input(tmp_path):
    declaration = load(tmp_path, lambda tree: add_flag(tree, "pushed"))
    assert declaration.intervention.name == "pushed" and not declaration.bias_columns


def test_inputs_written_before_there_were_bias_columns_are_read():
    features = feature_set(Declaration.model_validate(MINIMAL), {"page": 5})
    text = features.to_json()
    assert "bias" not in text and FeatureSet.from_json(text) == features
