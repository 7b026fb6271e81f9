import asyncio
import gzip
import json
import logging
import ssl
import uuid
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]  # it has no stubs
import pytest
import sentry_sdk
import zstandard
from recording_backend import recording_backend
from self_signed import self_signed
from sentry_bench import KEY, running
from sentry_sdk.integrations.logging import LoggingIntegration

from errlock.exporters.sentry import SentryExporterConfig
from errlock.pipeline.component import Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import RefusedPayload
from errlock.pipeline.options import PemFile, Secret
from errlock.receivers.sentry import SentryReceiverConfig
from errlock.receivers.sentry_auth import ProjectConfig
from errlock.receivers.tls import TlsConfig

ID = "9ec79c33ec9942ab8353589fcb2e04dc"
ENVELOPE = b'{"event_id":"%s"}\n{"type":"event"}\n{"message":"x"}\n' % ID.encode()
NOT_LISTED = (
    "projects: list who may send, because other machines reach this endpoint, "
    "or set accept_any_key: true"
)
SETTINGS = Settings(id="sentry", counters=Counters(), log=logging.getLogger("test"))
SHOP = {"shop": ProjectConfig(id=7, keys=[Secret(KEY)])}


async def test_an_envelope_arrives() -> None:
    async with running() as bench:
        status, body, _ = await bench.post("/api/7/envelope/", ENVELOPE)
        assert (status, body) == (200, {"id": ID})
        assert bench.sink.only.project == "7"
        assert bench.sink.only.documents[0].tree == {"message": "x"}
        assert bench.count("receiver_accepted") == {("event",): 1}


async def test_an_empty_envelope_is_fine() -> None:
    async with running() as bench:
        assert (await bench.post("/api/7/envelope/", b"{}\n"))[:2] == (200, {})


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("br", brotli.compress),
     ("zstd", zstandard.ZstdCompressor().compress)],
)  # fmt: skip
async def test_encoded_envelopes_arrive(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    async with running() as bench:
        answer = await bench.post("/api/7/envelope/", pack(ENVELOPE), Content_Encoding=encoding)
        assert answer[0] == 200
        assert bench.sink.only.documents[0].tree == {"message": "x"}


async def test_what_sentry_python_sends_arrives() -> None:
    async with running(projects=SHOP) as bench:

        def send() -> None:
            with sentry_sdk.new_scope() as scope:
                scope.set_client(
                    sentry_sdk.Client(
                        dsn=bench.dsn(), traces_sample_rate=1.0, enable_logs=True,
                        integrations=[LoggingIntegration(sentry_logs_level=logging.INFO)],
                        default_integrations=False,
                    )
                )  # fmt: skip
                scope.add_attachment(bytes=b"a text", filename="a.txt")
                with sentry_sdk.start_transaction(name="checkout"):
                    sentry_sdk.capture_exception(ValueError("boom"))
                sentry_sdk.logger.warning("low on stock")
                sentry_sdk.crons.capture_checkin(monitor_slug="nightly", status="ok")
                scope.get_client().flush(5)
                scope.get_client().close(5)

        await asyncio.to_thread(send)
        types = {each.type for got in bench.sink.envelopes for each in got.documents}
        assert {"event", "attachment", "transaction", "log", "check_in"} <= types
        assert {got.project for got in bench.sink.envelopes} == {"shop"}
        assert bench.count("receiver_requests_refused") == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Sentry_Auth": f"Sentry sentry_version=7, sentry_key={KEY}, sentry_client=x/1"},
        {"X_Sentry_Auth": f"Sentry sentry_key={KEY}"},
        {"Authorization": f"Sentry sentry_version=7,sentry_key={KEY}"},
        {"Authorization": "Basic " + b64encode(f"{KEY}:".encode()).decode()},
    ],
)
async def test_a_key_in_a_header_is_known(headers: dict[str, str]) -> None:
    async with running(projects=SHOP) as bench:
        assert (await bench.post("/api/7/envelope/", ENVELOPE, **headers))[0] == 200
        assert bench.sink.only.project == "shop"
        assert bench.sink.only.documents[0].project == "shop"


