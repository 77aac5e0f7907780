"""Measurements, by what is measured: the daily run, the models, larger scales."""
