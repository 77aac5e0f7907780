"""TF Serving's protocols over SavedModels in this process, and its real binary where there is one.

What the first does is what the second does with the same messages, as far as a client can tell: the model, its
version or label and the signature are looked up, inputs are decoded and passed by name, outputs are encoded.
"""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import http.server
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

from scenerank.components.pusher.tf_serving import MODELS
from scenerank.components.workspace import Workspace
from scenerank.pipeline.config import Config
from scenerank.pipeline.serving.manifests import Places, arguments

BINARY = os.environ.get("TF_MODEL_SERVER")
URL = re.compile(r"/v1/models/([^/:]+)(?:/labels/([^/:]+))?:predict")


class Address(NamedTuple):
    """Ports of a running server on localhost."""

    grpc: int
    rest: int


class Refused(Exception):
    pass


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers as `models.config` says at the moment of a request.

    Args:
      loaded: SavedModels by version.
      seconds: that an answer takes longer.
    """

    def __init__(self, workspace: Workspace, loaded: Mapping[int, Any], seconds: float):
        self.workspace, self.loaded, self.seconds = workspace, loaded, seconds

    def version(self, name: str, label: str) -> int:
        text = self.workspace.read_text(self.workspace.uri(*MODELS))
        (model,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
        if name != model.name:
            raise Refused(f"Servable not found for request: Latest({name})")
        if label and label not in model.version_labels:
            raise Refused(f"Unrecognized servable version label: {label}")
        return model.version_labels[label] if label else max(model.model_version_policy.specific.versions)

    def answer(self, version: int, signature: str, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        time.sleep(self.seconds)
        function = self.loaded[version].signatures[signature]
        expected = function.structured_input_signature[1]
        if inputs.keys() != expected.keys():
            raise Refused(f"input names do not match: {sorted(inputs.keys() ^ expected.keys())}")
        if len({value.shape[0] for value in inputs.values()}) != 1:
            raise Refused("Batching session Run() input tensors must have equal 0th-dimension size")
        return function(**inputs)

    def Predict(self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext) -> Any:
        spec = request.model_spec
        try:
            version = self.version(spec.name, spec.version_label)
            inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
            outputs = self.answer(version, spec.signature_name, inputs)
        except Refused as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        response = predict_pb2.PredictResponse()
        response.model_spec.CopyFrom(spec)
        response.model_spec.version.value = version
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response

    def rest(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        name, label = URL.fullmatch(path).groups()  # type: ignore[union-attr]
        version = self.version(name, label or "")
        specs = self.loaded[version].signatures[body["signature_name"]].structured_input_signature[1]
        inputs = {name: tf.constant(_decoded(value), specs[name].dtype) for name, value in body["inputs"].items()}
        outputs = self.answer(version, body["signature_name"], inputs)
        return {"outputs": {name: _encoded(value.numpy()) for name, value in outputs.items()}}


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(part) for part in value]
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def _encoded(value: np.ndarray) -> Any:
    return np.vectorize(bytes.decode, otypes=[object])(value).tolist() if value.dtype == object else value.tolist()


class Guard(grpc.ServerInterceptor):
    """What a proxy before servers does: TLS, and requests without the token refused.

    Args:
      folder: for `cert.pem`, of an authority of its own, and `key.pem`.
    """

    authorization = "Bearer sesame"

    def __init__(self, folder: pathlib.Path):
        self.certificate, self.key = folder / "cert.pem", folder / "key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        command += ["-addext", "subjectAltName=DNS:localhost"]
        files = ["-keyout", str(self.key), "-out", str(self.certificate)]
        subprocess.run([*command, *files], check=True, capture_output=True)

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        if ("authorization", self.authorization) in details.invocation_metadata:
            return continuation(details)
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
        )

    def port(self, server: grpc.Server) -> int:
        pair = (self.key.read_bytes(), self.certificate.read_bytes())
        return server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))

    def encrypt(self, server: http.server.HTTPServer) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)


@contextlib.contextmanager
def in_process(
    workspace: Workspace, loaded: Mapping[int, Any], seconds: float = 0.0, guard: Guard | None = None
) -> Iterator[Address]:
    """A server in threads of this process; arguments as of `Service`."""
    service = Service(workspace, loaded, seconds)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                if guard is not None and self.headers.get("authorization") != guard.authorization:
                    raise Refused("who are you?")
                code, said = 200, service.rest(self.path, body)
            except Refused as error:
                code, said = 400, {"error": str(error)}
            text = json.dumps(said).encode()
            with contextlib.suppress(BrokenPipeError):
                self.send_response(code)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), interceptors=[] if guard is None else [guard])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    port = server.add_insecure_port("localhost:0") if guard is None else guard.port(server)
    server.start()
    with http.server.ThreadingHTTPServer(("localhost", 0), Handler) as rest:
        if guard is not None:
            guard.encrypt(rest)
        threading.Thread(target=rest.serve_forever, daemon=True).start()
        try:
            yield Address(port, rest.server_port)
        finally:
            rest.shutdown()
            server.stop(None).wait(10)


@contextlib.contextmanager
def binary(workspace: Workspace, config: Config) -> Iterator[Address]:
    """TF Serving itself, with the options that `scenerank deploy` gives it, on free ports."""
    assert BINARY is not None
    address = Address(_free(), _free())
    ports = {"grpc_port": address.grpc, "rest_port": address.rest, "poll_seconds": 1}
    serving = config.cluster.serving.model_copy(update=ports)
    asked = config.model_copy(update={"cluster": config.cluster.model_copy(update={"serving": serving})})
    found = Places(workspace.uri("models"), workspace.uri("serving"), {})
    process = subprocess.Popen([BINARY, *arguments(asked, found)], stderr=subprocess.DEVNULL)
    try:
        ready = f"http://localhost:{address.rest}/v1/models/{config.declared.name}/labels/stable/metadata"
        patient(lambda: urllib.request.urlopen(ready, timeout=5).status == 200)
        yield address
    finally:
        process.kill()
        process.wait(30)


def patient(condition: Any, seconds: float = 120.0) -> None:
    """Waits for a condition; an error counts as not yet."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, RuntimeError):
            if condition():
                return
        assert time.monotonic() < end, f"not so after {seconds:g} s"
        time.sleep(0.2)


def _free() -> int:
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]
