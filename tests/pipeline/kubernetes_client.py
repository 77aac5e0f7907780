"""Manifests as the models of Kubernetes' own client have them."""

from __future__ import annotations

import json
import types
from typing import Any

from kubernetes import client


def typed(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest, read into the model of its kind and written again: what the model does not know is left out.

    Raises:
      ValueError: a field that must be there is not, or a value is of another type.
    """
    version = manifest["apiVersion"].rpartition("/")[2]
    api = client.ApiClient()
    model = api.deserialize(types.SimpleNamespace(data=json.dumps(manifest)), f"{version.title()}{manifest['kind']}")
    return api.sanitize_for_serialization(model)
