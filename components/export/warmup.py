"""Requests that TF Serving replays when it loads a model, so that the first user does not wait for it.

See https://www.tensorflow.org/tfx/serving/saved_model_warmup.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from scenerank.components import storage
from scenerank.components.export.serving import EXAMPLES, PREDICT, RANK
from scenerank.components.transform import raw
from scenerank.schemas import HISTORY_LENGTH, Declaration

PATH = "assets.extra/tf_serving_warmup_requests"


def requests(declaration: Declaration, examples: Sequence[bytes]) -> list[predict_pb2.PredictRequest]:
    """One request to each signature with all the examples, then one with the first alone; `rank` gets the first one's
    user with the items of all.

    The examples lose what a client does not know, such as their label.
    """
    out = []
    read = raw.feature_spec(declaration)
    asked = [_only(example, read) for example in examples]
    for chosen in (asked, asked[:1]):
        serialized = tf.constant(list(chosen), tf.string)
        columns = _padded(declaration, tf.io.parse_example(serialized, read))
        candidates = declaration.candidate_columns
        ranked = {n: value[tf.newaxis] if n in candidates else value[:1] for n, value in columns.items()}
        for signature, inputs in ((EXAMPLES, {"examples": serialized}), (PREDICT, columns), (RANK, ranked)):
            request = predict_pb2.PredictRequest()
            request.model_spec.name = declaration.name
            request.model_spec.signature_name = signature
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            out.append(request)
    return out


def write_warmup(saved_model: str, declaration: Declaration, examples: Sequence[bytes]) -> None:
    """Puts the file where TF Serving looks for it; none without examples."""
    if not examples:
        return
    path = f"{saved_model}/{PATH}"
    storage.make_folder(path.rsplit("/", 1)[0])
    with tf.io.TFRecordWriter(path) as writer:
        for request in requests(declaration, examples):
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString(deterministic=True))


def _only(example: bytes, names: Container[str]) -> bytes:
    whole = tf.train.Example.FromString(example)
    kept = {name: feature for name, feature in whole.features.feature.items() if name in names}
    return tf.train.Example(features=tf.train.Features(feature=kept)).SerializeToString(deterministic=True)


def _padded(declaration: Declaration, parsed: dict[str, tf.Tensor | tf.RaggedTensor]) -> dict[str, tf.Tensor]:
    """Columns of a parsed batch as the signature `predict` takes them."""
    names = [d.name for d in declaration.history_columns]
    out = {name: value for name, value in parsed.items() if name not in names}
    if names:
        length = parsed[names[0]].row_lengths()
        longest = max(1, int(tf.reduce_max(length)))
        out.update({name: parsed[name].to_tensor(shape=[None, longest]) for name in names})
        out[HISTORY_LENGTH] = length
    return out
