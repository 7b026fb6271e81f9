"""A payload is packed without losing anything of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sanitised_payloads import envelope, event, logs, metrics, spans

from errlock.delivery.disk.packing import About, Damaged, checksum, pack, unpack
from errlock.pipeline.payloads.document import Payload
from errlock.pipeline.payloads.envelope import Envelope

_ITEMS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "log", "content_type": "application/vnd.sentry.items.log+json", "item_count": 2},
     {"items": [{"body": "one"}, {"body": "two", "level": "info"}], "version": 2}),
    ({"type": "session"}, {"sid": "7c7b6585-f901-4351-bf8d-02711b721929", "init": True}),
    ({"type": "check_in", "extra": "kept"}, {"monitor_slug": "nightly", "status": "ok"}),
    ({"type": "client_report"}, {"discarded_events": []}),
    ({"type": "feedback"}, {"contexts": {"feedback": {"message": "slow"}}}),
]  # fmt: skip


def many_items() -> Envelope:
    """An envelope with a container and items of many types."""
    lines = [msgspec.json.encode({"sdk": {"name": "sentry.python"}, "sent_at": "2026-01-01"})]
    for header, content in _ITEMS:
        body = msgspec.json.encode(content)
        lines += [msgspec.json.encode({**header, "length": len(body)}), body]
    return Envelope.decode(b"\n".join(lines) + b"\n", "café", 1.25)


def grown_attachment() -> Envelope:
    """An envelope with a text that was judged and became longer than what would be."""
    payload = envelope(event(), attachment=b"x" * 1024 * 1024)
    payload.documents[1].tree = "[secret.password] " * 80_000
    return payload


def partly_lost() -> Envelope:
    """An envelope that lost one of its two events."""
    payload = envelope(event(level="info"), event(level="fatal"))
    payload.documents[0].dropped = "filtered"
    return payload


@pytest.mark.parametrize(
    "payload",
    [
        envelope(event(), attachment=b"notes"), many_items(), grown_attachment(), partly_lost(),
        logs("one", "two"), spans("GET /", "POST /"), metrics(),
    ],
    ids=["event", "many items", "grown attachment", "partly lost", "logs", "traces", "metrics"],
)  # fmt: skip
def test_a_payload_is_the_same_unpacked(payload: Payload) -> None:
    payload.manifest = b"what it holds"
    back = unpack(About.of(payload, "p1"), pack(payload))
    assert (back.protocol, back.project, back.received, back.manifest) == (
        payload.protocol, payload.project, payload.received, payload.manifest,
    )  # fmt: skip
    assert [each.tree for each in back.documents] == [each.tree for each in payload.alive]
    assert [each.tree for each in back.contexts] == [each.tree for each in payload.contexts]
    assert back.types == payload.types
    assert back.encode() == payload.encode()


def test_bytes_that_were_encoded_before_are_taken() -> None:
    payload, other = envelope(event()), envelope(event(level="fatal"))
    packed = pack(payload, other.encode())
    assert unpack(About.of(payload, "p1"), packed).encode() == other.encode()


@pytest.mark.parametrize("cut", [0, 3, 40, -1])
def test_what_was_cut_is_damaged(cut: int) -> None:
    payload = envelope(event())
    packed = pack(payload)
    with pytest.raises(Damaged):
        unpack(About.of(payload, "p1"), packed[:cut])


def test_a_checksum_is_about_everything() -> None:
    about = About("sentry", "", "shop", 1.0, "p1")
    sums = {
        checksum(bound, body)
        for bound in (
            about.bound(1), about.bound(2), About("sentry", "", "shop", 2.0, "p1").bound(1),
            About("sentry", "", "shop", 1.0, "p2").bound(1),
            About("sentry", "", "shed", 1.0, "p1").bound(1),
            About("otlp", "logs", "shop", 1.0, "p1").bound(1),
        )
        for body in (b"one", b"two")
    }  # fmt: skip
    assert len(sums) == 12
