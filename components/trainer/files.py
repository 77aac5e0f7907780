"""Files that a reader in another process never sees half of."""

from __future__ import annotations

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)

import tensorflow as tf  # isort: skip


def replace_file(path: str, content: str | bytes) -> None:
    """Writes a file in one step, on whatever file system `path` names."""
    with tf.io.gfile.GFile(f"{path}.aside", "w" if isinstance(content, str) else "wb") as stream:
        stream.write(content)
    tf.io.gfile.rename(f"{path}.aside", path, overwrite=True)
