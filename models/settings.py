"""Settings that all models share. Every model's own class derives from `ModelSettings`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pydantic


class Settings(pydantic.BaseModel):
    """Settings are immutable, and refuse keys that they do not know."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class OptimizerSettings(Settings):
    """Settings of Adam, and how its step size falls.

    Attributes:
      name: `lazy_adam` moves only the table rows that a batch looked up; `adam` moves all of them.
      learning_rate: step size at the start.
      table_learning_rate: the same for embedding and per-scenario tables; None: as `learning_rate`.
      beta_1, beta_2, epsilon: Adam's own.
      decay: `constant`; `exponential`: times `decay_rate` every `decay_steps` steps; `cosine` and `linear`:
        to `final_fraction` of the start over `decay_steps` steps.
      decay_rate: see `decay`.
      decay_steps: None: the whole training (told to `build_optimizer` by the trainer).
      final_fraction: see `decay`.
      warmup_steps: steps over which the step size rises linearly from 0.
      clip_norm: global norm above which gradients are scaled down.
    """

    name: Literal["lazy_adam", "adam"] = "lazy_adam"
    learning_rate: float = pydantic.Field(default=1e-3, gt=0)
    table_learning_rate: float | None = pydantic.Field(default=None, gt=0)
    beta_1: float = pydantic.Field(default=0.9, ge=0, lt=1)
    beta_2: float = pydantic.Field(default=0.999, ge=0, lt=1)
    epsilon: float = pydantic.Field(default=1e-7, gt=0)
    decay: Literal["constant", "exponential", "cosine", "linear"] = "constant"
    decay_rate: float = pydantic.Field(default=0.9, gt=0, le=1)
    decay_steps: int | None = pydantic.Field(default=None, ge=1)
    final_fraction: float = pydantic.Field(default=0.05, ge=0, le=1)
    warmup_steps: int = pydantic.Field(default=0, ge=0)
    clip_norm: float | None = pydantic.Field(default=None, gt=0)


class AutoDisSettings(Settings):
    """Settings of how AutoDis discretises numbers, see `models.layers.autodis.AutoDis`.

    Attributes:
      meta_embeddings: H, the buckets of a field.
      temperature: the lower, the more a number falls into one bucket alone.
      skip: share of the hidden layer that is added to the scores.
    """

    meta_embeddings: int = pydantic.Field(default=20, ge=1)
    temperature: float = pydantic.Field(default=0.1, gt=0)
    skip: float = pydantic.Field(default=0.5, ge=0)


class EmbeddingSettings(Settings):
    """Settings of how features become vectors.

    Attributes:
      dim: width `d` of every feature.
      dims: other widths, by table name.
      compositional: for tables too large to keep: rows of the remainders' table, by table name. A value's vector is
        then the product of its remainder's and its quotient's (Shi et al., Compositional Embeddings Using Complementary
        Partitions, KDD 2020): `m + rows / m` rows instead of `rows`, and still a vector of its own for every value.
      numeric: `scalar`: value * w, width 1; `vector`: value * w + b, width `d`; `autodis`: a mean of the field's
        meta-embeddings, width `d` (see `AutoDis`; its settings are `autodis`).
      numeric_start: w before training. 0 keeps a number silent until it has been seen to matter (rates are 0
        throughout the first day); 1 learns faster where all numbers vary from the start.
      initial_scale: scale of the tables' initial values.
      l2: penalty on the looked-up rows, averaged over the batch's rows, so that a table's cost in a step
        follows the look-ups and not its size. None is taken of the scenarios' vectors, those that ids of scenarios are
        looked up as: what scenarios have in common, and every gate on them, is read from how these lie.
      scenario_l2: the penalty on the scenarios' vectors, in place of `l2`.
      dropout: share of the embedded values set to 0 in training.
      id_dropout: share of look-ups in training that read row 0 (unknown) instead; trains that row and keeps
        the model from leaning on single ids. Never applied to the scenario.
    """

    dim: int = pydantic.Field(default=16, ge=1)
    dims: dict[str, int] = pydantic.Field(default_factory=dict)
    compositional: dict[str, Annotated[int, pydantic.Field(ge=1)]] = pydantic.Field(default_factory=dict)
    numeric: Literal["scalar", "vector", "autodis"] = "scalar"
    numeric_start: float = 0.0
    autodis: AutoDisSettings = AutoDisSettings()
    initial_scale: float = pydantic.Field(default=0.05, gt=0)
    l2: float = pydantic.Field(default=0.0, ge=0)
    scenario_l2: float = pydantic.Field(default=0.0, ge=0)
    dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)
    id_dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)

    def uniform(self) -> EmbeddingSettings:
        """Gives these settings for a model whose fields are all of width `dim`: numbers are vectors, too.

        Raises:
          ValueError: a table has a width of its own.
        """
        if self.dims:
            raise ValueError("embedding.dims: this model needs one width for all features: set embedding.dim alone")
        return self.model_copy(update={"numeric": "vector"}) if self.numeric == "scalar" else self


class ModelSettings(Settings):
    """Settings that any model has.

    Attributes:
      scenario_dropout: share of training rows whose scenario is read as unknown (row 0), which teaches the
        shared parts to serve a scenario that has no parameters of its own.
    """

    embedding: EmbeddingSettings = EmbeddingSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    scenario_dropout: float = pydantic.Field(default=0.0, ge=0, lt=1)
    l2: float = pydantic.Field(default=0.0, ge=0, description="penalty on the kernels of dense layers")

    @pydantic.model_validator(mode="before")
    @classmethod
    def _keep_defaults(cls, given: Any) -> Any:
        """What is said of the embedding or the optimizer leaves the model's own defaults for the rest of it."""
        if not isinstance(given, Mapping):
            return given
        parts = {}
        for name in ("embedding", "optimizer"):
            if isinstance(given.get(name), Mapping):
                default = cls.model_fields[name].default
                parts[name] = {**default.model_dump(exclude_unset=True), **given[name]}
        return {**given, **parts}
