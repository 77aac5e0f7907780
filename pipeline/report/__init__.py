"""The report of a day's run: one self-contained page."""
