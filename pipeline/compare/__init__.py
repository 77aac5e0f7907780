"""Comparison of models under one protocol: same split, same features, same budget."""
