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
