"""The Beam side: sum each file, merge by key, find the coefficients, make the table, write the files again.

files ─► sum ─► by shard of item ─► raw coefficients ─► mean 1, clipped ─► table
           └► sums of scenarios ─ to all ─┘   └ weights ─ to all ─┘  └► by file ─► files with coefficients

An element is a file name or a RecordBatch of sums. Files are the unit of work, since theirs is the order of
records that the output keeps; a worker holds the pairs of one file, or of one shard, and never the day's.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scenerank.components import storage
from scenerank.components.fairness_coefficient import aggregation, earlier, normalisation, shares
from scenerank.components.fairness_coefficient.exposure import Moments, Priors, Totals
from scenerank.components.fairness_coefficient.files import FILE, TOTALS, AppendFairness, SumFile
from scenerank.components.fairness_coefficient.lookup import FairnessLookup
from scenerank.components.fairness_coefficient.settings import FairnessSettings
from scenerank.components.shards import shards
from scenerank.errors import DataError
from scenerank.schemas.declaration import Declaration

WEIGHTS, PARTS = "weights", "parts"
LOOKED_UP = [*aggregation.KEYS, "fc"]
Shard = tuple[int, Iterable[pa.RecordBatch]]
Known = tuple[list[str], Totals]


def add_totals(parts: list[tuple[str, pa.RecordBatch]], day: str) -> pa.RecordBatch:
    """Sums of each scenario over all files, in the order of the files: the same bits on one worker and on many.

    Raises:
      DataError: there was not one impression.
    """
    if not parts:
        raise DataError(f"day {day} has no examples: check its logs and its quarantine")
    batches = [batch for _, batch in sorted(parts, key=lambda part: part[0])]
    return aggregation.as_batch(aggregation.totals(pa.Table.from_batches(batches)))


def _today(batches: Sequence[pa.RecordBatch]) -> tuple[list[pa.RecordBatch], pa.Table | None]:
    """Today's batches, one a file, and their sum; None where the shard has none."""
    files = [batch for batch in batches if FILE in (batch.schema.metadata or {})]
    parts = [pa.Table.from_batches([batch.replace_schema_metadata()]) for batch in files]
    return files, aggregation.merge(parts) if parts else None


def _moments(element: Shard, known: Known) -> tuple[int, Moments]:
    shard, batches = element[0], list(element[1])
    found, _ = earlier.of_shard(batches, _today(batches)[1], known)
    return shard, found.moments()


class RawCoefficients(beam.DoFn):
    """A shard's sums -> (shard, table, keys by file); beside it (shard, its scenarios' weights).

    Args:
      numerator: column of F, see `shares`; None: what the days before tell, see `exposure`.
      prior: of a numerator that is counted.
    """

    def __init__(self, numerator: str | None, prior: float):
        self._numerator, self._prior = numerator, prior

    def process(
        self, element: Shard, totals: pa.RecordBatch, known: Known | None = None, priors: Priors | None = None
    ) -> Iterator[Any]:
        shard, batches = element[0], list(element[1])
        files, sums = _today(batches)
        if sums is None:
            return
        prior = self._prior
        if self._numerator is not None:
            raw = shares.raw_coefficients(sums, pa.Table.from_batches([totals]), self._numerator)
        elif known is not None and priors is not None:
            found, places = earlier.of_shard(batches, sums, known)
            raw = found.expected(priors)[places[-1]] / sums["impressions"].to_numpy()
            prior = priors.day
        else:
            raw = np.full(sums.num_rows, np.nan)
        drawn = normalisation.drawn(sums, raw, prior)
        yield beam.pvalue.TaggedOutput(WEIGHTS, (shard, aggregation.as_batch(normalisation.weights(drawn))))
        yield shard, aggregation.as_batch(drawn), files


def _add_weights(parts: list[tuple[int, pa.RecordBatch]]) -> pa.RecordBatch:
    ordered = pa.Table.from_batches([batch for _, batch in sorted(parts, key=lambda part: part[0])])
    return aggregation.as_batch(normalisation.weights(ordered))


class Coefficients(beam.DoFn):
    """What `RawCoefficients` gives -> (file, coefficients of its pairs); beside it (shard, part of the table)."""

    def __init__(self, aside: str, day: str, settings: FairnessSettings):
        self._aside, self._day, self._settings = aside, day, settings

    def process(
        self, element: tuple[int, pa.RecordBatch, list[pa.RecordBatch]], weights: pa.RecordBatch
    ) -> Iterator[Any]:
        shard, drawn, files = element
        made = normalisation.fairness_table(
            pa.Table.from_batches([drawn]), pa.Table.from_batches([weights]), self._day, self._settings
        )
        part = f"{self._aside}/table/{uuid.uuid4().hex}"
        with storage.open_output(part) as target:
            pq.write_table(made, target)
        yield beam.pvalue.TaggedOutput(PARTS, (shard, part))
        lookup = FairnessLookup(made)
        for batch in files:
            fc = pa.array(lookup(*(batch.column(key) for key in aggregation.KEYS)))
            answer = pa.RecordBatch.from_arrays([*(batch.column(key) for key in aggregation.KEYS), fc], LOOKED_UP)
            yield batch.schema.metadata[FILE].decode(), answer


