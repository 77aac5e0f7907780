"""How ingestion reads a file's rows and casts their values, for others who read files of rows; needs no Beam."""

from __future__ import annotations

from scenerank.components.log_example_gen.checking.casting import Cast, as_binary, cast
from scenerank.components.log_example_gen.checking.checks import as_text, faults
from scenerank.components.log_example_gen.reading.formats import (
    BOM,
    FORMATS,
    UNREADABLE,
    Format,
    csv_names,
    format_of,
    head_of,
    once,
    open_text,
)
from scenerank.components.log_example_gen.reading.json_lines import read_json_lines
from scenerank.components.log_example_gen.reading.json_rows import JsonError, parted
from scenerank.components.log_example_gen.reading.reader import read_csv

__all__ = [
    "BOM",
    "FORMATS",
    "UNREADABLE",
    "Cast",
    "Format",
    "JsonError",
    "as_binary",
    "as_text",
    "cast",
    "csv_names",
    "faults",
    "format_of",
    "head_of",
    "once",
    "open_text",
    "parted",
    "read_csv",
    "read_json_lines",
]
