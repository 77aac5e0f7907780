"""The systems that multi-scenario models are compared with: one model a file."""
