"""Training of any registered model: data, full and incremental training, early stopping, checkpoints, export."""
