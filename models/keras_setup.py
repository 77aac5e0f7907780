"""The one place that chooses legacy Keras; runs before any other module of ours imports TensorFlow.

`TF_USE_LEGACY_KERAS=1` makes `tf.keras` the package `tf_keras`, which tensorflow-recommenders, TFT and
ParameterServerStrategy need. Autograph would convert all of tf_keras on the first call (30 s instead of 2 s);
a rule at the head of its list leaves that package alone, while layers of ours are still converted.

glibc returns every freed block of tensor size to the system and asks for zeroed pages again at the next step,
which on a CPU costs a third to a half of a train step; told to keep them, it does not.
"""

from __future__ import annotations

import ctypes
import os

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h

if hasattr(ctypes.CDLL(None), "mallopt"):
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 1 << 30)
    ctypes.CDLL(None).mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)

os.environ["TF_USE_LEGACY_KERAS"] = "1"

from tensorflow.python.autograph.core import config as _autograph  # noqa: E402

if not any(getattr(rule, "_prefix", None) == "tf_keras" for rule in _autograph.CONVERSION_RULES):
    _autograph.CONVERSION_RULES = (_autograph.DoNotConvert("tf_keras"), *_autograph.CONVERSION_RULES)
