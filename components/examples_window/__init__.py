"""The published days that a model learns from and is judged on."""
