import json
import zlib
from base64 import b64encode

import pytest

from errlock.pipeline.errors import RefusedPayload
from errlock.receivers import sentry_requests

EVENT = {"event_id": "9ec79c33ec9942ab8353589fcb2e04dc", "message": "x"}


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(EVENT).encode(),
        b"\xef\xbb\xbf \r\n" + json.dumps(EVENT).encode(),
        b64encode(zlib.compress(json.dumps(EVENT).encode())),
    ],
    ids=["JSON", "BOM and blanks", "packed"],
)
def test_events_of_old_sdks_are_read(body: bytes) -> None:
    envelope = sentry_requests.store(body, 1000, 1.0)
    assert envelope.documents[0].tree == EVENT
    assert envelope.headers.event_id == EVENT["event_id"]


def test_a_packed_event_is_bounded() -> None:
    body = b64encode(zlib.compress(b'{"a":"' + b"x" * 100_000))
    with pytest.raises(RefusedPayload, match=r"^the event has more than 1000 bytes$"):
        sentry_requests.store(body, 1000, 1.0)


def test_reports_keep_the_release_of_the_page() -> None:
    query = {"sentry_release": "1", "sentry_environment": "prod", "sentry_key": "k"}
    envelope = sentry_requests.security(b'[{"a":1},{"b":2}]', "security", query, 1.0)
    assert b"sentry_key" not in envelope.encode()
    assert [each.tree for each in envelope.contexts[1:]] == [
        {"headers": {"sentry_release": "1", "sentry_environment": "prod"}}
    ] * 2


def test_repairs_of_reports_are_counted() -> None:
    assert sentry_requests.security(b'[{"a":NaN}]', "nel", {}, 1.0).repaired == 1
    assert sentry_requests.cron(b'{"status":"ok","a":NaN}', "x", {}, 1.0).repaired == 1


def test_a_network_error_becomes_a_log() -> None:
    body = {
        "sampling_fraction": 0.5, "server_ip": "192.0.2.1", "status_code": 0, "phase": "dns",
        "type": "dns.name_not_resolved", "request_headers": {"a": ["b"]}, "odd": None, "yes": True,
    }  # fmt: skip
    report = {"age": 1500, "type": "network-error", "url": "https://x/", "body": body,
              "user_agent": "Browser/1"}  # fmt: skip
    envelope = sentry_requests.security(json.dumps(report).encode(), "nel", {}, 100.0)
    (log,) = envelope.documents
    assert isinstance(log.tree, dict)
    assert log.trace_id is not None
    assert {**log.tree, "trace_id": None} == {
        "timestamp": 98.5,
        "trace_id": None,
        "level": "warn",
        "body": "network error in dns: dns.name_not_resolved",
        "attributes": {
            "nel.sampling_fraction": {"type": "double", "value": 0.5},
            "nel.server_ip": {"type": "string", "value": "192.0.2.1"},
            "nel.status_code": {"type": "integer", "value": 0},
            "nel.phase": {"type": "string", "value": "dns"},
            "nel.type": {"type": "string", "value": "dns.name_not_resolved"},
            "nel.request_headers": {"type": "string", "value": '{"a":["b"]}'},
            "nel.yes": {"type": "boolean", "value": True},
            "url.full": {"type": "string", "value": "https://x/"},
            "user_agent.original": {"type": "string", "value": "Browser/1"},
        },
    }


@pytest.mark.parametrize("report", [{}, {"body": 7, "age": "x"}, {"body": {"type": "ok"}}])
def test_odd_network_errors_become_logs(report: object) -> None:
    envelope = sentry_requests.security(json.dumps(report).encode(), "nel", {}, 100.0)
    assert isinstance(envelope.documents[0].tree, dict)
    assert envelope.documents[0].tree["timestamp"] == 100.0


def test_the_url_of_a_check_in_wins_over_its_body() -> None:
    envelope = sentry_requests.cron(
        b'{"status":"ok","monitor_slug":"other","release":"1"}',
        "nightly",
        {"status": "error", "check_in_id": "7"},
        1.0,
    )
    assert envelope.documents[0].tree == {
        "status": "error", "release": "1", "check_in_id": "7", "monitor_slug": "nightly",
    }  # fmt: skip
