"""Training itself: in step, or over parameter servers."""