async def test_a_key_in_the_query_is_known() -> None:
    async with running(projects=SHOP) as bench:
        path = f"/api/7/envelope/?sentry_version=7&sentry_key={KEY}"
        answer = await bench.post(path, ENVELOPE, Content_Type="text/plain;charset=UTF-8")
        assert answer[0] == 200


@pytest.mark.parametrize("path", ["/tunnel", "/api/7/envelope/"])
async def test_a_tunnel_is_known_by_the_dsn_in_the_envelope(path: str) -> None:
    body = b'{"dsn":"https://%s@errors.example/7"}\n{"type":"event"}\n{}' % KEY.encode()
    async with running(projects=SHOP) as bench:
        assert (await bench.post(path, body))[0] == 200
        assert bench.sink.only.project == "shop"


@pytest.mark.parametrize(
    ("path", "headers", "status", "reason", "detail"),
    [
        ("/api/7/envelope/", {}, 401, "no_key", "missing authorization information"),
        ("/api/7/store/", {}, 401, "no_key", "missing authorization information"),
        ("/api/7/envelope/?sentry_key=hunter2", {}, 403, "unknown_key", "unknown public key"),
        ("/api/7/envelope/?sentry_key=h\u00fcnter2", {}, 403, "unknown_key", "unknown public key"),
        ("/api/7/envelope/", {"X_Sentry_Auth": "Sentry hunter2"}, 401, "no_key",
         "missing authorization information"),
        ("/api/7/envelope/", {"Authorization": "Basic hunter2"}, 401, "no_key",
         "missing authorization information"),
        (f"/api/8/envelope/?sentry_key={KEY}", {}, 403, "wrong_project",
         "the key is not of this project"),
        (f"/api/hunter%2F2/envelope/?sentry_key={KEY}", {}, 404, "not_found",
         "no such endpoint"),
        (f"/api/hun%20ter2/envelope/?sentry_key={KEY}", {}, 400, "bad_project",
         "invalid project id"),
    ],
)  # fmt: skip
async def test_an_unknown_sender_is_refused(
    path: str, headers: dict[str, str], status: int, reason: str, detail: str
) -> None:
    async with running(projects=SHOP) as bench:
        answer = await bench.post(path, ENVELOPE, **headers)
        assert answer[:2] == (status, {"detail": detail})
        assert bench.count("receiver_requests_refused") == {(reason,): 1}
        assert bench.sink.envelopes == []


@pytest.mark.parametrize(
    ("path", "method", "status", "reason"),
    [
        ("/", "GET", 404, "not_found"),
        ("/api/7/unknown/", "POST", 404, "not_found"),
        ("/api/7/envelope/", "GET", 405, "method"),
        ("/api/7/events/x/attachments/", "POST", 403, "unsupported"),
    ],
)
async def test_what_is_not_offered_is_refused(
    path: str, method: str, status: int, reason: str
) -> None:
    async with running() as bench:
        assert (await bench.post(path, method=method))[0] == status
        assert bench.count("receiver_requests_refused") == {(reason,): 1}


@pytest.mark.parametrize("path", ["/api/7/store/", "/api/store/"])
async def test_an_event_without_envelope_arrives(path: str) -> None:
    event = json.dumps({"event_id": ID, "message": "x"}).encode()
    async with running(projects=SHOP) as bench:
        answer = await bench.post(f"{path}?sentry_key={KEY}", event)
        assert answer[:2] == (200, {"id": ID})
        assert bench.sink.only.project == "shop"
        assert bench.sink.only.documents[0].project == "shop"
        assert bench.sink.only.documents[0].tree == {"event_id": ID, "message": "x"}


async def test_security_reports_arrive() -> None:
    report = json.dumps({"csp-report": {"blocked-uri": "http://x"}}).encode()
    async with running() as bench:
        path = f"/api/7/security/?sentry_key={KEY}&sentry_release=1.0"
        assert (await bench.post(path, report, Content_Type="application/csp-report"))[0] == 200
        (document,) = bench.sink.only.documents
        assert document.type == "raw_security"
        assert document.tree == {"csp-report": {"blocked-uri": "http://x"}}
        assert bench.sink.only.contexts[1].tree == {"headers": {"sentry_release": "1.0"}}


