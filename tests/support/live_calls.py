"""Clients that send numbered log records over gRPC and remember what was acknowledged.

They never try again, not even where gRPC itself would.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import count

import grpc  # type: ignore[import-untyped]  # it has no annotations
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

_NUMBERS = count(1)
_TIMEOUT = 60.0
_OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),  # else channels share a connection
)


class Calls:
    """Threads that send one record after the other to an OTLP receiver.

    Half of them keep their connection, the others make a new one for each record.
    """

    def __init__(self, port: int, threads: int = 4) -> None:
        self.acknowledged: set[str] = set()
        self.refused: list[str] = []  # the names of statuses
        self._address = f"127.0.0.1:{port}"
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=[number % 2 == 0], daemon=True)
            for number in range(threads)
        ]

    def __enter__(self) -> Calls:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(_TIMEOUT)

    def wait(self, condition: Callable[[], bool], seconds: float = _TIMEOUT) -> None:
        """Return when it is true. Raises AssertionError when that takes too long."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, (len(self.acknowledged), self.refused[:5])
            time.sleep(0.02)

    def _send(self, keeps: bool) -> None:
        channel = self._channel()
        stub: type = LogsServiceStub  # it has no annotations
        while not self._over.is_set():
            text = f"record {next(_NUMBERS)}"
            try:
                stub(channel).Export(_request(text), timeout=_TIMEOUT)
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
        return grpc.insecure_channel(self._address, _OPTIONS)


def _request(text: str) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add()
    record.body.string_value = text
    return request
