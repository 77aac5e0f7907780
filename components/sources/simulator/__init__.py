"""A simulated travel platform whose truth is known: logs, true click probabilities and unbiased logs."""

from components.sources.simulator.oracle import oracle_auc
from components.sources.simulator.settings import Settings, SimulationError
from components.sources.simulator.simulate import simulate

__all__ = ["Settings", "SimulationError", "oracle_auc", "simulate"]
