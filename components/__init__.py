"""The TFX components of the daily run, and what they are made of.

Legacy Keras is chosen here already, for some libraries of TFX load `tf.keras` when they are imported; see
`models.keras_setup`.
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
