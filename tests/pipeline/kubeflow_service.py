"""Kubeflow Pipelines' REST interface as far as the `kfp` client is used here, over real HTTP, its state in memory."""

from __future__ import annotations

import contextlib
import email.parser
import email.policy
import http.server
import itertools
import json
import threading
import urllib.parse
from collections.abc import Iterator
from typing import Any

import yaml

PREFIX = "/apis/v2beta1"


class Service:
    """State of the service.

    Attributes:
      pipelines, experiments, recurring: what is there, by id.
      versions: of each pipeline, oldest first, with their specifications.
      active: how many recurring runs were enabled after each change of them.
      refuse: paths, with the method before them, that are answered with an error.
      multi_user: whether requests must name a namespace.
    """

    def __init__(self, multi_user: bool = False):
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.experiments: dict[str, dict[str, Any]] = {}
        self.recurring: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, list[dict[str, Any]]] = {}
        self.active: list[int] = []
        self.refuse: set[str] = set()
        self.multi_user = multi_user
        self._ids = map(str, itertools.count(1))

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """Status and JSON."""
        if f"{method} {path}" in self.refuse:
            return 400, {"error": "Invalid input error: not today", "code": 3}
        match method, path.strip("/").split("/"):
            case "GET", ["healthz"]:
                return 200, {"multi_user": self.multi_user}
            case "GET", ["pipelines"]:
                return self._listed("pipelines", self.pipelines, query)
            case "POST", ["pipelines"]:
                return self._made(self.pipelines, "pipeline_id", body)
            case "GET", ["pipelines", identity, "versions"]:
                newest = self.versions.get(identity, [])[::-1]
                page = {"pipeline_versions": newest[: int(query.get("page_size", 10))], "total_size": len(newest)}
                return 200, page if newest else {}
            case "POST", ["pipelines", "upload_version"]:
                known = self.versions.setdefault(query["pipelineid"], [])
                if any(version["display_name"] == query["name"] for version in known):
                    return 409, {"error": "already exists"}
                known.append({"display_name": query["name"], "pipeline_version_id": next(self._ids), "spec": body})
                return 200, {k: v for k, v in known[-1].items() if k != "spec"}
            case "GET", ["experiments"]:
                return self._listed("experiments", self.experiments, query)
            case "POST", ["experiments"]:
                return self._made(self.experiments, "experiment_id", body)
            case "GET", ["recurringruns"]:
                listed = {k: v for k, v in self.recurring.items() if v["experiment_id"] == query["experiment_id"]}
                return self._listed("recurringRuns", listed, query)
            case "POST", ["recurringruns"]:
                status = "ENABLED" if body["mode"] == "ENABLE" else "DISABLED"
                filled = {**body, "status": status, "service_account": body.get("service_account", "pipeline-runner")}
                return self._changed(self._made(self.recurring, "recurring_run_id", filled))
            case "DELETE", ["recurringruns", identity]:
                del self.recurring[identity]
                return self._changed((200, {}))
            case "POST", ["recurringruns", told]:
                identity, _, action = told.partition(":")
                self.recurring[identity]["status"] = {"enable": "ENABLED", "disable": "DISABLED"}[action]
                return self._changed((200, {}))
        return 404, {"error": f"no {method} {path}"}

    def _changed(self, answer: tuple[int, Any]) -> tuple[int, Any]:
        self.active.append(sum(run["status"] == "ENABLED" for run in self.recurring.values()))
        return answer

    def _made(self, table: dict[str, dict[str, Any]], key: str, body: dict[str, Any]) -> tuple[int, Any]:
        if table is not self.recurring and bool(body.get("namespace")) != self.multi_user:
            return 400, {"error": "namespace: one is needed if and only if there are several users"}
        identity = next(self._ids)
        table[identity] = {**body, key: identity}
        return 200, table[identity]

    def _listed(self, name: str, table: dict[str, dict[str, Any]], query: dict[str, str]) -> tuple[int, Any]:
        if table in (self.pipelines, self.experiments) and bool(query.get("namespace")) != self.multi_user:
            return 400, {"error": "namespace: one is needed if and only if there are several users"}
        (predicate,) = json.loads(query["filter"])["predicates"]
        found = [entry for entry in table.values() if entry[predicate["key"]] == predicate["stringValue"]]
        return 200, {name: found, "total_size": len(found)} if found else {}


@contextlib.contextmanager
def serving(service: Service) -> Iterator[str]:
    """URL of the service while it is answered for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def _handle(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query))
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = service.answer(self.command, url.path.removeprefix(PREFIX), query, self._body(content))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def _body(self, content: bytes) -> Any:
            kind = self.headers.get("Content-Type", "")
            if not kind.startswith("multipart/"):
                return json.loads(content) if content else None
            head = f"Content-Type: {kind}\r\n\r\n".encode()
            message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + content)
            (part,) = message.iter_parts()
            return list(yaml.safe_load_all(part.get_content()))

        do_GET = do_POST = do_DELETE = _handle

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
