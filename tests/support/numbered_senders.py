"""Clients that send numbered documents, never twice, and remember what was acknowledged."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import count

import grpc  # type: ignore[import-untyped]  # it has no annotations
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from scripted_backend import Kind

_BATCH = 3  # log records or spans in a request
_TIMEOUT = 30.0
_NOBODY_THERE = 0.05  # seconds until somebody who was refused sends again
_AUTH = {"X-Sentry-Auth": "Sentry sentry_key=k, sentry_version=7"}


class NumberedSenders:
    """Threads: events with sessions over HTTP, log records and spans over gRPC.

    `sent` is noted before a request, `acknowledged` after its answer.
    """

    def __init__(self, http: int, grpc: int, threads: int, pause: float, text: str = "") -> None:
        """`threads` of each of the three; each waits for `pause` after a request."""
        self.sent: defaultdict[Kind, set[int]] = defaultdict(set)
        self.acknowledged: defaultdict[Kind, set[int]] = defaultdict(set)
        self.refused = 0  # requests without an acknowledgement
        self.lock = threading.Lock()
        self._numbers = count(1)
        self._http, self._grpc = http, grpc
        self._pause = pause
        self._text = text
        self._over = threading.Event()
        works = [self._events, self._logs, self._spans] * threads
        self._threads = [threading.Thread(target=work, daemon=True) for work in works]

    def __enter__(self) -> NumberedSenders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more; return when every request has ended. Idempotent."""
        self._over.set()
        for thread in self._threads:
            thread.join(2 * _TIMEOUT)

    def wait_for_more(self) -> None:
        """Return when something of each kind was acknowledged that was not when this began."""
        before, _ = self.counts()
        deadline = time.monotonic() + 2 * _TIMEOUT
        while any(n <= before.get(kind, 0) for kind, n in self.counts()[0].items()) or len(
            self.counts()[0]
        ) < len(self.sent):
            assert time.monotonic() < deadline, "nothing is acknowledged"
            time.sleep(0.01)

    def counts(self) -> tuple[dict[Kind, int], dict[Kind, int]]:
        """How many were acknowledged, and sent, by kind, at one moment."""
        with self.lock:
            return (
                {kind: len(numbers) for kind, numbers in self.acknowledged.items()},
                {kind: len(numbers) for kind, numbers in self.sent.items()},
            )

    def _send(
        self, kinds: tuple[Kind, ...], amount: int, send: Callable[[list[int]], bool]
    ) -> None:
        numbers = [next(self._numbers) for _ in range(amount)]
        with self.lock:
            for kind in kinds:
                self.sent[kind].update(numbers)
        if send(numbers):
            with self.lock:
                for kind in kinds:
                    self.acknowledged[kind].update(numbers)
        else:
            with self.lock:
                self.refused += 1
            self._over.wait(_NOBODY_THERE)

    def _events(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._http, timeout=_TIMEOUT)

        def send(numbers: list[int]) -> bool:
            try:
                connection.request(
                    "POST", "/api/1/envelope/", _envelope(numbers[0], self._text), _AUTH
                )
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                return False
            return answer.status == 200

        while not self._over.wait(self._pause):
            self._send(("event", "session"), 1, send)
        connection.close()

    def _logs(self) -> None:
        self._calls("log_record", _log_records, LogsServiceStub)

    def _spans(self) -> None:
        self._calls("otlp_span", _spans, TraceServiceStub)

    def _calls(self, kind: Kind, request: Callable[[list[int]], object], stub: type) -> None:
        # Else it waits longer and longer before it connects again.
        options = [
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 100),
            ("grpc.enable_retries", 0),
        ]
        with grpc.insecure_channel(f"127.0.0.1:{self._grpc}", options) as channel:
            export = stub(channel).Export

            def send(numbers: list[int]) -> bool:
                try:
                    answer = export(request(numbers), timeout=_TIMEOUT)
                except grpc.RpcError:
                    return False
                assert not answer.HasField("partial_success"), "a part was refused"
                return True

            while not self._over.wait(self._pause):
                self._send((kind,), _BATCH, send)


def _envelope(number: int, text: str) -> bytes:
    event_id = f"{number:032x}"
    event = {"event_id": event_id, "message": f"event {number}", "extra": {"text": text}}
    session = {
        "sid": event_id, "init": True, "status": "ok", "errors": 0, "seq": 1,
        "started": "2026-11-26T12:00:00Z", "timestamp": "2026-11-26T12:00:01Z",
        "attrs": {"release": "shop@1"},
    }  # fmt: skip
    lines = [{"event_id": event_id}, {"type": "event"}, event, {"type": "session"}, session]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _log_records(numbers: list[int]) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for number in numbers:
        records.add().body.string_value = f"record {number}"
    return request


def _spans(numbers: list[int]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    for number in numbers:
        span = spans.add()
        span.name = f"span {number}"
        span.trace_id = number.to_bytes(16, "big")
        span.span_id = number.to_bytes(8, "big")
    return request
