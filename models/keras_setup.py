"""The one place that chooses legacy Keras; runs before any other module of ours imports TensorFlow.

`TF_USE_LEGACY_KERAS=1` makes `tf.keras` the package `tf_keras`, which tensorflow-recommenders, TFT and
ParameterServerStrategy need. Autograph would convert all of tf_keras on the first call (30 s instead of 2 s);
a rule at the head of its list leaves that package alone, while layers of ours are still converted.
"""

from __future__ import annotations

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

from tensorflow.python.autograph.core import config as _autograph

if not any(getattr(rule, "_prefix", None) == "tf_keras" for rule in _autograph.CONVERSION_RULES):
    _autograph.CONVERSION_RULES = (_autograph.DoNotConvert("tf_keras"), *_autograph.CONVERSION_RULES)
