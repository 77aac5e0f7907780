"""What `make figures-models` measures: accuracy, speed and conformance of all models."""
