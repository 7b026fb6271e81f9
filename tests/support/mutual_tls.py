"""An OTLP server that asks its clients for a certificate and remembers which they showed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import grpc  # type: ignore[import-untyped]  # it has no annotations

from errlock.pipeline.payloads.otlp_signals import SERVICES


@dataclass
class Shown:
    """The certificates of its clients, as PEM."""

    shown: set[str] = field(default_factory=set)


LogsBackend: TypeAlias = AbstractContextManager[Shown]


@contextmanager
def logs_backend(port: int, cert: Path, key: Path, *, trusts: Path) -> Iterator[Shown]:
    """Serve logs with this certificate, to clients that the authorities in `trusts` vouch for."""
    seen = Shown()

    def export(_: bytes, context: Any) -> bytes:
        [pem] = context.auth_context()["x509_pem_cert"]
        seen.shown.add(pem.decode().strip())
        return b""

    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.unary_unary_rpc_method_handler(export)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICES["logs"], {"Export": handler}),)
    )
    pair = (key.read_bytes(), cert.read_bytes())
    credentials = grpc.ssl_server_credentials(
        [pair], root_certificates=trusts.read_bytes(), require_client_auth=True
    )
    server.add_secure_port(f"localhost:{port}", credentials)
    server.start()
    try:
        yield seen
    finally:
        server.stop(None).wait()
