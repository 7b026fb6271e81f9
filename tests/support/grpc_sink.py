"""A gRPC server of one method, that a test answers for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Literal

import grpc  # type: ignore[import-untyped]  # it has no annotations


@contextmanager
def grpc_sink(
    signal: Literal["trace", "metrics"], export: Callable[[bytes, grpc.ServicerContext], bytes]
) -> Iterator[int]:
    """A server that takes a signal of OTLP over gRPC; its port."""
    accept = grpc.unary_unary_rpc_method_handler(export)
    service = f"opentelemetry.proto.collector.{signal}.v1.{signal.capitalize()}Service"
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {"Export": accept}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(0).wait()