async def test_lists_of_browser_reports_arrive_one_by_one() -> None:
    async with running() as bench:
        assert (await bench.post("/api/7/csp-report/", b'[{"type":"a"},{"type":"b"}]'))[0] == 200
        assert [each.tree for each in bench.sink.only.documents] == [{"type": "a"}, {"type": "b"}]


async def test_network_errors_arrive_as_logs() -> None:
    async with running() as bench:
        report = {"type": "network-error", "url": "https://x/", "body": {"type": "tcp.timed_out"}}
        assert (await bench.post("/api/7/nel/", json.dumps([report]).encode()))[0] == 200
        assert [each.type for each in bench.sink.only.documents] == ["log"]


async def test_a_check_in_by_url_arrives() -> None:
    async with running(projects=SHOP) as bench:
        path = f"/api/7/cron/nightly/{KEY}/?status=ok&duration=1.5&environment=prod"
        assert (await bench.post(path, method="GET"))[0] == 200
        assert bench.sink.only.documents[0].tree == {
            "status": "ok", "environment": "prod", "duration": 1.5, "monitor_slug": "nightly",
            "check_in_id": "0" * 32,
        }  # fmt: skip
        body = b'{"status":"error","monitor_config":{"schedule":{"type":"crontab"}}}'
        assert (await bench.post(f"/api/7/cron/nightly/{KEY}", body))[0] == 200
        assert bench.sink.envelopes[1].documents[0].type == "check_in"


async def test_otlp_on_sentrys_path_arrives() -> None:
    record = {"body": {"stringValue": "x"}}
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()
    async with running(projects=SHOP) as bench:
        answer = await bench.post(
            "/api/7/integration/otlp/v1/logs", body, Content_Type="application/json",
            X_Sentry_Auth=f"sentry sentry_key={KEY}",
        )  # fmt: skip
        assert answer[:2] == (200, {})
        (payload,) = bench.sink.others
        assert (payload.project, payload.protocol) == ("shop", "otlp")
        assert payload.documents[0].tree == {"body": "x"}
        assert bench.count("receiver_accepted") == {("log_record",): 1}
        assert (await bench.post("/api/7/integration/otlp/v1/logs", body))[0] == 401


@pytest.mark.parametrize("path", ["/api/7/minidump/", "/api/7/unreal/KEY/", "/api/7/playstation"])
async def test_crash_reports_are_answered_but_not_kept(path: str) -> None:
    async with running(projects=SHOP) as bench:
        path = path.replace("KEY", KEY) + f"?sentry_key={KEY}"
        status, body, _ = await bench.post(path, b"MDMP hunter2" * 1000)
        assert status == 200
        uuid.UUID(body)
        assert bench.sink.envelopes == []
        assert bench.count("receiver_refused") == {("unknown", "unsupported"): 1}


async def test_a_page_may_ask_before_it_sends() -> None:
    async with running() as bench:
        status, _, headers = await bench.post(
            "/api/7/envelope/", method="OPTIONS", Origin="https://shop.example",
            Access_Control_Request_Method="POST",
        )  # fmt: skip
        assert (status, headers["access-control-allow-origin"]) == (200, "*")
        assert "x-sentry-auth" in headers["access-control-allow-headers"]
        assert headers["access-control-allow-methods"] == "GET, POST, OPTIONS"


async def test_a_page_sees_the_rate_limits() -> None:
    async with running(allowed_origins=["https://shop.example"]) as bench:
        _, _, headers = await bench.post(
            "/api/7/envelope/", ENVELOPE, Origin="https://shop.example"
        )
        assert headers["access-control-allow-origin"] == "https://shop.example"
        assert "x-sentry-rate-limits" in headers["access-control-expose-headers"]


async def test_other_pages_are_refused() -> None:
    async with running(allowed_origins=["https://shop.example"]) as bench:
        status, body, headers = await bench.post(
            "/api/7/envelope/", ENVELOPE, Origin="https://evil.example"
        )
        assert (status, body) == (403, {"detail": "this origin may not send"})
        assert "access-control-allow-origin" not in headers
        assert bench.sink.envelopes == []


