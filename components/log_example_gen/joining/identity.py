"""Which rows are one, which are deliveries of one impression, and which impressions are of one request.

`_row` is a hash over all columns of a log row: rows are exact duplicates where user, time and that hash agree.
`_event` is a hash of what all deliveries of an impression share (`Declaration.event_key`); of these the one counts that
tells most (`_rank`). `_request` is a hash of the user and the request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from scenerank.components import hashing
from scenerank.components.hashing import numpy_of
from scenerank.schemas.columns import Column
from scenerank.schemas.declaration import Declaration

ROW_HASH, EVENT, RANK, REQUEST = "_row", "_event", "_rank", "_request"
_TIMES = np.int64(1) << 54


def identity(batch: pa.RecordBatch, hashes: Mapping[str, np.ndarray], declaration: Declaration) -> dict[str, pa.Array]:
    """The columns above of checked rows; `_event` and `_rank`, and `_request`, only where they are declared.

    Args:
      hashes: uint64 `[N]` of each column.
    """
    row = hashing.combine(list(hashes.values()))
    found = {ROW_HASH: pa.array(row)}
    if key := declaration.event_key:
        found[EVENT] = pa.array(_shared(key, batch, hashes, row))
        found[RANK] = pa.array(_rank(batch, declaration))
    if (request := declaration.request) is not None:
        found[REQUEST] = pa.array(_shared([request, declaration.user], batch, hashes, row))
    return found


def columns_of(declaration: Declaration) -> list[str]:
    """Names of the columns that `identity` yields."""
    events = [EVENT, RANK] if declaration.event_key else []
    return [ROW_HASH, *events, *([REQUEST] if declaration.request else [])]


def _shared(
    columns: Sequence[Column], batch: pa.RecordBatch, hashes: Mapping[str, np.ndarray], row: np.ndarray
) -> np.ndarray:
    """One hash of several columns; a row without one of them shares it with none."""
    alone = np.logical_or.reduce([hashing.is_null(batch.column(column.name)) for column in columns])
    return np.where(alone, row, hashing.combine([hashes[column.name] for column in columns]))


def _rank(batch: pa.RecordBatch, declaration: Declaration) -> np.ndarray:
    """int64 `[N]`, the greater, the more has happened, and of equally much, the later."""
    happened = np.zeros(batch.num_rows, np.int64)
    for column in declaration.happenings:
        happened += numpy_of(batch.column(column.name)) == 1
    return happened * (2 * _TIMES) + np.clip(numpy_of(batch.column(declaration.time.name)), 1 - _TIMES, _TIMES - 1)


def best(event: np.ndarray, rank: np.ndarray, row: np.ndarray) -> np.ndarray:
    """bool `[N]`, the rows of each event's delivery of highest rank; of equal ones that with the greatest hash."""
    order = np.lexsort((row, rank, event))
    last = np.append(event[order][1:] != event[order][:-1], True) if len(order) else np.zeros(0, bool)
    of_event = np.cumsum(np.append(0, last[:-1])) if len(order) else np.zeros(0, np.int64)
    chosen = row[order][last][of_event]
    kept = np.empty(len(order), bool)
    kept[order] = row[order] == chosen
    return kept


def of_best(batch: pa.RecordBatch | pa.Table) -> np.ndarray:
    """bool `[N]`, rows that no other delivery of their impression outranks; all where no events are told apart."""
    if EVENT not in batch.schema.names:
        return np.ones(batch.num_rows, bool)
    return best(*(batch.column(name).to_numpy() for name in (EVENT, RANK, ROW_HASH)))


def without_outranked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows that no other delivery of their impression outranks; the batch itself where that is all of them."""
    kept = of_best(batch)
    return batch if kept.all() else batch.filter(pa.array(kept))


def asked(day: pa.RecordBatch, earlier: pa.RecordBatch, declaration: Declaration) -> np.ndarray:
    """int64 `[N]`, when the request of each impression of the day was made: the earliest time of its rows.

    Args:
      earlier: rows of the days before that may be of the same requests.
    """
    time = numpy_of(day.column(declaration.time.name))
    if declaration.request is None:
        return time
    requests = [numpy_of(part.column(REQUEST)) for part in (day, earlier)]
    times = np.concatenate([time, numpy_of(earlier.column(declaration.time.name))])
    distinct, of = np.unique(np.concatenate(requests), return_inverse=True)
    first = np.full(len(distinct), np.iinfo(np.int64).max)
    np.minimum.at(first, of, times)
    return first[of[: len(time)]]
