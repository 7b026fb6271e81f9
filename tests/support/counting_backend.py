"""A backend that takes envelopes as Sentry does, and counts what stands in them in clear."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from http_sink import read_body


class CountingBackend(ThreadingHTTPServer):
    """What came is in `seen`: `documents`, and how often each pattern stood there."""

    daemon_threads = True

    def __init__(self, patterns: Mapping[str, re.Pattern[bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: Counter[str] = Counter()
        self._patterns = patterns
        self._lock = threading.Lock()

    def count(self, body: bytes) -> None:
        """What is in an envelope."""
        lines = body.split(b"\n")
        headers = [json.loads(line) for line in lines[1:] if line.startswith(b'{"type"')]
        with self._lock:
            self.seen["documents"] += sum(each.get("item_count", 1) for each in headers)
            for name, pattern in self._patterns.items():
                self.seen[name] += len(pattern.findall(body))

    def handle_error(self, *_: object) -> None:
        """Distrust resets connections."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: CountingBackend

    def do_POST(self) -> None:
        self.server.count(gzip.decompress(read_body(self)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def counting_backend(patterns: Mapping[str, re.Pattern[bytes]]) -> Iterator[CountingBackend]:
    """Run one."""
    with CountingBackend(patterns) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
