"""Commands that compare models. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import click
import yaml

from scenerank.errors import ConfigurationError
from scenerank.pipeline.cli._errors import exits
from scenerank.pipeline.cli._options import overrides_option
from scenerank.pipeline.compare.data_sets import DATA_SETS


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of all of them; the command gets an opened `Bench`."""
    options = [
        click.option("--data", required=True, type=click.Choice(list(DATA_SETS)), help="Data set."),
        click.option("--source", type=click.Path(file_okay=False), help="Folder of the publisher's files."),
        click.option("--out", required=True, type=click.Path(file_okay=False), help="Folder of data and results."),
        click.option("--config", help="A .yaml file: shared and single models' settings, search."),
        overrides_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


_split = click.option(
    "--split",
    default="time",
    show_default=True,
    type=click.Choice(["time", "random"]),
    help="random: rows of the five largest scenarios, 8:1:1, whatever their time.",
)
_seeds = click.option("--seeds", default=5, show_default=True, type=click.IntRange(1))


def _quietly(module: str) -> Any:
    """Imports a module that brings TensorFlow along, without what that prints."""
    from scenerank.pipeline.terminal import quiet

    with quiet(os.devnull):
        return importlib.import_module(module)


def _bench(
    data: str, source: str | None, out: str, config: str | None, overrides: tuple[str, ...], split: str = "time"
) -> Any:
    Bench = _quietly("scenerank.pipeline.compare.commands").Bench
    return Bench.open(data, source, os.path.abspath(out), config, overrides, split)


def _names(listed: str) -> list[str]:

    registry = _quietly("scenerank.models.registry")
    if listed == "all":
        return list(registry.MODELS)
    try:
        return [registry.model_class(name.strip()).registered for name in listed.split(",")]
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


@click.command()
@_common
@_split
@_seeds
@click.option("--models", "listed", default="all", show_default=True, help="Names with commas between, or all.")
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice(["multi", "mix", "single"]),
    default=["multi"],
    show_default=True,
)
@click.option("--base", default="shared_bottom", show_default=True, help="Model that RelaImpr refers to.")
@exits
def benchmark(listed: str, protocols: tuple, base: str, seeds: int, **common: Any) -> int:
    """Compare models: same split, same features, same budget."""
    names, (reference, *_) = _names(listed), _names(base)
    return _quietly("scenerank.pipeline.compare.commands").benchmark(
        _bench(**common), names, protocols, seeds, reference
    )


@click.command()
@click.argument("model")
@_common
@_split
@_seeds
@exits
def ablate(model: str, seeds: int, **common: Any) -> int:
    """Run the ablation tables of a model's paper."""

    ABLATIONS = _quietly("scenerank.models.ablations").ABLATIONS
    (name, *_) = _names(model)
    if name not in ABLATIONS:
        raise ConfigurationError(f"model {name!r} has no ablation table: choose one of {', '.join(ABLATIONS)}")
    return _quietly("scenerank.pipeline.compare.commands").ablate(_bench(**common), name, seeds)


@click.command()
@click.argument("model")
@_common
@_split
@_seeds
@click.option("--param", required=True, help="Path of a setting of the model, as embedding.dim.")
@click.option("--values", required=True, help="Values with commas between.")
@exits
def sweep(model: str, param: str, values: str, seeds: int, **common: Any) -> int:
    """Train a model with several values of one setting."""
    (name, *_) = _names(model)
    from scenerank.schemas.yaml_file import parse_yaml

    try:
        tried = parse_yaml(f"[{values}]")
    except yaml.YAMLError as error:
        raise click.UsageError(f"--values {values!r}: write them as 1,2,3 ({' '.join(str(error).split())})") from None
    return _quietly("scenerank.pipeline.compare.commands").sweep(_bench(**common), name, param, tried, seeds)


@click.command()
@click.argument("model")
@_common
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@exits
def explain(model: str, seed: int, **common: Any) -> int:
    """Train a model once and draw the figures of its paper."""
    (name, *_) = _names(model)
    return _quietly("scenerank.pipeline.explain.command").explain(_bench(**common), name, seed)
