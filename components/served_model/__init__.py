"""The model in service at the start of a day's run, as an artifact."""
