"""Errors that a person can mend, told apart from failures of the program."""


class DataRefused(ValueError):
    """Input that may not go further: one sentence that says what, where, and what to do."""
