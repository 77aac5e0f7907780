"""Scores examples with the candidate and what it is compared with, and computes TFMA results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.extractors import extractor, slice_key_extractor

from scenerank.components import storage
from scenerank.components.evaluator import metrics, ordinary
from scenerank.components.evaluator.gauc import GroupedAuc, grouped_auc
from scenerank.components.evaluator.user_groups import LeftOut
from scenerank.components.hashing import hash_column
from scenerank.components.records.evaluation import SERVED
from scenerank.components.scoring import ScoreBatches
from scenerank.components.shards import shards
from scenerank.schemas import Declaration

CALIBRATION_BINS = 20
_REQUEST, _SCENARIO, _LABEL = "_request", "_scenario", "_label"


def eval_config(declaration: Declaration, models: Iterable[str]) -> tfma.EvalConfig:
    """Overall and per scenario, each model; the served one is the baseline."""
    config = tfma.EvalConfig()
    for name in models:
        config.model_specs.add(
            name=name,
            label_key=declaration.label.name,
            prediction_key="probability",
            is_baseline=name == SERVED,
        )
    config.slicing_specs.add()
    config.slicing_specs.add(feature_keys=[declaration.scenario.name])
    spec = config.metrics_specs.add(model_names=list(models))
    spec.metrics.add(class_name="ClickMetrics", module=metrics.__name__)
    return config


class _ByScenario(beam.DoFn):
    """A scored RecordBatch -> one TFMA extract for each of its scenarios, holding arrays of its rows."""

    def __init__(self, scenario: str, label: str, models: tuple[str, ...]):
        self._scenario, self._label, self._models = scenario, label, models

    def process(self, batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
        codes = batch.column(self._scenario).dictionary_encode()
        index = codes.indices.to_numpy(zero_copy_only=False)
        order = np.argsort(index, kind="stable")
        bounds = np.searchsorted(index[order], np.arange(len(codes.dictionary) + 1))
        label = batch.column(self._label).to_numpy(zero_copy_only=False)[order]
        scores = {m: batch.column(m).to_numpy(zero_copy_only=False)[order] for m in self._models}
        for code, value in enumerate(codes.dictionary.to_pylist()):
            rows = slice(bounds[code], bounds[code + 1])
            predictions = {m: s[rows] for m, s in scores.items()}
            yield {
                constants.FEATURES_KEY: {self._scenario: np.array([value])},
                constants.LABELS_KEY: label[rows],
                constants.PREDICTIONS_KEY: predictions if len(predictions) > 1 else next(iter(predictions.values())),
                constants.EXAMPLE_WEIGHTS_KEY: np.ones(rows.stop - rows.start),
            }


def _requests(
    batch: pa.RecordBatch, request: str, scenario: str, label: str, models: tuple[str, ...], parts: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Splits what GAUC needs of a batch by a hash of its request, so that a request's rows meet.

    The hash stands for the request: 8 bytes instead of a text.
    """
    hashed = hash_column(batch.column(request))
    kept = [pa.array(hashed), batch.column(scenario).dictionary_encode(), batch.column(label).cast(pa.int8())]
    kept += [batch.column(model) for model in models]
    narrow = pa.RecordBatch.from_arrays(kept, [_REQUEST, _SCENARIO, _LABEL, *models])
    of = hashed % np.uint64(parts)
    for part in np.unique(of):
        yield int(part), narrow.filter(pa.array(of == part))


def _request_auc(
    keyed: tuple[int, Iterable[pa.RecordBatch]], models: tuple[str, ...]
) -> Iterator[tuple[tuple[str, str], tuple[int, GroupedAuc]]]:
    table = pa.Table.from_batches(list(keyed[1])).unify_dictionaries().combine_chunks()
    ids, labels = table.column(_REQUEST).to_numpy(), table.column(_LABEL).to_numpy()
    scenarios = table.column(_SCENARIO).chunk(0)
    index = scenarios.indices.to_numpy()
    for model in models:
        score = table.column(model).to_numpy()
        yield ("", model), (keyed[0], grouped_auc(ids, labels, score))
        for code, value in enumerate(scenarios.dictionary.to_pylist()):
            rows = index == code
            yield (str(value), model), (keyed[0], grouped_auc(ids[rows], labels[rows], score[rows]))


def _add_requests(key: tuple[str, str], parts: Iterable[tuple[int, GroupedAuc]]) -> dict[str, Any]:
    """The sum in the order of the parts: the same bits in whatever order workers end."""
    auc = sum((part for _, part in sorted(parts, key=lambda part: part[0])), GroupedAuc())
    return {"scenario": key[0], "model": key[1], **vars(auc)}