def write_table(parts: list[tuple[int, str]], path: str) -> None:
    """Writes the day's table, a row group a shard: held in memory is one of them."""
    schema = None
    with contextlib.ExitStack() as stack:
        for _, part in sorted(parts):
            with storage.open_input(part) as source:  # a `day=` in a path would become a column
                found = pq.read_table(source)
            if schema is None:
                schema = found.schema
                target = stack.enter_context(storage.open_output(path))
                writer = stack.enter_context(pq.ParquetWriter(target, schema))
            writer.write_table(found)


def fairness_graph(
    pipeline: beam.Pipeline,
    files: list[str],
    model_uri: str | None,
    tables: Sequence[tuple[str, str]],
    table: str,
    folder: str,
    aside: str,
    day: str,
    declaration: Declaration,
    settings: FairnessSettings,
) -> beam.PCollection:
    """Adds the whole computation to `pipeline`; gives the paths of the files written.

    Args:
      files: TFRecord files of tf.Examples.
      model_uri: SavedModel for numerator `score`; None: every coefficient is 1.
      tables: days before and the paths of their tables, for numerator `exposure`; none: every coefficient is 1.
      table: path of the Parquet file to write.
      folder: where the files go, under the names that they have.
      aside: folder for unfinished files, on the same file system.
    """
    numerator, scores = None, None
    if declaration.intervention is not None:
        numerator = shares.FLAG
    elif settings.numerator == "score" and model_uri is not None:
        numerator, scores = shares.SCORE, model_uri
    paths = pipeline | "Files" >> beam.Create(files, reshuffle=True)
    count = shards(len(files))
    summed = paths | "Sum" >> beam.ParDo(SumFile(scores, declaration, count)).with_outputs(TOTALS, main="sums")
    totals = summed[TOTALS] | "Totals" >> beam.combiners.ToList() | "AddTotals" >> beam.Map(add_totals, day)
    sides: dict[str, Any] = {"totals": beam.pvalue.AsSingleton(totals)}
    sums = summed.sums
    looks_back = numerator is None and settings.numerator == "exposure" and tables
    if looks_back:
        read = (
            pipeline
            | "Days" >> beam.Create(list(tables), reshuffle=True)
            | "Earlier" >> beam.ParDo(earlier.ReadEarlier(count)).with_outputs(earlier.TOTALS, main="counts")
        )
        sums = (sums, read.counts) | "Beside" >> beam.Flatten()
        known = totals | "LayOut" >> beam.Map(earlier.lay_out, beam.pvalue.AsList(read[earlier.TOTALS]))
        sides["known"] = beam.pvalue.AsSingleton(known)
    grouped = sums | "ByKey" >> beam.GroupByKey()
    if looks_back:
        moments = grouped | "Moments" >> beam.Map(_moments, known=sides["known"])
        priors = (
            moments
            | "AllMoments" >> beam.combiners.ToList()
            | "Priors" >> beam.Map(earlier.add_moments, settings.prior)
        )
        sides["priors"] = beam.pvalue.AsSingleton(priors)
    raw = grouped | "Raw" >> beam.ParDo(RawCoefficients(numerator, settings.prior or 0.0), **sides).with_outputs(
        WEIGHTS, main="drawn"
    )
    weights = raw[WEIGHTS] | "Weights" >> beam.combiners.ToList() | "AddWeights" >> beam.Map(_add_weights)
    found = raw.drawn | "Coefficients" >> beam.ParDo(
        Coefficients(aside, day, settings), beam.pvalue.AsSingleton(weights)
    ).with_outputs(PARTS, main="answers")
    _ = found[PARTS] | "Parts" >> beam.combiners.ToList() | "Table" >> beam.Map(write_table, table)
    # A file without a record asks for nothing, and is written all the same.
    every = paths | "Every" >> beam.Map(lambda path: (path, None))
    return (
        (every, found.answers)
        | "Answers" >> beam.Flatten()
        | "ByFile" >> beam.GroupByKey()
        | "Append" >> beam.ParDo(AppendFairness(folder, aside, declaration))
    )
