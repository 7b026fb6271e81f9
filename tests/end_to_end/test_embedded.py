"""errlock inside the application, with the default policy: nothing that it leaks gets out."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc  # type: ignore[import-untyped]  # it has no annotations
from canaries import CANARIES, found_in
from http_sink import http_sink
from live_bugsink import Bugsink
from live_senders import send_with_opentelemetry, send_with_sentry_python
from wire import Wire

MakeWire = Callable[[int], Wire]


def test_sentry_python(bugsink: Bugsink, wire: MakeWire) -> None:
    project, relay = bugsink.project("embedded"), wire(bugsink.port)
    send_with_sentry_python(project.dsn_through(relay.port), embed=True)
    assert found_in(relay.views()) == []
    issues = bugsink.issues(project)
    assert sorted(issue.type for issue in issues) == ["ConnectionError", "Log Message"]
    assert "charge" in [issue.last_frame for issue in issues]


def test_opentelemetry_over_http(wire: MakeWire) -> None:
    with http_sink() as port:
        relay = wire(port)
        send_with_opentelemetry("http", f"http://127.0.0.1:{relay.port}", embed=True)
        assert {request.start_line for request in relay.requests} == {
            "POST /v1/traces HTTP/1.1",
            "POST /v1/logs HTTP/1.1",
        }
    assert found_in(relay.views()) == []
    assert relay.contains(b"ConnectionError")


def test_opentelemetry_over_grpc(wire: MakeWire) -> None:
    accept = grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"")
    server = grpc.server(ThreadPoolExecutor(1))
    for service, name in (("logs", "Logs"), ("trace", "Trace")):
        full = f"opentelemetry.proto.collector.{service}.v1.{name}Service"
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(full, {"Export": accept}),)
        )
    relay = wire(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    send_with_opentelemetry("grpc", f"http://127.0.0.1:{relay.port}", embed=True)
    server.stop(0).wait()
    assert found_in(relay.views()) == []
    assert relay.contains(b"ConnectionError")


def test_opentelemetry_alone_leaks_every_canary(wire: MakeWire) -> None:
    with http_sink() as port:
        relay = wire(port)
        send_with_opentelemetry("http", f"http://127.0.0.1:{relay.port}")
    assert found_in(relay.views()) == list(CANARIES)
