"""What is learned: Keras layers, one model a file, and the registry. Knows nothing of TFX or Beam."""

from models import keras_setup  # isort: skip

__all__ = ["keras_setup"]
