"""A client of TF Serving, by gRPC or REST: scores rows, or the candidates of a request.

    client = Client("localhost", model="simulator", label="stable")
    client.score({"user_id": ["u1", "u2"], "item_id": ["i7", "i9"], ...}).probability
    client.rank({"user_id": "u1", "history_item_id": ["i3", "i4"], ...}, {"item_id": ["i7", "i9"], ...}).probability

Columns are those of the signatures `predict` and `rank`, see `components.export.serving`. Texts are str or bytes.
"""

from __future__ import annotations

import base64
import http.client
import json
import pathlib
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from scenerank.errors import ConfigurationError, ServiceError

PREDICT, RANK, PROBABILITY = "predict", "rank", "probability"
GRPC_PORT, REST_PORT = 8500, 8501


class Scores(NamedTuple):
    """An answer.

    Attributes:
      probability: float32 `[N]`.
      version: of the model that gave it; None by REST, which does not tell.
    """

    probability: np.ndarray
    version: int | None


class Client:
    """Asks one model of a server.

    Args:
      host: name or address.
      model: its name in `models.config`, which is the declaration's.
      port: None: TF Serving's usual one for the protocol.
      label: `stable` or `canary`; None: the highest version that the server has loaded.
      rest: JSON over HTTP instead of gRPC.
      timeout: seconds after which a request is given up.
      tls: encrypted, and the server's certificate is checked.
      authorities: PEM file of the authorities that certificates are checked by; None: the system's.
      metadata: sent with each request, as `{"authorization": "Bearer ..."}`.

    Raises:
      ConfigurationError: `authorities` is no PEM file.
    """

    def __init__(
        self,
        host: str,
        model: str,
        port: int | None = None,
        label: str | None = None,
        rest: bool = False,
        timeout: float = 1.0,
        tls: bool = False,
        authorities: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self.model, self.label, self.timeout = model, label, timeout
        self.address = f"{host}:{port or (REST_PORT if rest else GRPC_PORT)}"
        self._predict = self._by_rest if rest else self._by_grpc
        self._stub: Any = None
        self._metadata = {name.lower(): value for name, value in (metadata or {}).items()}
        self._tls = _context(authorities) if tls or authorities else None
        self._authorities = authorities

    def score(self, columns: Mapping[str, Any]) -> Scores:
        """Rows: features and rates `[N]`, histories `[N, L]`, oldest first, and `history_length` `[N]`.

        Raises:
          ServiceError: above.
        """
        return self._predict(PREDICT, {name: _array(value) for name, value in columns.items()})

    def rank(self, request: Mapping[str, Any], candidates: Mapping[str, Any]) -> Scores:
        """Candidates of one request.

        Args:
          request: columns of user, scenario and context as scalars, histories `[L]` with L at least 1, and
            `history_length`.
          candidates: columns of the items, and rates by any of them, `[N]`.

        Raises:
          ServiceError: above.
        """
        return self._predict(RANK, {n: _array(value)[np.newaxis] for n, value in {**request, **candidates}.items()})

    def _by_grpc(self, signature: str, inputs: Mapping[str, np.ndarray]) -> Scores:
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

        if self._stub is None:
            unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
            if self._tls is None:
                channel = grpc.insecure_channel(self.address, unlimited)
            else:
                trusted = None if self._authorities is None else pathlib.Path(self._authorities).read_bytes()
                channel = grpc.secure_channel(self.address, grpc.ssl_channel_credentials(trusted), unlimited)
            self._stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = self.model, signature
        if self.label is not None:
            request.model_spec.version_label = self.label
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        try:
            answer = self._stub.Predict(request, timeout=self.timeout, metadata=[*self._metadata.items()])
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                raise self._late() from None
            raise ServiceError(
                f"{self.address} refused {signature} of {self._named}: {_line(error.details())}"
            ) from None
        probability = tf.make_ndarray(answer.outputs[PROBABILITY]).reshape(-1)
        return Scores(probability, answer.model_spec.version.value)

    def _by_rest(self, signature: str, inputs: Mapping[str, np.ndarray]) -> Scores:
        label = "" if self.label is None else f"/labels/{self.label}"
        body = {"signature_name": signature, "inputs": {name: _json(value) for name, value in inputs.items()}}
        address = f"http{'s' if self._tls else ''}://{self.address}/v1/models/{self.model}{label}:predict"
        headers = {"Content-Type": "application/json", **self._metadata}
        request = urllib.request.Request(address, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout, context=self._tls) as stream:
                outputs = json.load(stream)["outputs"]
        except urllib.error.HTTPError as error:
            said = _line(error.read().decode(errors="replace"))
            raise ServiceError(f"{self.address} refused {signature} of {self._named}: {said}") from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise self._late() from None
            raise ServiceError(
                f"{self.address} was not reached ({_line(str(reason))}): is the server up, and is TLS what it speaks?"
            ) from None
        return Scores(np.asarray(outputs[PROBABILITY], np.float32).reshape(-1), None)

    @property
    def _named(self) -> str:
        return self.model if self.label is None else f"{self.model} ({self.label})"

    def _late(self) -> ServiceError:
        return ServiceError(
            f"{self.address} did not answer for {self._named} within {self.timeout:g} s: raise the timeout"
        )


def _context(authorities: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authorities)
    except OSError as error:
        raise ConfigurationError(f"{authorities} is no PEM file of authorities ({error}): name one") from None


def _array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype == np.float64 else array  # as all declared numbers with a fraction


def _line(text: str) -> str:
    return " ".join(text.split())


def _json(value: Any) -> Any:
    """Nested lists; texts as TF Serving takes bytes."""
    if isinstance(value, np.ndarray):
        return _json(value.tolist())
    if isinstance(value, list):
        return [_json(part) for part in value]
    if isinstance(value, (str, bytes)):
        return {"b64": base64.b64encode(value.encode() if isinstance(value, str) else value).decode()}
    return value
