"""What is served: the SavedModel and its warm-up requests."""
