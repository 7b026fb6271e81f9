"""The payment service that the shop calls over HTTP: on this machine, it refuses everything."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.senders.shop import Charge


class _Refusal(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(402)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  the name it has there
        pass


def by_urllib(address: str) -> Charge:
    """Ask with the standard library, which sentry-sdk watches."""

    def charge(body: bytes) -> dict[str, Any]:
        request = urllib.request.Request(f"{address}/v1/charges", data=body)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return dict(json.load(answer))

    return charge


@contextmanager
def payment_service() -> Iterator[str]:
    """Serve on a free port; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusal)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
