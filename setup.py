"""Packaging of scenerank."""

import pathlib
import re

import setuptools


def requirements() -> dict[str, list[str]]:
    """Requirements by extra, as `requirements.in` heads them; what every installation has under the empty name."""
    sections: dict[str, list[str]] = {}
    for line in pathlib.Path(__file__).with_name("requirements.in").read_text().splitlines():
        if heading := re.match(r"# \[(.*)\]", line):
            sections[heading[1]] = section = []
        elif requirement := line.partition("#")[0].strip():
            section.append(requirement)
    return sections


REQUIRED = requirements()
CUDA = ["tensorflow[and-cuda]"]
EXTRAS = {name: listed for name, listed in REQUIRED.items() if name not in ("", "development")}
FLOORS = ("schemas", "models", "components", "pipeline")
INSIDE = [f"{name}{below}" for name in FLOORS for below in ("", ".*")]
"""Folders at the top of the repository, installed as `scenerank.schemas` and so on: the bare names are everybody's."""

setuptools.setup(
    name="scenerank",
    version="0.1.0",
    description="A TensorFlow/Keras production training pipeline for multi-scenario click-through-rate ranking.",
    long_description=pathlib.Path(__file__).with_name("README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    packages=["scenerank", *(f"scenerank.{name}" for name in setuptools.find_packages(include=INSIDE))],
    package_dir={"scenerank": "scenerank", **{f"scenerank.{name}": name for name in FLOORS}},
    package_data={
        "scenerank.schemas": ["*.yaml"],
        "scenerank.pipeline": ["configs/*.yaml", "*/*.html", "*/*.json"],
    },
    python_requires=">=3.10,<3.14",
    install_requires=REQUIRED[""],
    extras_require={**EXTRAS, "all": sorted({one for listed in EXTRAS.values() for one in listed}), "cuda": CUDA},
    entry_points={"console_scripts": ["scenerank=scenerank.pipeline.cli.main:main"]},
)
