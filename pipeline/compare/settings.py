"""What a benchmark is told."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
from typing import Annotated, Any, Literal

import pydantic
import yaml

from scenerank.errors import ConfigurationError
from scenerank.pipeline.config import Config, explained
from scenerank.schemas.bias import DebiasSettings
from scenerank.schemas.columns import Strict
from scenerank.schemas.yaml_file import read_yaml

Protocol = Literal["multi", "mix", "single"]
"""multi: one model, told the scenario; mix: one model that is not; single: one model a scenario."""


class Search(Strict):
    """Search for settings on the validation part, with the first seed, before the seeds are run.

    Attributes:
      method: `grid`: all combinations; `random`: `trials` of them, drawn without repetition.
      space: values to try by the setting's path in the model's settings, as `embedding.dim: [8, 16]`; a path that
        a model does not have is left out for it.
    """

    method: Literal["grid", "random"] = "grid"
    trials: int = pydantic.Field(10, ge=1)
    space: dict[str, Annotated[list[Any], pydantic.Field(min_length=1)]]


class BenchmarkSettings(Strict):
    """A benchmark's own file; all of it may be left out.

    Attributes:
      shared: settings that all models have (see `ModelSettings`), over those of the data set's configuration.
      models: settings of single models, by name, over the shared ones.
      search: above.
      single_rows: a scenario with fewer training rows has no model of its own in protocol `single`.
    """

    shared: dict[str, Any] = pydantic.Field(default_factory=dict)
    models: dict[str, dict[str, Any]] = pydantic.Field(default_factory=dict)
    search: Search | None = None
    single_rows: int = pydantic.Field(1000, ge=1)


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training and its test: everything that its result depends on.

    Attributes:
      settings: of the model, all of them.
      inputs: digest of the prepared data, see `data.digest`.
      over_exposed_share: of the rows that somebody intervened in, see `coefficients.subsampled`.
      numerator: of the Fairness Coefficients, see `FairnessSettings`.
    """

    data: str
    protocol: Protocol
    model: str
    settings: dict[str, Any]
    trainer: dict[str, Any]
    seed: int
    inputs: str = ""
    over_exposed_share: float = 1.0
    numerator: str = "exposure"

    @property
    def uses_coefficients(self) -> bool:
        """Whether the training looks at Fairness Coefficients."""
        debias = DebiasSettings.model_validate(self.trainer.get("debias", {}))
        return debias.weighting or (debias.nets and debias.coefficient) or self.over_exposed_share < 1

    @property
    def key(self) -> str:
        """Digest of the whole."""
        return hashlib.sha256(json.dumps(dataclasses.asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def load_benchmark(path: str | None) -> BenchmarkSettings:
    """Reads a benchmark's file; the defaults without one.

    Raises:
      ConfigurationError: not readable, or a key or value that is not known.
    """
    if path is None:
        return BenchmarkSettings()
    try:
        return BenchmarkSettings.model_validate(read_yaml(pathlib.Path(path)) or {})
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    except pydantic.ValidationError as error:
        raise explained(error, BenchmarkSettings, f"{path}: ") from None


def model_settings(name: str, config: Config, benchmark: BenchmarkSettings) -> dict[str, Any]:
    """A model's settings: of the configuration those that every model has (all of them for the model that it names),
    then the benchmark's shared ones, then the model's own.

    Raises:
      ConfigurationError: a setting that the model does not have.
    """
    from scenerank.models.settings import ModelSettings

    own = config.trainer.model == name
    tree = {k: v for k, v in config.trainer.model_settings.items() if own or k in ModelSettings.model_fields}
    for more in (benchmark.shared, benchmark.models.get(name, {})):
        tree = merged(tree, more)
    return checked(name, tree)


def checked(name: str, tree: dict[str, Any]) -> dict[str, Any]:
    """All of a model's settings, the model's own values where the tree has none.

    Raises:
      ConfigurationError: the model refuses them.
    """
    from scenerank.models.registry import settings_class

    try:
        return settings_class(name).model_validate(tree).model_dump(mode="json")
    except pydantic.ValidationError as error:
        raise explained(error, settings_class(name), f"{name}: ") from None


def merged(tree: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`tree` with the leaves of `over` in their places."""
    out = dict(tree)
    for key, value in over.items():
        out[key] = merged(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


def placed(path: str, value: Any) -> dict[str, Any]:
    """`a.b` and a value as `{a: {b: value}}`."""
    for part in reversed(path.split(".")):
        value = {part: value}
    return value
