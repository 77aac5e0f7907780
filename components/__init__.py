"""The TFX components of the daily run, and what they are made of.

Legacy Keras is chosen here already, for some libraries of TFX load `tf.keras` when they are imported; see
`models.keras_setup`.
"""

import os
from typing import Any

import pyarrow_hotfix  # noqa: F401  (whatever reads Parquet passes here first, see `components.parquet`)

os.environ["TF_USE_LEGACY_KERAS"] = "1"


def __getattr__(name: str) -> Any:
    """Artifact types by their `TYPE_NAME`, `components.Verdict`, by which containers of a pipeline look for them."""
    if name in ("FairnessTable", "PublishedDay", "Quarantine", "TrainingWeights", "Verdict"):
        from components import artifacts

        return getattr(artifacts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
