"""The TFX components of the daily run, and what they are made of."""

from scenerank.components import compat  # noqa: F401  (whatever reads Parquet passes here first, see `components.parquet`)
