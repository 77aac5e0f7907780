"""Configuration of a pipeline: a typed tree, read from YAML, overridden by `key=value`."""

from __future__ import annotations

import functools
import pathlib
from typing import Any, Literal

import pydantic
import yaml

from scenerank.components.evaluator.settings import EvaluationSettings
from scenerank.components.examples_window.settings import WindowSettings
from scenerank.components.fairness_coefficient.settings import FairnessSettings
from scenerank.components.log_example_gen.settings import IngestSettings
from scenerank.components.pusher.settings import PusherSettings
from scenerank.components.trainer.settings import TrainerSettings
from scenerank.errors import ConfigurationError
from scenerank.pipeline.beam import BeamSettings, options
from scenerank.pipeline.checks import CheckSettings
from scenerank.pipeline.cluster.settings import ClusterSettings
from scenerank.pipeline.daily.settings import NotifySettings, RetentionSettings
from scenerank.schemas import Declaration, DeclarationError, load_declaration
from scenerank.schemas.columns import Strict
from scenerank.schemas.yaml_file import parse_yaml, read_yaml

_HIDDEN: Any = {"container": {"environment"}, "serving": {"container": {"environment"}}, "components": True}


class FairnessRun(FairnessSettings):
    """Fairness Coefficients.

    Attributes:
      first_day: with numerator `score`, `uniform`: 1 as long as no model is in service; `two_pass`: train on each half
        of the window's days with 1, score the other half with that model, train again.
    """

    first_day: Literal["uniform", "two_pass"] = "uniform"

    @pydantic.model_validator(mode="after")
    def _scores(self) -> FairnessRun:
        if self.first_day == "two_pass" and self.numerator != "score":
            raise ValueError("first_day 'two_pass' scores the first days: it needs numerator 'score'")
        return self


class Config(Strict):
    """All settings of a pipeline.

    Attributes:
      declaration: name of a bundled declaration, or a path to one, relative to the configuration.
    """

    declaration: str
    window: WindowSettings = WindowSettings()
    ingest: IngestSettings = IngestSettings()
    checks: CheckSettings = CheckSettings()
    fairness: FairnessRun = FairnessRun()
    trainer: TrainerSettings = TrainerSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    pusher: PusherSettings = PusherSettings()
    beam: BeamSettings = BeamSettings()
    cluster: ClusterSettings = ClusterSettings()
    notify: NotifySettings = NotifySettings()
    retention: RetentionSettings = RetentionSettings()

    @functools.cached_property
    def declared(self) -> Declaration:
        """The declaration, read."""
        return load_declaration(self.declaration)

    @property
    def needed_days(self) -> int:
        """Published days before a run's own that it reads: for its window, and to compare the day with."""
        return max(self.window.days, self.checks.usual_days)

    @property
    def recorded(self) -> dict[str, Any]:
        """What records and versions tell of the configuration: all but the values of environment variables."""
        return self.model_dump(mode="json", exclude={"cluster": _HIDDEN})

    @property
    def recipe(self) -> dict[str, Any]:
        """Settings beside declaration and ingestion that a published day depends on, by what they are."""
        return {"the fairness settings": self.fairness.model_dump(mode="json", exclude={"first_day"})}

    @property
    def beam_options(self) -> list[str]:
        """Of every Beam pipeline."""
        return options(self.beam, self.cluster.container.image)


def bundled() -> tuple[str, ...]:
    """Names of the configurations that come with the package."""
    return tuple(sorted(p.stem for p in (pathlib.Path(__file__).parent / "configs").glob("*.yaml")))


def _read(name: str) -> dict[str, Any]:
    path = pathlib.Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = pathlib.Path(__file__).parent / "configs" / f"{name}.yaml"
    if not path.exists():
        raise ConfigurationError(
            f"no configuration {name!r}: give a path to a .yaml file or one of {', '.join(bundled())}"
        )
    try:
        tree = read_yaml(path)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise ConfigurationError(f"{path} must hold keys and values at its top, such as `declaration: simulator`")
    if str(tree.get("declaration", "")).endswith((".yaml", ".yml")):
        tree["declaration"] = str(path.parent / tree["declaration"])
    return tree


def _override(tree: dict[str, Any], assignment: str) -> None:
    """Sets a key of the tree.

    OmegaConf would take `key` without a value for null, put a group in place of a value without a word, and replace
    `${...}` in texts; its errors do not name the key.
    """
    key, equals, text = assignment.partition("=")
    if not equals:
        raise ConfigurationError(f"--set {assignment!r}: write key=value, such as trainer.epochs=2")
    *parents, leaf = key.split(".")
    node = tree
    for parent in parents:
        node = node.setdefault(parent, {})
        if not isinstance(node, dict):
            raise ConfigurationError(f"--set {key}: {parent} is a value, not a group of settings")
    try:
        node[leaf] = parse_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"--set {key}: {text!r} is not YAML: {' '.join(str(error).split())}") from None


def _allowed(root: Any, location: tuple[Any, ...]) -> str:
    """Names of the settings beside a key that does not exist."""
    node = root
    for part in location[:-1]:
        fields = getattr(node, "model_fields", {})
        node = fields[part].annotation if part in fields else None
    return ", ".join(getattr(node, "model_fields", {}))


def load_config(name: str, overrides: tuple[str, ...] = ()) -> Config:
    """Reads a configuration and checks all of it, the declaration and the model's settings included.

    Args:
      name: of a bundled configuration, or a path; a declaration's path in it is relative to it.
      overrides: `key.of.setting=value`, the value in YAML.

    Raises:
      ConfigurationError: what is wrong, with the key's full path and what is allowed.
    """
    tree = _read(name)
    for assignment in overrides:
        _override(tree, assignment)
    try:
        config = Config.model_validate(tree)
        debias, declared = config.trainer.debias, config.declared
        if debias.nets and not debias.coefficient and not declared.bias_columns:
            raise ConfigurationError(
                f"trainer.debias: bias nets have no input, as {config.declaration} declares no column of group 'bias' "
                "and coefficient is off: set trainer.debias.coefficient to true, or nets to false"
            )
        return config
    except pydantic.ValidationError as error:
        raise explained(error, Config, "") from None
    except DeclarationError as error:
        raise ConfigurationError(str(error)) from None


def check_model(config: Config) -> None:
    """Checks the model's own settings; imports TensorFlow, which `load_config` does not.

    Raises:
      ConfigurationError: as `load_config`.
    """
    from scenerank.models.registry import settings_class

    try:
        settings = settings_class(config.trainer.model)
    except ValueError as error:
        raise ConfigurationError(f"trainer.model: {error}") from None
    try:
        settings.model_validate(config.trainer.model_settings)
    except pydantic.ValidationError as error:
        raise explained(error, settings, "trainer.model_settings.") from None


def explained(error: pydantic.ValidationError, root: Any, prefix: str) -> ConfigurationError:
    """The first of the errors that settings of class `root` met; `prefix` precedes their path."""
    first = error.errors()[0]
    path = prefix + ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return ConfigurationError(f"{path}: no such setting; allowed are {_allowed(root, first['loc'])}")
    message = first["msg"].removeprefix("Value error, ")
    return ConfigurationError(f"{path}: {message}, not {first['input']!r}")
