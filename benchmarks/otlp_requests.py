"""Export requests as real instrumentations fill them, of 2,000 records, with a wanted dirty share.

The records come from senders/otel_wsgi.py: spans of HTTP server, database and HTTP client, logs of
which a fifth have a stack trace. Ids, times and what names a visitor or a thing differ in each.
The peer of a clean server span is a proxy on the same machine: an address of anybody else is
personal data, and then every server span is dirty (`addresses`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Literal

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.record import recorded

Signal = Literal["traces", "logs"]
REQUESTS: Mapping[Signal, Any] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
}
RECORDS = 2_000

# How often records of an instrumentation come, in 10: names of scopes end like this.
_MIX: Mapping[Signal, Mapping[str, int]] = {
    "traces": {"wsgi": 3, "psycopg2": 6, "requests": 1},
    "logs": {"shop.orders": 8, "shop.http": 2},
}
_PERSONAL = "mail.example"
_VARIABLE: tuple[tuple[re.Pattern[str], Callable[[Random], str]], ...] = (
    (re.compile(r"(?<=visitor)\d+"), lambda random: str(random.randrange(10**6))),
    (re.compile(r"(?<=SKU-)\d{4}"), lambda random: f"{random.randrange(10**4):04d}"),
    (re.compile(r"(?<=/orders/)\d+"), lambda random: str(random.randrange(10**7))),
    (re.compile(r"(?<=customer )\d+"), lambda random: str(random.randrange(10**6))),
    (re.compile(r"(?<=198\.51\.100\.)\d+"), lambda random: str(random.randrange(1, 255))),
    (re.compile(r"(?<=access_token=)\w+"), lambda random: f"{random.getrandbits(128):032x}"),
)


class OtlpRequests:
    """Makes requests of one signal; the same seed makes the same ones."""

    def __init__(self, signal: Signal, seed: str) -> None:
        folder = recorded("otel")[0]
        self._signal = signal
        self._random = Random(f"{signal}/{seed}")
        self._request = REQUESTS[signal]
        self._clean = self._templates(folder / f"clean.{signal}.pb")
        dirty = self._templates(folder / f"dirty.{signal}.pb")
        self._dirty = [
            (scope, record)
            for scope, records in dirty.items()
            for record in records
            if _PERSONAL in str(record)
        ]

    def _templates(self, path: Path) -> dict[str, list[Any]]:
        """Recorded records by scope."""
        message = self._request.FromString(path.read_bytes())
        (around,) = _resources(message)
        self._resource = around.resource
        return {within.scope.name: list(_records(within)) for within in _scopes(around)}

    def request(self, dirty: float, *, addresses: bool = False, count: int = RECORDS) -> bytes:
        """One request, serialised as SDKs do."""
        message = self._request()
        around = _resources(message).add()
        around.resource.CopyFrom(self._resource)
        homes = {}
        for scope in self._clean:
            homes[scope] = _scopes(around).add()
            homes[scope].scope.name = scope
        chosen = set(self._random.sample(range(count), round(dirty * count)))
        for number in range(count):
            scope, template = self._pick(number in chosen)
            record = _records(homes[scope]).add()
            record.CopyFrom(template)
            self._vary(record, number)
            if addresses and scope.endswith("wsgi"):
                self._set_address(record)
        return bytes(message.SerializeToString())

    def _pick(self, dirty: bool) -> tuple[str, Any]:
        if dirty:
            return self._random.choice(self._dirty)
        mix = _MIX[self._signal]
        ending = self._random.choices(list(mix), list(mix.values()))[0]
        scope = next(name for name in self._clean if name.endswith(ending))
        return scope, self._random.choice(self._clean[scope])

    def _vary(self, record: Any, number: int) -> None:
        record.trace_id = self._random.randbytes(16)
        record.span_id = self._random.randbytes(8)
        if self._signal == "traces":
            record.start_time_unix_nano += number * 1_000_003
            record.end_time_unix_nano += number * 1_000_003
        else:
            record.time_unix_nano += number * 1_000_003
            record.body.string_value = self._varied(record.body.string_value)
        for attribute in record.attributes:
            if attribute.value.HasField("string_value"):
                attribute.value.string_value = self._varied(attribute.value.string_value)

    def _varied(self, text: str) -> str:
        for pattern, make in _VARIABLE:
            if pattern.search(text):
                text = pattern.sub(make(self._random), text)
        return text

    def _set_address(self, record: Any) -> None:
        for attribute in record.attributes:
            if attribute.key == "client.address":
                attribute.value.string_value = f"198.51.100.{self._random.randrange(1, 255)}"


def _resources(message: Any) -> Any:
    return message.resource_spans if hasattr(message, "resource_spans") else message.resource_logs


def _scopes(around: Any) -> Any:
    return around.scope_spans if hasattr(around, "scope_spans") else around.scope_logs


def _records(within: Any) -> Any:
    return within.spans if hasattr(within, "spans") else within.log_records


def all_records(message: Any) -> list[Any]:
    """The records of a request, in order."""
    return [
        record
        for around in _resources(message)
        for within in _scopes(around)
        for record in _records(within)
    ]
