"""The one exception of ingestion."""

from components.errors import DataRefused


class IngestError(DataRefused):
    """A day's logs are refused; the message is one sentence: what, where, what to do."""


def one_line(error: BaseException, limit: int = 160) -> str:
    """The message of a library's exception, fit for the middle of a sentence."""
    text = " ".join(str(error).split()).rstrip(".")
    return text if len(text) <= limit else text[: limit - 3] + "..."
