"""What real SDKs disclose of this very test, through a real collector, is what its ledger says."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import signal
from collections import defaultdict
from pathlib import Path
from typing import Any

import sentry_sdk
from http_sink import http_sink
from live_errlock import collector, otlp_at, running_errlock, sentry_at
from live_ports import listening_port
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from errlock.ledger.account.store import AccountStore
from errlock.ledger.code.disclosed import Disclosed, disclosed

HERE = Path(__file__)


class DeclinedError(Exception):
    """A payment was declined."""


RAISED = '        raise DeclinedError(f"order {order} was declined")'


def charge(order: int) -> None:
    """Raise. The lines around are part of what is sent."""
    if order:
        raise DeclinedError(f"order {order} was declined")


def config(folder: Path, receivers: dict[str, Any], exporters: dict[str, Any]) -> dict[str, Any]:
    written = collector(receivers, exporters)
    written["service"]["storage"] = str(folder / "store")
    return written


def kept(folder: Path, destination: str) -> dict[str, list[Disclosed]]:
    """What the ledger says, by kind."""
    store = AccountStore.to_read(folder / "store" / "ledger.db")
    found: dict[str, list[Disclosed]] = defaultdict(list)
    for each in disclosed(store.code, destination, 0, 2**40):
        found[each.kind].append(each)
    store.close()
    return found


def send_with_sentry(port: int, times: int) -> None:
    client = sentry_sdk.Client(
        f"http://key@127.0.0.1:{port}/7", server_name="shop-eu2.internal", release="shop@7.15.3",
        auto_enabling_integrations=False, project_root=str(HERE.parent),
    )  # fmt: skip
    with sentry_sdk.new_scope() as scope:
        scope.set_client(client)
        for order in range(1, times + 1):
            try:
                charge(order)
            except DeclinedError as declined:
                sentry_sdk.add_breadcrumb(
                    category="query", message=f"SELECT a FROM orders WHERE id = {order}"
                )
                scope.capture_exception(declined)
    client.close(timeout=60)


def lines(found: Disclosed) -> set[int]:
    borders = zip(found.lines[::2], found.lines[1::2], strict=True)
    return {line for start, stop in borders for line in range(start, stop)}


def shown(events: list[dict[str, Any]]) -> dict[str, set[int]]:
    """The files that events show, with the lines, read in the plainest way."""
    found: dict[str, set[int]] = defaultdict(set)
    for event in events:
        for value in event["exception"]["values"]:
            for frame in value["stacktrace"]["frames"]:
                start = frame["lineno"] - len(frame["pre_context"])
                stop = frame["lineno"] + 1 + len(frame["post_context"])
                found[frame["filename"]] |= set(range(start, stop))
    return found


def test_what_sentry_python_shows_of_a_program_is_kept(tmp_path: Path) -> None:
    port = listening_port()
    with http_sink() as sink:
        exporters = {
            "file/a": {"path": str(tmp_path / "a.jsonl")},
            "otlp_http": {"endpoint": f"http://127.0.0.1:{sink}"},
        }
        written = config(tmp_path, sentry_at(port), exporters)
        with running_errlock(written, tmp_path / "run") as errlock:
            send_with_sentry(port, 3)
            for name in exporters:
                errlock.wait_for_metric("errlock_exporter_sent_total", 3, exporter=name)
    left = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    events = [each["items"][0]["json"] for each in left]
    found = kept(tmp_path, "file/a")
    packages = {(each.name, each.detail) for each in found["package"]}
    assert packages >= set(events[0]["modules"].items())
    assert ("sentry-sdk", importlib.metadata.version("sentry-sdk")) in packages
    assert {name for name, _ in packages - set(events[0]["modules"].items())} == {"sentry.python"}
    assert {each.name: lines(each) for each in found["file"]} == shown(events)
    assert {each.detail for each in found["file"]} == {"own"}
    assert names(found) == {
        "exception": {f"{charge.__module__}.DeclinedError"},
        "host": {"shop-eu2.internal"},
        "platform": {"CPython"},
        "release": {"shop"},
        "sql": {"SELECT a FROM orders WHERE id = ?"},
    }
    assert {each.documents for kind in found.values() for each in kind} == {3}
    # As a log of OpenTelemetry it shows less: no modules, and of each call one line.
    crossed = kept(tmp_path, "otlp_http")
    assert {each.name for each in crossed["package"]} == {"sentry.python"}
    assert names(crossed)["exception"] == {f"{charge.__module__}.DeclinedError"}
    numbers = {
        frame["lineno"]
        for event in events
        for value in event["exception"]["values"]
        for frame in value["stacktrace"]["frames"]
    }
    assert {each.name: lines(each) for each in crossed["file"]} == {str(HERE): numbers}


def names(found: dict[str, list[Disclosed]]) -> dict[str, set[str]]:
    return {
        kind: {each.name for each in listed}
        for kind, listed in found.items()
        if kind not in ("package", "file")
    }


def send_with_opentelemetry(port: int, times: int) -> None:
    about = {"service.name": "shop", "service.version": "7.15.3", "host.name": "shop-eu2.internal"}
    provider = TracerProvider(resource=Resource.create(about))
    exporter = OTLPSpanExporter(f"http://127.0.0.1:{port}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("shop.checkout", "1.2.3")
    for order in range(1, times + 1):
        attributes = {"http.route": "/orders/{id}", "db.query.text": f"SELECT a WHERE id = {order}"}
        with (
            contextlib.suppress(DeclinedError),
            tracer.start_as_current_span("pay", attributes=attributes),
        ):
            charge(order)
    provider.shutdown()


def test_what_waited_through_kill_9_is_booked_when_it_is_delivered(tmp_path: Path) -> None:
    http, backend = listening_port(), listening_port()
    exporter = {
        "endpoint": f"http://127.0.0.1:{backend}",
        "retry_on_failure": {"initial_interval": "200ms", "max_interval": "200ms"},
    }
    written = config(tmp_path, otlp_at(listening_port(), http), {"otlp_http": exporter})
    with running_errlock(written, tmp_path / "run") as errlock:
        send_with_opentelemetry(http, 5)
        errlock.send(signal.SIGKILL)
        errlock.ended(10)
    assert kept(tmp_path, "otlp_http") == {}
    with http_sink(backend), running_errlock(written, tmp_path / "run") as errlock:
        errlock.wait_for_metric("errlock_exporter_sent_total", 5, exporter="otlp_http")
    found = kept(tmp_path, "otlp_http")
    assert names(found) == {
        "exception": {f"{charge.__module__}.DeclinedError"},
        "host": {"shop-eu2.internal"},
        "release": {"shop"},
        "route": {"/orders/{id}"},
        "sql": {"SELECT a WHERE id = ?"},
    }
    assert {(each.name, each.detail) for each in found["package"]} == {
        ("opentelemetry", importlib.metadata.version("opentelemetry-sdk")),
        ("shop.checkout", "1.2.3"),
    }
    source = HERE.read_text().splitlines()
    raised, called = source.index(RAISED) + 1, source.index("            charge(order)") + 1
    files = {each.name: lines(each) for each in found["file"] if each.detail == "own"}
    assert files == {str(HERE): {raised, called}}
    assert {each.documents for kind in found.values() for each in kind} == {5}


def test_at_depth_counts_nothing_of_code_is_kept(tmp_path: Path) -> None:
    port = listening_port()
    exporters = {"file/a": {"path": str(tmp_path / "a.jsonl")}}
    written = config(tmp_path, sentry_at(port), exporters)
    written["service"]["ledger"] = {"depth": "counts"}
    with running_errlock(written, tmp_path / "run") as errlock:
        send_with_sentry(port, 1)
        errlock.wait_for_metric("errlock_exporter_sent_total", 1, exporter="file/a")
    assert kept(tmp_path, "file/a") == {}
