"""A destination of the tests' own, that misbehaves as it is told and remembers what it stored.

It speaks Sentry's envelopes and OTLP over HTTP, on real sockets. What it stores it counts by the
path of the request: several destinations may share it.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from http_sink import read_body
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Manner = Literal[
    "answer", "fail", "limit", "hang", "hang after storing", "reset", "reset after storing"
]
Kind = Literal["event", "session", "log_record", "otlp_span"]
Documents = list[tuple[Kind, int]]
HEALTHY: Mapping[Manner, int] = {"answer": 1}
# How often it does what.
MOODY: Mapping[Manner, int] = {
    "answer": 86, "fail": 4, "limit": 1, "hang": 1, "hang after storing": 1, "reset": 3,
    "reset after storing": 4,
}  # fmt: skip

_NUMBER = re.compile(r"\d+")
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset
_PATIENCE = 30.0  # seconds; longer than any client's timeout


class ScriptedBackend:
    """What it stored: by destination (a path's first parts) and kind, each number as often."""

    def __init__(self, seed: str) -> None:
        self.manners = HEALTHY
        self.stored: defaultdict[tuple[str, Kind], Counter[int]] = defaultdict(Counter)
        # Those of them whose request got a whole answer, and when that was last so.
        self.answered: defaultdict[tuple[str, Kind], set[int]] = defaultdict(set)
        self.unanswered: Counter[tuple[str, Kind]] = Counter()  # stored, and not told
        self.did: Counter[Manner] = Counter()
        self.lock = threading.Lock()
        self._draw = random.Random(seed)
        self._connections = 0
        self._server = _Server(self)
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def distinct(self, path: str, kind: Kind) -> set[int]:
        """The numbers that came, whether as often as not."""
        with self.lock:
            return set(self.stored[path, kind])

    def again(self, path: str, kind: Kind) -> int:
        """How many came once more."""
        with self.lock:
            numbers = self.stored[path, kind]
            return numbers.total() - len(numbers)

    def wait_for_silence(self) -> None:
        """Return when everything that was sent to it until now has been dealt with.

        Who sent it must be gone: its connections have ended.
        """
        # Connections are accepted in turn: when this one was, all before it were.
        with socket.create_connection(("127.0.0.1", self.port)) as probe:
            probe.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            while probe.recv(4096):
                pass
        deadline = time.monotonic() + _PATIENCE
        while self._connections:
            assert time.monotonic() < deadline, f"{self._connections} connections stay open"
            time.sleep(0.01)

    def manner(self) -> Manner:
        """What to do with the next request."""
        with self.lock:
            manners = self.manners
            drawn = self._draw.choices(list(manners), list(manners.values()))[0]
            self.did[drawn] += 1
        return drawn

    def store(self, path: str, documents: Documents) -> None:
        """It is there."""
        with self.lock:
            for kind, number in documents:
                self.stored[path, kind][number] += 1

    def told(self, path: str, documents: Documents, *, wholly: bool) -> None:
        """Whether who sent it knows that it is there."""
        with self.lock:
            for kind, number in documents:
                if wholly:
                    self.answered[path, kind].add(number)
                else:
                    self.unanswered[path, kind] += 1

    def opened(self, by: int) -> None:
        """So many more connections."""
        with self.lock:
            self._connections += by

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, backend: ScriptedBackend) -> None:
        self.backend = backend
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.backend.opened(1)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.backend.opened(-1)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed reset their connections."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        backend = self.server.backend
        path = "/".join(self.path.split("/")[: 3 if self.path.startswith("/api/") else 2])
        body = read_body(self)
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        documents = _documents(self.path, body)
        manner = backend.manner()
        if manner in ("answer", "hang after storing", "reset after storing"):
            backend.store(path, documents)
        if manner == "fail":  # 500 is final in OTLP: "Retryable Response Codes"
            self._answer(503 if self.path.startswith("/v1/") else 500)
        elif manner == "limit":
            self._answer(429, {"Retry-After": "1"})
        elif manner == "answer":
            # What is told may be seen by who sent it before this thread goes on.
            backend.told(path, documents, wholly=True)
            self._answer(200)
        else:
            if manner.endswith("after storing"):
                backend.told(path, documents, wholly=False)
            self.close_connection = True
            self._hang() if manner.startswith("hang") else self._reset()

    def _answer(self, status: int, headers: Mapping[str, str] = {}) -> None:
        otlp = self.path.startswith("/v1/")
        body = b"" if otlp else b"{}"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/x-protobuf" if otlp else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _hang(self) -> None:
        self.connection.settimeout(_PATIENCE)
        with suppress(OSError):
            self.connection.recv(1)

    def _reset(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def log_message(self, *_: object) -> None:
        pass


def _documents(path: str, body: bytes) -> Documents:
    if path == "/v1/logs":
        logs = ExportLogsServiceRequest.FromString(body)
        return [
            ("log_record", _number(record.body.string_value))
            for resource in logs.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]
    if path == "/v1/traces":
        traces = ExportTraceServiceRequest.FromString(body)
        return [
            ("otlp_span", _number(span.name))
            for resource in traces.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
    return list(_items(body))


def _items(body: bytes) -> Iterator[tuple[Kind, int]]:
    """The documents of an envelope whose items are one line of JSON each."""
    _, *lines = body.rstrip(b"\n").split(b"\n")
    for header, line in zip(lines[::2], lines[1::2], strict=True):
        kind, item = json.loads(header)["type"], json.loads(line)
        if kind == "event":
            yield "event", _number(item["message"])
        else:
            assert kind == "session"
            yield "session", int(item["sid"], 16)


def _number(text: str) -> int:
    found = _NUMBER.search(text)
    assert found is not None, "a document without its number"
    return int(found[0])


@contextmanager
def scripted_backend(seed: str) -> Iterator[ScriptedBackend]:
    """Run one."""
    backend = ScriptedBackend(seed)
    try:
        yield backend
    finally:
        backend.close()
