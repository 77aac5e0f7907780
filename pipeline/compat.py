"""What differs between the platforms (the client of Kubeflow Pipelines), and what TFX keeps to itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Interface:
    """A part of the service's generated interface; from 2.4 on its methods begin with the service's name.

    `list_pipelines` of a `PipelineServiceApi` is that, or `pipeline_service_list_pipelines`. Bodies, whose names
    differ, too, are given by position.
    """

    def __init__(self, api: Any):
        self.api = api

    def __getattr__(self, name: str) -> Callable[..., Any]:
        (found,) = [known for known in dir(self.api) if known == name or known.endswith(f"_service_{name}")]
        return getattr(self.api, found)


def launched_node(launcher: Any) -> str:
    """Name of the component that a TFX launcher is made for; only the launcher knows, and does not tell."""
    return launcher._pipeline_node.node_info.id