@pytest.mark.parametrize(
    ("hops", "address"),
    [
        ("6.6.6.6, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9:4711, 10.1.1.1:443", "203.0.113.9"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("fe80::1%hunter2", "fe80::1"),
        ("203.0.113.9, hunter2", None),
        ("[]:443", None),
    ],
)
async def test_the_senders_address_is_put_in_behind_a_trusted_proxy(
    hops: str, address: str | None
) -> None:
    body = b'{}\n{"type":"event"}\n{"user":{"ip_address":"{{auto}}"}}'
    async with running(trusted_proxies=["127.0.0.0/8", "10.0.0.0/8"]) as bench:
        await bench.post("/api/7/envelope/", body, X_Forwarded_For=hops)
        assert bench.sink.only.documents[0].tree == {"user": {"ip_address": address}}


async def test_nobody_else_is_believed_about_addresses() -> None:
    body = b'{}\n{"type":"event"}\n{"user":{"ip_address":"{{auto}}"}}'
    async with running() as bench:
        await bench.post("/api/7/envelope/", body, X_Forwarded_For="6.6.6.6")
        assert bench.sink.only.documents[0].tree == {"user": {"ip_address": "127.0.0.1"}}


async def test_refused_documents_are_counted_by_type_and_reason() -> None:
    body = b'{}\n{"type":"event"}\n{"a":\n{"type":"session"}\n{}\n{"type":"profile"}\n{}'
    async with running() as bench:
        bench.sink.refused = {("event", "broken"): 1, ("unknown", "unsupported"): 1}
        assert (await bench.post("/api/7/envelope/", body))[0] == 200
        assert bench.count("receiver_accepted") == {("session",): 1}
        assert bench.count("receiver_refused") == {
            ("event", "broken"): 1, ("unknown", "unsupported"): 1,
        }  # fmt: skip


async def test_repairs_are_counted() -> None:
    body = b'\xef\xbb\xbf{}\n{"type":"event"}\n{"a":NaN,"b":"\\ud83d"}'
    async with running() as bench:
        await bench.post("/api/7/envelope/", body)
        assert bench.sink.only.documents[0].tree == {"a": None, "b": "\ufffd"}
        assert bench.count("receiver_repaired") == {(): 3}


async def test_when_busy_the_kinds_of_least_worth_are_refused_by_name() -> None:
    span = b'{}\n{"type":"transaction"}\n{}'
    async with running() as bench:
        bench.sink.refusals = [RefusedPayload(429, "busy", "too busy")]
        status, body, headers = await bench.post("/api/7/envelope/", span)
        assert (status, body) == (429, {"detail": "too busy for documents of this kind"})
        seconds, categories, *_ = headers["x-sentry-rate-limits"].split(":")
        assert 1 <= int(seconds) <= 10
        assert "transaction" in categories.split(";")
        assert "error" not in categories.split(";")
        assert "retry-after" not in headers
        assert bench.count("receiver_refused") == {("transaction", "rate_limited"): 1}


async def test_when_busy_an_error_waits_for_room() -> None:
    body = ENVELOPE + b'{"type":"session"}\n{}\n'
    async with running() as bench:
        bench.sink.refusals = [RefusedPayload(429, "busy", "too busy")] * 2
        status, _, headers = await bench.post("/api/7/envelope/", body)
        assert status == 200
        assert "x-sentry-rate-limits" in headers
        assert [each.type for each in bench.sink.only.alive] == ["event"]
        assert bench.count("receiver_accepted") == {("event",): 1}
        assert bench.count("receiver_refused") == {("session", "rate_limited"): 1}


async def test_the_sdk_goes_on_sending_errors_when_transactions_are_shed() -> None:
    async with running() as bench:
        bench.sink.refusals = [RefusedPayload(429, "busy", "too busy")]

        def send() -> None:
            client = sentry_sdk.Client(dsn=bench.dsn(), default_integrations=False)
            client.capture_event({"type": "transaction", "transaction": "x", "spans": []})
            client.flush(5)
            client.capture_event({"message": "an error"})
            client.close(5)

        await asyncio.to_thread(send)
        assert [got.documents[0].type for got in bench.sink.envelopes] == ["event"]


async def test_shutting_down_is_told() -> None:
    async with running() as bench:
        bench.sink.refusals = [RefusedPayload(503, "shutdown", "shutting down")]
        answer = await bench.post("/api/7/envelope/", ENVELOPE)
        assert answer[:2] == (503, {"detail": "shutting down"})
        assert bench.count("receiver_requests_refused") == {("shutdown",): 1}


async def test_what_fails_behind_the_door_is_counted() -> None:
    async with running() as bench:
        bench.sink.refusals = [MemoryError("hunter2")]
        answer = await bench.post("/api/7/envelope/", ENVELOPE)
        assert answer[:2] == (500, {"detail": "internal error"})
        assert bench.count("receiver_requests_refused") == {("internal",): 1}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"endpoint": "hunter2"},
         "endpoint: expected host:port, such as localhost:4317 or [::1]:4317"),
        ({"endpoint": "0.0.0.0:9000"}, NOT_LISTED),
        ({"endpoint": ":9000"}, NOT_LISTED),
        ({"trusted_proxies": ["10.0.0.0/8", "hunter2"]},
         "trusted_proxies[1]: expected a network such as 10.0.0.0/8"),
        ({"projects": {"a": ProjectConfig(id=1, keys=[Secret("k"), Secret("k")])}},
         "projects.a.keys: a key is listed more than once"),
        ({"projects": {"a": ProjectConfig(id=1, keys=[Secret("k"), Secret("l\n")])}},
         "projects.a.keys[1]: expected one line without blanks, as in the DSN"),
    ],
)  # fmt: skip
def test_a_bad_configuration_is_told(options: dict[str, Any], problem: str) -> None:
    assert [str(each) for each in SentryReceiverConfig(**options).problems()] == [problem]


