"""Puts a checked day where later runs find it."""
