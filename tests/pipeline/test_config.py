import pathlib

import pytest

from scenerank.errors import ConfigurationError
from scenerank.pipeline.config import bundled, check_model, load_config
from scenerank.pipeline.reference.settings import configuration


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
    with pytest.raises(ConfigurationError) as error:
        load_config("simulator", overrides)
    for word in words:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_days_that_are_accepted_may_be_written_as_dates(tmp_path):
    (tmp_path / "c.yaml").write_text(
        "declaration: simulator\nchecks: {accept: {2024-03-02: a sale, '2024-03-03': more}}"
    )
    assert load_config(str(tmp_path / "c.yaml")).checks.accept == {"2024-03-02": "a sale", "2024-03-03": "more"}
    given = load_config("simulator", ("checks.accept.2024-03-02=a sale", "checks.require_marker=null")).checks
    assert given.accept == {"2024-03-02": "a sale"} and given.require_marker == ""


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("checks.accept.yesterday=a sale", "checks.accept: 'yesterday' is no day: write it as 2022-05-31"),
        ("checks.accept.2024-03-02=", "checks.accept: 2024-03-02 needs a reason"),
        ("checks.require_marker=a/b", "checks.require_marker"),
        ("checks.rows_factor=0.5", "checks.rows_factor"),
    ],
)
def test_what_is_accepted_is_a_day_with_a_reason(override, words):
    with pytest.raises(ConfigurationError, match=words):
        load_config("simulator", (override,))


def test_unknown_configuration():
    with pytest.raises(ConfigurationError, match="simulator"):
        load_config("no_such")


def test_declaration_beside_the_configuration(tmp_path):
    from scenerank import schemas

    source = pathlib.Path(schemas.__file__).with_name("simulator.yaml")
    (tmp_path / "own.yaml").write_text(source.read_text())
    (tmp_path / "config.yaml").write_text("declaration: own.yaml\n")
    assert load_config(str(tmp_path / "config.yaml")).declared.name == "simulator"


def test_broken_yaml(tmp_path):
    (tmp_path / "config.yaml").write_text("a: [1\n")
    with pytest.raises(ConfigurationError, match="cannot be read as YAML"):
        load_config(str(tmp_path / "config.yaml"))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("trainer.epochs=[1", ("trainer.epochs", "not YAML")),
        ("trainer.epochs=!!python/tuple [1]", ("trainer.epochs", "not YAML")),
        ("trainer.model=sarnet", ("trainer.model", "sar_net")),
        ("trainer.model_settings.no_such=1", ("trainer.model_settings.no_such", "allowed are", "embedding")),
        ("trainer.model_settings.embedding.dim=0", ("trainer.model_settings.embedding.dim", "not 0")),
    ],
)
def test_settings_of_the_model_are_checked(override, words):
    with pytest.raises(ConfigurationError) as error:
        check_model(load_config("simulator", (override,)))
    for word in words:
        assert word in str(error.value)


def test_a_group_given_in_part_keeps_the_rest_of_its_default():
    usual = load_config("simulator").cluster.serving.container
    part = load_config("simulator", ("cluster.serving.container.cpu=8",)).cluster.serving.container
    assert part == usual.model_copy(update={"cpu": 8.0})
    assert part.image.startswith("tensorflow/serving:")
    shown = configuration()
    for name in ("image", "cpu", "memory"):
        assert f"| `cluster.serving.container.{name}` |" in shown
        assert f"`{getattr(usual, name)}`" in next(
            row for row in shown.splitlines() if f"serving.container.{name}`" in row
        )
