"""Which extra of the package brings a module that is not installed."""

from __future__ import annotations

import importlib.metadata
import re

DISTRIBUTIONS = {
    "google": "tensorflow-serving-api",
    "grpc": "grpcio",
    "sklearn": "scikit-learn",
    "tensorflow_serving": "tensorflow-serving-api",
}
"""Of modules that are called otherwise than what we depend on to have them."""


def advice(error: ModuleNotFoundError) -> str | None:
    """What to install for a module of somebody else's; None if no extra has it.

    A module that several extras have is advised by the first of them, as `requirements.in` lists them.
    """
    module = (error.name or "").partition(".")[0]
    wanted = _plain(DISTRIBUTIONS.get(module, module))
    for requirement in importlib.metadata.requires("scenerank") or ():
        name, _, marker = requirement.partition(";")
        extra = re.search(r"extra == [\"']([\w-]+)[\"']", marker)
        if extra and _plain(re.split(r"[^\w.-]", name.strip())[0]) == wanted:
            return f"this needs {module}, which is not installed: pip install 'scenerank[{extra[1]}]'"
    return None


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
