"""A Relay in front of a backend: shifts the times of events as Sentry's Relay does, and forwards.

Relay takes the difference between when it received an envelope and the envelope's `sent_at` for
how wrong the sender's clock is. From 55 minutes on, it adds that to the event's times
(https://github.com/getsentry/relay, relay-event-normalization, clock_drift.rs).
"""

from __future__ import annotations

import gzip
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_AT_LEAST = 55 * 60.0  # seconds


class RelayRule:
    """What it saw."""

    def __init__(self, port: int, backend: int) -> None:
        self.port = port
        self.backend = backend
        self.shifted = 0
        self.envelopes = 0


@contextmanager
def relay_in_front_of(backend: int) -> Iterator[RelayRule]:
    """Run one in front of a server on this port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            status, answer = _forwarded(relay, self, _corrected(relay, body))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # collectors that are killed are part of the tests

    with Server(("127.0.0.1", 0), Handler) as server:
        relay = RelayRule(server.server_port, backend)
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield relay
        finally:
            server.shutdown()
            thread.join()


def seconds(moment: Any) -> float:
    """A time as Sentry writes it: a number, or a text of ISO 8601."""
    if isinstance(moment, str):
        return datetime.fromisoformat(moment).timestamp()
    return float(moment)


def _corrected(relay: RelayRule, body: bytes) -> bytes:
    """The envelope with the times of its events as Relay would have them."""
    relay.envelopes += 1
    head, _, rest = body.partition(b"\n")
    sent_at = json.loads(head).get("sent_at")
    drift = time.time() - seconds(sent_at) if sent_at is not None else 0.0
    if abs(drift) < _AT_LEAST:
        return body
    relay.shifted += 1
    parts = [head]
    while rest:
        line, _, rest = rest.partition(b"\n")
        item = json.loads(line)
        length = item.pop("length", rest.find(b"\n") if b"\n" in rest else len(rest))
        payload, rest = rest[:length], rest[length + 1 :]
        if item["type"] == "event":
            event = json.loads(payload)
            event["timestamp"] = seconds(event["timestamp"]) + drift
            payload = json.dumps(event).encode()
        parts += [json.dumps({**item, "length": len(payload)}).encode(), payload]
    return b"\n".join(parts)


def _forwarded(relay: RelayRule, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", relay.backend, timeout=30)
    names = ("X-Sentry-Auth", "Content-Type", "User-Agent")
    headers = {name: request.headers[name] for name in names if name in request.headers}
    try:
        connection.request("POST", request.path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
