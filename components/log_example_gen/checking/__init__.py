"""Rows as declared, and what becomes of those that are not."""
