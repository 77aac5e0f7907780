"""The daily run: its graph, and how it is run on this machine."""
