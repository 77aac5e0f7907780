"""A simulated travel platform whose truth is known: logs, true click probabilities and unbiased logs."""

from scenerank.errors import ConfigurationError
from scenerank.pipeline.sources.simulator.oracle import oracle_auc
from scenerank.pipeline.sources.simulator.settings import Settings
from scenerank.pipeline.sources.simulator.simulate import simulate

__all__ = ["Settings", "ConfigurationError", "oracle_auc", "simulate"]
