"""The SavedModel that TF Serving loads.

Signatures:
  serving_default: `examples`, string `[B]`: serialized tf.Examples.
  predict: the raw columns by name, `[B]`; histories `[B, L]`, oldest first and padded with anything at the end;
    `history_length` int64 `[B]` says how much is real.
  rank: the columns of R requests `[R]`, mostly one, histories `[R, L]`, and those of their candidates `[R, N]`, see
    `ranking`.
The first two give `probability` float32 `[B]` and `scenario` `[B]`, the raw value as it came; `rank` gives
`probability` and the `item`, `[R, N]`, in the order of the candidates.

What the model derives from weights alone is computed ahead (`models.layers.folding`). Variables stay variables: as
constants, large tables excepted, they made 500 rows 1.0 to 1.05 times as fast and one row 1.1 to 1.2 times, by private
functions of TensorFlow only (`export_frozen_speedup`); it optimizes the graph by itself when it is loaded.

Each scenario's intercept, where there are such (`components.export.intercepts`), is a constant of the graph.

The transform graph is inside; an absent optional column of an example takes its declared default, an absent history
is empty. What ingestion would have refused is refused (`components.export.checks`). The saved object holds the serving
model's weights and the transform's tables and nothing else: the model of training, its labels, weights and Fairness
Coefficients are not reachable from it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from scenerank.components.export.checks import after, check_histories, check_lists, check_rows, ragged_histories
from scenerank.components.export.ranking import Columns, rank_signature, ranking_inputs
from scenerank.components.transform import raw
from scenerank.components.transform.example_reader import ExampleReader
from scenerank.components.transform.graph import TransformGraph
from scenerank.models.base import RankingModel, input_signature
from scenerank.schemas import HISTORY_LENGTH, Declaration

EXAMPLES, PREDICT, RANK = "serving_default", "predict", "rank"


def predict_signature(declaration: Declaration) -> dict[str, tf.TensorSpec]:
    """Inputs of the signature `predict`."""
    spec = {c.name: tf.TensorSpec([None], raw.DTYPES[c.type], c.name) for c in declaration.features}
    spec.update({d.name: tf.TensorSpec([None], raw.DTYPES[d.type], d.name) for d in declaration.rate_columns})
    spec.update({d.name: tf.TensorSpec([None, None], raw.DTYPES[d.type], d.name) for d in declaration.history_columns})
    if declaration.history is not None:
        spec[HISTORY_LENGTH] = tf.TensorSpec([None], tf.int64, HISTORY_LENGTH)
    return spec


def request_spec(declaration: Declaration) -> dict[str, tf.io.FixedLenFeature | tf.io.RaggedFeature]:
    """What the signature `serving_default` reads of an example: required columns must be there."""
    spec = raw.feature_spec(declaration)
    for column in declaration.features:
        if column.required:
            spec[column.name] = tf.io.FixedLenFeature([], raw.DTYPES[column.type])
    return spec


class Served(tf.Module):
    """The object that is saved: the transform graph with its tables, and the serving model's weights."""

    def __init__(self, graph: TransformGraph, weights: Iterable[tf.Variable]):
        super().__init__()
        self.graph, self.weights = graph, list(weights)


def signatures(
    model: RankingModel, reader: ExampleReader, intercepts: np.ndarray | None = None
) -> tuple[Served, dict[str, tf.types.experimental.ConcreteFunction]]:
    """What to save: the object, and its functions by name; the model is traced once for rows and once for requests.

    Args:
      model: the serving model, its weights created.
      reader: of the data that it was trained on; gives the transform graph.
      intercepts: added to the logits of each scenario, float32 `[scenarios]`; None: nothing is.
    """
    declaration, features, graph = reader.declaration, reader.features, reader.graph
    scenario, histories = declaration.scenario.name, [d.name for d in declaration.history_columns]
    specification, candidates = request_spec(declaration), declaration.candidate_columns

    def probabilities(dense: dict[str, tf.Tensor]) -> tf.Tensor:
        logits = tf.reshape(model(dense, training=False), [-1])
        if intercepts is not None:
            logits += tf.gather(tf.constant(intercepts), model.scenario_of(dense))
        return tf.sigmoid(logits)

    rows, request = input_signature(features), input_signature(features, request=True)
    score = tf.function(probabilities, input_signature=[rows], autograph=False)
    score_request = tf.function(probabilities, input_signature=[request], autograph=False)

    def answer(columns: Columns) -> dict[str, tf.Tensor]:
        return {"probability": score(raw.densify(graph(columns), features)), "scenario": columns[scenario]}

    def from_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        columns = tf.io.parse_example(examples, specification)
        done = check_rows(declaration, columns, more=ragged_histories(declaration, columns))
        return answer(after(done, columns))

    def ragged(columns: dict[str, tf.Tensor]) -> Columns:
        length = columns.pop(HISTORY_LENGTH, None)
        return {**columns, **{n: tf.RaggedTensor.from_tensor(columns[n], lengths=length) for n in histories}}

    def only_row(values: tf.Tensor) -> tf.RaggedTensor:
        return tf.RaggedTensor.from_row_splits(values, tf.stack([0, tf.size(values, tf.int64)]), validate=False)

    def from_columns(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
        check_rows(declaration, columns)
        return answer(ragged(check_histories(declaration, columns)))

    def from_candidates(**columns: tf.Tensor) -> dict[str, tf.Tensor]:
        columns = check_lists(check_histories(declaration, columns), sorted(candidates), declaration.item.name)
        items = columns[declaration.item.name]
        check_rows(declaration, columns, [n for n in columns if n not in candidates])
        check_rows(declaration, columns, [n for n in columns if n in candidates])

        def of_request(i: tf.Tensor) -> tf.Tensor:
            one: Columns = {n: value[i] if n in candidates else value[i : i + 1] for n, value in columns.items()}
            length = one.pop(HISTORY_LENGTH, None)
            one |= {n: only_row(one[n][0, : length[0]]) for n in histories}
            return score_request(ranking_inputs(declaration, graph, features, one))

        def of_several() -> tf.Tensor:
            return tf.map_fn(of_request, tf.range(count), fn_output_signature=tf.TensorSpec([None]))

        def of_all() -> tf.Tensor:
            return tf.cond(count > 0, of_several, lambda: tf.zeros(tf.shape(items)))

        count = tf.shape(items)[0]
        found = tf.cond(count == 1, lambda: of_request(tf.constant(0))[tf.newaxis], of_all)  # a loop takes its time
        return {"probability": found, "item": items}

    model.fold()
    try:
        traced = (score.get_concrete_function(), score_request.get_concrete_function())
        served = Served(graph, {id(v): v for function in traced for v in function.graph.variables}.values())
    finally:
        model.unfold()
    flat = predict_signature(declaration)
    serialized = tf.TensorSpec([None], tf.string, "examples")
    return served, {
        EXAMPLES: tf.function(from_examples, autograph=False).get_concrete_function(serialized),
        PREDICT: tf.function(from_columns, autograph=False).get_concrete_function(**flat),
        RANK: tf.function(from_candidates, autograph=False).get_concrete_function(**rank_signature(declaration, flat)),
    }


def export(model: RankingModel, reader: ExampleReader, folder: str, intercepts: np.ndarray | None = None) -> None:
    """Writes the SavedModel; `intercepts` as in `signatures`."""
    served, functions = signatures(model, reader, intercepts)
    tf.saved_model.save(served, folder, signatures=functions)
