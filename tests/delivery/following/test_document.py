"""What a reader of control documents believes: nothing but what its keys signed, for it, now."""

from __future__ import annotations

import json

import msgspec
import pytest
from live_control import AUDIENCE, KEYS, ONLINE, RELEASE, bundle, online, release

from errlock.delivery.following.document import (
    MAX_AHEAD,
    MAX_BYTES,
    MAX_NAMES,
    Bundle,
    Refused,
    Signed,
    open_online,
    open_release,
)
from errlock.delivery.following.keys import KeyUnusable, PublicKey, SigningKey
from errlock.delivery.following.writing import write_online, write_release

NOW = 1_800_000_000.0


def refusal(signed: Signed, now: float = NOW, *, as_release: bool = False) -> str | None:
    """Why it does not count; None: it does."""
    try:
        (open_release if as_release else open_online)(signed, KEYS, AUDIENCE, now)
    except Refused as refused:
        return refused.reason
    return None


def signed_as_written(document: object, key: SigningKey = ONLINE) -> Signed:
    """Any JSON, with a good signature."""
    payload = json.dumps(document).encode()
    return Signed(payload=payload, signature=key.sign(payload))


def written(**changes: object) -> dict[str, object]:
    """A good online part as JSON, with changes."""
    part = json.loads(online(7, issued=NOW, distrusted=("sentry",)).payload)
    return {**part, **changes}


def test_a_good_document_is_believed() -> None:
    part = open_online(
        online(7, issued=NOW, distrusted=("sentry",), active={"sentry": "sentry/standby"}),
        KEYS, AUDIENCE, NOW,
    ).part  # fmt: skip
    assert part.version == 7
    assert part.trust["sentry"].state == "distrusted"
    assert part.active == {"sentry": "sentry/standby"}


def test_what_another_key_signed_is_not() -> None:
    assert refusal(online(key=SigningKey.new("online"), issued=NOW)) == "unsigned"
    assert refusal(release(1, {}, key=SigningKey.new("release"), issued=NOW), as_release=True) == (
        "unsigned"
    )


def test_a_key_signs_for_its_own_role_only() -> None:
    lifting = {"audience": AUDIENCE, "version": 1, "issued": NOW, "expires": NOW + 9, "lifted": {}}
    assert refusal(signed_as_written(lifting, RELEASE), as_release=True) is None
    assert refusal(signed_as_written(lifting, ONLINE), as_release=True) == "unsigned"
    disguised = SigningKey("release", ONLINE.raw)
    assert refusal(signed_as_written(lifting, disguised), as_release=True) == "unsigned"
    assert refusal(signed_as_written(written(), RELEASE)) == "unsigned"


