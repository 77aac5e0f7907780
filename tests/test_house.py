"""The order of the code: floors, imports, private names, lengths, docstrings."""

import ast
import subprocess
import sys

import pytest

from tests import house

KERAS_IS_SET_UP = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
if "tensorflow" in sys.modules:
    import tensorflow as tf, tf_keras
    assert tf.keras.Model is tf_keras.Model
if "scenerank.models" in sys.modules:
    from tensorflow.python.autograph.core.config import CONVERSION_RULES
    # newer releases have it themselves
    assert any(getattr(rule, "_prefix", "") == "tf_keras" for rule in CONVERSION_RULES)
"""


def modules(floor):
    return [house.module(path) for path in house.trees() if path.startswith(f"{floor}/") and "__main__" not in path]


@pytest.mark.parametrize("floor", house.FLOORS)
def test_every_module_can_be_imported_and_finds_keras_set_up(floor):
    assert len(modules(floor)) > 5
    subprocess.run([sys.executable, "-c", KERAS_IS_SET_UP, *modules(floor)], check=True)


def test_imports_go_down_only_and_in_no_circle():
    assert house.upward() == [] and house.circles() == set()


def test_modules_are_imported_as_they_are_installed():
    for path, tree in house.trees().items():
        assert not [name for name in house.imported(tree) if name.partition(".")[0] in house.FLOORS], path


def test_private_names_of_frameworks_are_used_in_one_file_of_each_floor():
    for path, tree in house.trees().items():
        assert not house.private(path, tree), f"{path}: wrap it in one of {', '.join(sorted(house.PRIVATE))}"


def test_no_file_is_long():
    lines, where = house.longest()
    assert lines <= 250, where


def test_everything_public_says_what_it_is():
    assert len(list(house.trees())) > 300 and not house.undocumented()


def test_models_say_it_in_words():
    """A docstring begins with a verb or the thing's name, and goes on to formulas and types."""
    for path, tree in house.trees().items():
        if path.startswith("models/"):
            assert not [name for name, node in house.public(tree) if not ast.get_docstring(node)[0].isupper()], path
