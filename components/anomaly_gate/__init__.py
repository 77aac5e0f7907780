"""Stops a run whose data look wrong."""
