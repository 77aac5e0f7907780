"""Renews documents: those named, or all."""

from __future__ import annotations

import pathlib
import sys

from scenerank.pipeline.reference.documents import documents, renewed

for path in [pathlib.Path(name) for name in sys.argv[1:]] or documents():
    path.write_text(renewed(path.read_text()))
