"""Daily training of click-through-rate models over many scenarios.

Its sub-packages lie beside this folder in the repository: `schemas`, `models`, `components`, `pipeline`, each of which
imports those before it. Whatever of them is imported first, this prepares the process.

`TF_USE_LEGACY_KERAS=1` makes `tf.keras` the package `tf_keras`, which tensorflow-recommenders, TFT and
ParameterServerStrategy need; TensorFlow reads it when it is imported.

glibc returns every freed block of tensor size to the system and asks for zeroed pages again at the next step,
which on a CPU costs a third to a half of a train step; told to keep them, it does not.
"""

import ctypes
import os
from typing import Any

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h

os.environ["TF_USE_LEGACY_KERAS"] = "1"

if hasattr(ctypes.CDLL(None), "mallopt"):
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 30)
    ctypes.CDLL(None).mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def __getattr__(name: str) -> Any:
    """Artifact types by their `TYPE_NAME`, `scenerank.Verdict`, by which containers of a pipeline look for them."""
    if name in (
        "DayFindings",
        "DayProfile",
        "FairnessTable",
        "PublishedDay",
        "Quarantine",
        "TrainingWeights",
        "Verdict",
    ):
        from scenerank.components import artifacts

        return getattr(artifacts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