@pytest.mark.parametrize("place", ["payload", "signature"])
def test_each_changed_bit_is_noticed(place: str) -> None:
    good = online(7, issued=NOW)
    data = bytearray(getattr(good, place))
    for bit in range(len(data) * 8):
        data[bit // 8] ^= 1 << bit % 8
        assert refusal(msgspec.structs.replace(good, **{place: bytes(data)})) == "unsigned"
        data[bit // 8] ^= 1 << bit % 8


def test_a_document_for_another_fleet_does_not_count() -> None:
    assert refusal(online(audience="bank", issued=NOW)) == "wrong_audience"


def test_a_document_counts_from_when_it_was_issued_until_it_expires() -> None:
    signed = online(7, issued=NOW, lifetime=30)
    times = {NOW - MAX_AHEAD - 1: "from_the_future", NOW: None, NOW + 29: None, NOW + 30: "expired"}
    assert {now: refusal(signed, now) for now in times} == times


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0},
        {"version": -1},
        {"version": 7.5},
        {"version": "7"},
        {"version": None},
        {"expires": NOW},
        {"expires": NOW + 10 * 365 * 86400},
        {"expires": "tomorrow"},
        {"trust": {"sentry": {"state": "trusted", "since": NOW}}},
        {"trust": {"sentry": {"state": "distrusted", "since": NOW + 1}}},
        {"trust": {"sentry": "distrusted"}},
        {"trust": {"sen\ntry": {"state": "held", "since": NOW}}},
        {"trust": {"": {"state": "held", "since": NOW}}},
        {"trust": {f"d{n}": {"state": "held", "since": NOW} for n in range(3 * MAX_NAMES + 1)}},
        {"active": {"sentry": ""}},
        {"active": {"sentry": ["sentry/standby"]}},
        {"policy": "minimal"},
        {"dsn": "https://key@evil.example/1"},
    ],
    ids=lambda changes: f"{changes}"[:60],
)
def test_what_does_not_belong_into_a_document_spoils_it(changes: dict[str, object]) -> None:
    assert refusal(signed_as_written(written())) is None
    assert refusal(signed_as_written(written(**changes))) == "malformed"


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN"])
def test_times_are_finite(number: str) -> None:
    payload = (
        json.dumps(written(expires=1)).replace('"expires": 1', f'"expires": {number}').encode()
    )
    assert refusal(Signed(payload=payload, signature=ONLINE.sign(payload))) == "malformed"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 20_000,
        bundle(online())[:-1],
        bundle(online()) + b"x",
        bundle(online()).replace(b'"payload"', b'"payl0ad"'),
        bundle(online()).replace(b'"online"', b'"signatures":[],"online"'),
        bundle(online()).replace(b'"payload":"', b'"payload":"*'),
        b'{"online":{"payload":{},"signature":""}}',
    ],
    ids=lambda data: f"{data[:20]}",
)
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match="malformed"):
        Bundle.decode(data)


def test_a_document_that_is_too_large_is_not_even_read() -> None:
    with pytest.raises(Refused, match="too_large"):
        Bundle.decode(bundle(online()) + b" " * MAX_BYTES)


def test_what_is_signed_are_the_bytes_and_not_a_reading_of_them() -> None:
    pretty = json.dumps(written(), indent=4).encode()
    signed = Signed(payload=pretty, signature=ONLINE.sign(pretty))
    again = Bundle.decode(Bundle(online=signed).encode()).online
    assert again.payload == pretty
    assert refusal(again) is None


@pytest.mark.parametrize("role", ["online", "release"])
def test_keys_survive_as_text(role: str) -> None:
    key = ONLINE if role == "online" else RELEASE
    assert SigningKey.parse(key.reveal() + "\n") == key
    assert PublicKey.parse(str(key.public)) == key.public
    assert key.reveal().split(":")[1] not in repr(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "online",
        "online:",
        "online:AAAA",
        "other:" + "A" * 44,
        ONLINE.reveal(),
        "online:" + "*" * 44,
    ],
    ids=range(7),
)
def test_what_is_no_public_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(KeyUnusable) as raised:
        PublicKey.parse(text)
    assert str(raised.value) == (
        "expected online:… or release:…, as `errlock control key` makes them"
    )


def test_a_public_key_does_not_sign() -> None:
    with pytest.raises(KeyUnusable):
        SigningKey.parse(str(ONLINE.public))


def test_what_goes_on_from_a_document_of_a_clock_that_was_ahead_is_believed() -> None:
    before = Bundle(
        online=online(issued=NOW + 3600, distrusted=("sentry",)),
        release=release(1, {"otlp": NOW + 3600}, issued=NOW + 3600),
    )
    words = write_online(ONLINE, AUDIENCE, {"otlp": "held"}, {}, before, now=NOW, lifetime=60)
    said = open_online(words, KEYS, AUDIENCE, NOW).part.trust
    assert {name: word.since for name, word in said.items()} == {"sentry": NOW, "otlp": NOW}
    lifting = write_release(RELEASE, AUDIENCE, ["file"], before, now=NOW, lifetime=60)
    lifted = open_release(lifting, KEYS, AUDIENCE, NOW).part.lifted
    assert lifted == {"otlp": NOW, "file": NOW}
