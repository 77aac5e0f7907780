"""What is learned: Keras layers, one model a file, and the registry. Knows nothing of TFX or Beam."""

from scenerank.models.compat import leave_keras_unconverted

leave_keras_unconverted()
