"""Parquet files that others wrote. Since `components` is imported a column's type that holds code is an error, and not
run, whatever reads it; here the error becomes a sentence."""

from __future__ import annotations

import warnings
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

PICKLED = "arrow.py_extension_type"
"""Name of a type that is an object pickled in Python; newer releases of pyarrow read its storage, older ones ran it."""


def open_parquet(source: Any, **options: Any) -> pq.ParquetFile:
    """A file to be read; source and options are those of `pyarrow.parquet.ParquetFile`.

    Raises:
      pyarrow.ArrowInvalid: it is no Parquet, or a column's type is an object pickled in Python, which reading would
        run (CVE-2023-47248).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # newer pyarrow's, of what is refused below
            file = pq.ParquetFile(source, **options)
        holds_code = any(getattr(field.type, "extension_name", None) == PICKLED for field in file.schema_arrow)
    except RuntimeError as error:
        if not (holds_code := PICKLED in str(error)):
            raise
    if holds_code:
        raise pa.ArrowInvalid("a column's type holds Python code, which is not run: write it as a plain type")
    return file
