"""What a pipeline is called on a cluster, and where it works."""

from __future__ import annotations

import re

from scenerank.errors import ConfigurationError
from scenerank.pipeline.config import Config


def name_of(config: Config) -> str:
    """Name of the pipeline, of its runs and of what belongs to them, as Kubernetes allows names."""
    return f"scenerank-{allowed(config.declared.name)}"


def allowed(text: str) -> str:
    """`text` in the letters that Kubernetes allows in names."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def workspace_of(config: Config, given: str | None = None) -> str:
    """URI of the workspace that containers see: `given`, or else `cluster.workspace`.

    Raises:
      ConfigurationError: there is neither.
    """
    found = given or config.cluster.workspace
    if not found:
        raise ConfigurationError("cluster.workspace: not set; give the URI that all containers see, or use --workspace")
    return found.rstrip("/")
