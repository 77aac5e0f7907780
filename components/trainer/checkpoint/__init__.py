"""What trainings leave for one another: weights, moments, where they come from."""