def _calibration(batch: pa.RecordBatch, label: str, models: tuple[str, ...]) -> Iterator[tuple[str, np.ndarray]]:
    """Rows, clicks and summed score by bin of the score's logit, `[CALIBRATION_BINS, 3]` a model."""
    labels = batch.column(label).to_numpy()
    for model in models:
        score = np.clip(batch.column(model).to_numpy().astype(np.float64), 1e-7, 1 - 1e-7)
        index = np.clip(
            ((np.log(score / (1 - score)) + 7) / 10 * CALIBRATION_BINS).astype(int), 0, CALIBRATION_BINS - 1
        )
        sums = [np.bincount(index, w, CALIBRATION_BINS) for w in (np.ones_like(score), labels, score)]
        yield model, np.stack(sums, axis=1)


def evaluate(
    pipeline: beam.Pipeline,
    files: list[str],
    models: dict[str, str],
    declaration: Declaration,
    output: str,
    batch_size: int,
) -> None:
    """Adds the evaluation to a Beam pipeline.

    Args:
      files: gzipped TFRecords of tf.Examples.
      models: SavedModel directories by name, `candidate` and perhaps `served` and `champion`.
      output: folder for TFMA's results, `gauc.json`, `jackknife.json`, `ordinary.json` and `calibration.json`.
    """
    names = tuple(models)
    scenario, label, request = declaration.scenario.name, declaration.label.name, declaration.request
    columns = [scenario, label, declaration.user.name, *ordinary.columns(declaration)]
    columns += [request.name] if request else []
    scored = (
        pipeline
        | "Files" >> beam.Create(files)
        | "Spread" >> beam.Reshuffle()
        | "Score" >> beam.ParDo(ScoreBatches(models, declaration, columns, batch_size))
    )
    config = eval_config(declaration, names)
    by_scenario = extractor.Extractor(
        "ByScenario", beam.ParDo(_ByScenario(scenario, label, names)).with_output_types(dict[str, Any])
    )
    slices = slice_key_extractor.SliceKeyExtractor(
        [tfma.slicer.SingleSliceSpec(spec=spec) for spec in config.slicing_specs]
    )
    _ = (
        scored
        | "Wrap" >> beam.Map(lambda batch: batch)
        | "Extract" >> by_scenario.ptransform
        | "Tfma"
        >> tfma.ExtractEvaluateAndWriteResults(
            eval_config=config,
            extractors=[slices],
            evaluators=tfma.default_evaluators(eval_config=config),
            output_path=output,
        )
    )
    if request:
        _ = (
            scored
            | "ByRequest" >> beam.FlatMap(_requests, request.name, scenario, label, names, shards(len(files)))
            | "GroupRequests" >> beam.GroupByKey()
            | "RequestAuc" >> beam.FlatMap(_request_auc, names)
            | "GroupGauc" >> beam.GroupByKey()
            | "AddRequests" >> beam.MapTuple(_add_requests)
            | "WriteGauc" >> _WriteJson(f"{output}/gauc.json")
        )
    left_out = scored | "ByUser" >> LeftOut(declaration, names, shards(len(files)))
    _ = left_out | "WriteJackknife" >> _WriteJson(f"{output}/jackknife.json")
    _ = (
        scored
        | "Ordinary" >> beam.Map(ordinary.sums, declaration, names)
        | "SumOrdinary" >> beam.CombineGlobally(_AddTables())
        | "Corrected" >> beam.FlatMap(lambda table: ordinary.calibration(table, names) if table else ())
        | "WriteOrdinary" >> _WriteJson(f"{output}/ordinary.json")
    )
    _ = (
        scored
        | "Bins" >> beam.FlatMap(_calibration, label, names)
        # functions may combine, which Beam's annotation leaves out
        | "SumBins" >> beam.CombinePerKey(lambda parts: sum(parts, np.zeros((CALIBRATION_BINS, 3))))  # type: ignore[arg-type]
        | "BinRow" >> beam.MapTuple(lambda model, sums: {"model": model, "bins": sums.tolist()})
        | "WriteBins" >> _WriteJson(f"{output}/calibration.json")
    )


class _AddTables(beam.CombineFn):
    """Small tables of sums -> their sum, None of none."""

    def create_accumulator(self) -> list[pa.Table]:
        return []

    def add_input(self, accumulator: list[pa.Table], element: pa.Table) -> list[pa.Table]:
        return [*accumulator, element]

    def merge_accumulators(self, accumulators: Iterable[list[pa.Table]]) -> list[pa.Table]:
        return [table for tables in accumulators for table in tables]

    def compact(self, accumulator: list[pa.Table]) -> list[pa.Table]:
        return [ordinary.add(accumulator)] if len(accumulator) > 1 else accumulator

    def extract_output(self, accumulator: list[pa.Table]) -> pa.Table | None:
        return ordinary.add(accumulator) if accumulator else None


class _WriteJson(beam.PTransform):
    """A few small dicts -> one file with their list, in a stable order."""

    def __init__(self, path: str):
        super().__init__()
        self._path = path

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        def write(found: list[dict[str, Any]], path: str) -> None:
            storage.write(path, json.dumps(sorted(found, key=lambda row: json.dumps(row, sort_keys=True))))

        return rows | beam.combiners.ToList() | beam.Map(write, self._path)
