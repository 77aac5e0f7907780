import copy

import pytest
import yaml

from schemas import Declaration, DeclarationError, bundled, load_declaration
from schemas.features import FeatureSet, feature_set

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
