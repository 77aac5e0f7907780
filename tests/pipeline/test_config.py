import pathlib

import pytest

from pipeline.config import ConfigError, bundled, check_model, load_config


@pytest.mark.parametrize("name", bundled())
def test_bundled_configurations_load(name):
    assert load_config(name).declared.columns


def test_override():
    assert load_config("simulator", ("trainer.epochs=7",)).trainer.epochs == 7


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("trainer.epohs=2",), ("trainer.epohs", "allowed are", "epochs")),
        (("trainer.epochs=many",), ("trainer.epochs", "many")),
        (("fairness.first_day=never",), ("fairness.first_day", "uniform", "two_pass")),
        (("fairness.first_day=two_pass",), ("fairness", "numerator", "score")),
        (
            ("declaration=movielens", "trainer.debias={nets: true, coefficient: false}"),
            ("trainer.debias", "'bias'", "coefficient"),
        ),
        (("trainer.debias.fusion=divide",), ("trainer.debias.fusion", "add", "multiply")),
        (("window.days=0",), ("window.days",)),
        (("declaration=nowhere",), ("nowhere", "simulator")),
        (("epochs",), ("key=value",)),
        (("declaration.x=1",), ("declaration",)),
    ],
)
def test_wrong_settings_are_named(overrides, words):
    with pytest.raises(ConfigError) as error:
        load_config("simulator", overrides)
    for word in words:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_configuration():
    with pytest.raises(ConfigError, match="simulator"):
        load_config("no_such")


def test_declaration_beside_the_configuration(tmp_path):
    import schemas

    source = pathlib.Path(schemas.__file__).with_name("simulator.yaml")
    (tmp_path / "own.yaml").write_text(source.read_text())
    (tmp_path / "config.yaml").write_text("declaration: own.yaml\n")
    assert load_config(str(tmp_path / "config.yaml")).declared.name == "simulator"


def test_broken_yaml(tmp_path):
    (tmp_path / "config.yaml").write_text("a: [1\n")
    with pytest.raises(ConfigError, match="not YAML"):
        load_config(str(tmp_path / "config.yaml"))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("trainer.model=sarnet", ("trainer.model", "sar_net")),
        ("trainer.model_settings.no_such=1", ("trainer.model_settings.no_such", "allowed are", "embedding")),
        ("trainer.model_settings.embedding.dim=0", ("trainer.model_settings.embedding.dim", "not 0")),
    ],
)
def test_settings_of_the_model_are_checked(override, words):
    with pytest.raises(ConfigError) as error:
        check_model(load_config("simulator", (override,)))
    for word in words:
        assert word in str(error.value)
