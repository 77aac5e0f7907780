"""Packaging of scenerank."""

import pathlib

import setuptools

setuptools.setup(
    name="scenerank",
    version="0.1.0",
    description="A TensorFlow/Keras production training pipeline for multi-scenario click-through-rate ranking.",
    long_description=pathlib.Path(__file__).with_name("README.md").read_text(),
    long_description_content_type="text/markdown",
    packages=setuptools.find_packages(
        include=[f"{p}{s}" for p in ("pipeline", "components", "models", "schemas") for s in ("", ".*")]
    ),
    package_data={
        "schemas": ["*.yaml"],
        "pipeline": ["configs/*.yaml"],
        "components": ["report/*.html", "report/*.json"],
    },
    python_requires=">=3.10,<3.11",
    install_requires=pathlib.Path(__file__)
    .with_name("requirements.in")
    .read_text()
    .split("# development")[0]
    .split("\n"),
    extras_require={"cuda": ["tensorflow[and-cuda]"]},
    entry_points={"console_scripts": ["scenerank=pipeline.cli:main"]},
)
