"""Training of any registered model: data, warm start, early stopping, checkpoints, export."""
