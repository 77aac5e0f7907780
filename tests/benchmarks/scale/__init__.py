"""Figures of the pipeline beyond one machine."""
