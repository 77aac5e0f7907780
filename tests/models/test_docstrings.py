"""The examples of layers are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from scenerank.models import layers
from scenerank.models.layers.configured import ConfiguredLayer

MODULES = [module.name for module in pkgutil.iter_modules(layers.__path__, f"{layers.__name__}.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name):
    module = importlib.import_module(name)
    for test in doctest.DocTestFinder().find(module, name, module):
        results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
        assert not results.failed, test.name


def test_every_layer_has_an_example():
    found = set()
    for name in MODULES:
        module = importlib.import_module(name)
        found |= {cls for cls in vars(module).values() if isinstance(cls, type) and cls.__module__ == name}
    public_layers = [cls for cls in found if issubclass(cls, ConfiguredLayer) and not cls.__name__.startswith("_")]
    assert len(public_layers) > 40
    assert not [cls.__name__ for cls in public_layers if ">>>" not in cls.__doc__]
