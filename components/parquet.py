"""Parquet files that others wrote. Since `components` is imported a column's type that holds code is an error, and not
run, whatever reads it; here the error becomes a sentence."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def open_parquet(source: Any, **options: Any) -> pq.ParquetFile:
    """A file to be read; source and options are those of `pyarrow.parquet.ParquetFile`.

    Raises:
      pyarrow.ArrowInvalid: it is no Parquet, or a column's type is an object pickled in Python, which reading would
        run (CVE-2023-47248).
    """
    try:
        return pq.ParquetFile(source, **options)
    except RuntimeError as error:
        if "arrow.py_extension_type" not in str(error):
            raise
        raise pa.ArrowInvalid("a column's type holds Python code, which is not run: write it as a plain type") from None
