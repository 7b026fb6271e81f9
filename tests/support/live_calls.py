"""Clients that send numbered log records over gRPC and remember what was acknowledged.

They never try again, not even where gRPC itself would.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path

import grpc  # type: ignore[import-untyped]  # it has no annotations
from live_clients import TIMEOUT, Clients
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

_NUMBERS = count(1)
_OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),  # else channels share a connection
)


class Calls(Clients):
    """They send one record after the other to an OTLP receiver; over TLS if `trust` is a file."""

    def __init__(self, port: int, threads: int = 4, trust: Path | None = None) -> None:
        super().__init__(threads)
        self._port = port
        self._trust = grpc.ssl_channel_credentials(trust.read_bytes()) if trust else None

    def _send(self, keeps: bool) -> None:
        channel = self._channel()
        stub: type = LogsServiceStub  # it has no annotations
        while not self._over.is_set():
            text = f"record {next(_NUMBERS)}"
            try:
                stub(channel).Export(_request(text), timeout=TIMEOUT)
            except grpc.RpcError as failure:
                self.refused.append(f"{failure.code().name} {failure.details()}")
                refused = True
            else:
                self.acknowledged.add(text)
                refused = False
            # After a failure a channel fails at once for a while, without asking anybody.
            if refused or not keeps:
                channel.close()
                channel = self._channel()
        channel.close()

    def _channel(self) -> grpc.Channel:
        if self._trust is not None:
            return grpc.secure_channel(f"localhost:{self._port}", self._trust, _OPTIONS)
        return grpc.insecure_channel(f"127.0.0.1:{self._port}", _OPTIONS)


def _request(text: str) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value = text
    return request