@pytest.mark.parametrize(
    "options",
    [{}, {"endpoint": "[::1]:9000"}, {"endpoint": "0.0.0.0:9000", "projects": SHOP},
     {"endpoint": "0.0.0.0:9000", "accept_any_key": True}],
)  # fmt: skip
def test_a_good_configuration_has_no_problems(options: dict[str, Any]) -> None:
    assert list(SentryReceiverConfig(**options).problems()) == []


async def test_https_is_served_with_a_certificate(tmp_path: Path) -> None:
    cert_file, key_file = self_signed(tmp_path)
    trust = ssl.create_default_context(cafile=cert_file)
    tls = TlsConfig(cert_file=PemFile(cert_file), key_file=PemFile(key_file))
    options = {"tls": tls, "endpoint": "localhost:0"}
    async with running(**options) as bench:
        url = f"https://localhost:{bench.receiver.port}/api/7/envelope/"
        async with bench.session.post(url, data=ENVELOPE, ssl=trust) as response:
            assert response.status == 200
        assert len(bench.sink.envelopes) == 1


def test_a_missing_certificate_is_told(tmp_path: Path) -> None:
    tls = TlsConfig(cert_file=PemFile(tmp_path / "none"), key_file=PemFile(tmp_path / "none"))
    assert [str(each) for each in tls.problems()] == [
        f"cert_file: {tmp_path / 'none'} cannot be read: No such file or directory",
        f"key_file: {tmp_path / 'none'} cannot be read: No such file or directory",
    ]


async def test_what_came_in_goes_out_to_a_backend() -> None:
    """SDK, receiver, exporter, backend: what the sender wrote, less what it may not say."""
    async with recording_backend() as there, running(projects=SHOP) as bench:
        exporter = SentryExporterConfig(dsn=Secret(there.dsn()), compression="none").build(SETTINGS)
        await exporter.start()

        def send() -> None:
            with sentry_sdk.new_scope() as scope:
                scope.set_client(sentry_sdk.Client(dsn=bench.dsn(), default_integrations=False))
                sentry_sdk.capture_message("an error")
                scope.get_client().close(5)

        await asyncio.to_thread(send)
        await exporter.export(bench.sink.only)
        await exporter.stop()
    assert KEY.encode() not in there.wire
    header, _, event = there.requests[0].body.splitlines()
    assert json.loads(header)["event_id"] == bench.sink.only.documents[0].event_id
    assert json.loads(header)["trace"]["public_key"] == "theirkey"
    assert json.loads(event)["message"] == "an error"
