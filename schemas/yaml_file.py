"""YAML that others wrote: plain values alone, and no more of them than a person writes."""

from __future__ import annotations

import pathlib
from typing import Any

import yaml

LARGEST = 1 << 20
"""Bytes of a file."""
MOST = 100_000
"""Values of a file, each as often as aliases repeat it: ten lines of aliases of aliases would be billions."""


def parse_yaml(text: str) -> Any:
    """What a text holds.

    Raises:
      yaml.YAMLError: it is no YAML, names types of a programming language, or unfolds to more than `MOST` values.
    """
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        if _unfolded(root, {}) > MOST:
            raise yaml.YAMLError(f"it unfolds to more than {MOST:,} values: write it without aliases of aliases")
        return loader.construct_document(root)
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply, or within itself: write it flat") from None


def read_yaml(path: pathlib.Path) -> Any:
    """What a file holds.

    Raises:
      OSError: it cannot be read.
      yaml.YAMLError: as `parse_yaml`, or it is larger than `LARGEST`, or no text.
    """
    if path.stat().st_size > LARGEST:
        raise yaml.YAMLError(f"it has more than {LARGEST:,} bytes")
    try:
        return parse_yaml(path.read_text())
    except UnicodeDecodeError as error:
        raise yaml.YAMLError(f"it is no text ({error.reason} at byte {error.start})") from None


def _unfolded(node: yaml.Node, known: dict[int, int]) -> int:
    """Values below a node, repeated ones again."""
    if id(node) not in known:
        parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + (0 if isinstance(parts, str) else sum(_unfolded(part, known) for part in parts))
    return known[id(node)]
