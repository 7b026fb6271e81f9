"""What a collector publishes is what followers believe."""

from __future__ import annotations

import pytest
from live_control import AUDIENCE, KEYS, ONLINE, RELEASE, release

from errlock.delivery.following.document import (
    Bundle,
    Online,
    Refused,
    Word,
    open_online,
    open_release,
)
from errlock.delivery.following.keys import SigningKey
from errlock.delivery.following.publisher import InForce, Publisher

NOW = 1_800_000_000.0


class Collector:
    """What is in force, on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = NOW
        self.trust: dict[str, Word] = {}
        self.active: dict[str, str] = {}
        self.publisher = Publisher(
            ONLINE,
            AUDIENCE,
            lambda: InForce(self.trust, self.active),
            [RELEASE.public],
            wall=lambda: self.now,
        )

    def distrust(self, name: str) -> None:
        self.trust = {name: Word(state="distrusted", since=self.now)}

    def part(self) -> Online:
        """The online part as a follower reads it."""
        signed = Bundle.decode(self.publisher.document()).online
        return open_online(signed, KEYS, AUDIENCE, self.now).part


def test_a_change_is_published_at_once_with_a_higher_version() -> None:
    collector = Collector()
    first = collector.part()
    collector.distrust("sentry")
    collector.active = {"sentry": "sentry/standby"}
    second = collector.part()
    assert (first.trust, first.active) == ({}, {})
    assert second.trust["sentry"] == Word(state="distrusted", since=NOW)
    assert second.active == {"sentry": "sentry/standby"}
    assert second.version > first.version
    assert collector.publisher.version == second.version


def test_it_is_signed_anew_every_few_seconds_and_not_at_each_request() -> None:
    collector = Collector()
    first = collector.publisher.document()
    collector.now += 4
    assert collector.publisher.document() == first
    collector.now += 2
    part = collector.part()
    assert part.issued == collector.now
    assert part.expires - part.issued == 30


def test_a_clock_that_is_set_back_does_not_lower_the_version() -> None:
    collector = Collector()
    first = collector.part()
    collector.now -= 3600
    assert collector.part().version > first.version


@pytest.mark.parametrize("ahead", [5.0, 365 * 86400.0])
def test_a_word_of_a_clock_that_was_ahead_keeps_nobody_from_believing(ahead: float) -> None:
    collector = Collector()
    collector.trust = {"sentry": Word(state="held", since=NOW + ahead)}
    assert collector.part().trust["sentry"] == Word(state="held", since=NOW)
    version = collector.publisher.version
    collector.now += 4
    assert collector.publisher.version == version, "whoever waits for it would wait for ever"
    collector.now += 2
    assert collector.part().trust["sentry"].since == NOW + min(ahead, 6.0)


def test_a_release_is_served_beside_it_until_it_expires() -> None:
    collector = Collector()
    collector.part()
    lifting = release(1, {"sentry": NOW}, issued=NOW, lifetime=60)
    opened = collector.publisher.publish(lifting)
    assert opened.part.lifted == {"sentry": NOW}
    served = Bundle.decode(collector.publisher.document()).release
    assert served is not None
    assert open_release(served, KEYS, AUDIENCE, NOW).digest == opened.digest
    collector.now += 61
    assert Bundle.decode(collector.publisher.document()).release is None


def test_a_release_that_followers_would_refuse_is_not_published() -> None:
    publisher = Collector().publisher
    publisher.publish(release(2, {}, issued=NOW))
    for bad, reason in {
        release(1, {}, issued=NOW): "rolled_back",
        release(2, {"sentry": NOW}, issued=NOW): "conflicting",
        release(3, {}, issued=NOW, audience="bank"): "wrong_audience",
        release(3, {}, issued=NOW, key=SigningKey.new("release")): "unsigned",
        release(3, {}, issued=NOW - 7200): "expired",
    }.items():
        with pytest.raises(Refused, match=reason):
            publisher.publish(bad)


def test_it_keeps_who_follows_and_what_they_have_in_force() -> None:
    collector = Collector()
    publisher = collector.publisher
    before = publisher.version
    publisher.heard("web-1", str(before))
    publisher.heard("web-2", str(before))
    collector.distrust("sentry")
    after = publisher.version
    publisher.heard("web-1", str(after))
    assert publisher.applied(after) == (1, 2)
    assert publisher.applied(before) == (2, 2)
    assert [follower.name for follower in publisher.followers()] == ["web-1", "web-2"]
    collector.now += 20
    publisher.heard("web-2", str(after))
    collector.now += 20
    assert publisher.applied(after) == (1, 1)


@pytest.mark.parametrize(
    ("name", "version"),
    [("", "1"), ("a b", "1"), ("\x1b[2J", "1"), ("x" * 200, "1"), ("web", ""), ("web", "-1"),
     ("web", "1e9"), ("web", "٣")],
)  # fmt: skip
def test_followers_with_a_name_or_version_that_is_none_are_not_kept(
    name: str, version: str
) -> None:
    publisher = Collector().publisher
    publisher.heard(name, version)
    assert publisher.followers() == []


def test_made_up_followers_do_not_fill_the_memory() -> None:
    collector = Collector()
    for number in range(10_100):
        collector.publisher.heard(f"web-{number}", "1")
    assert len(collector.publisher.followers()) == 10_000
    collector.now += 31
    collector.publisher.heard("web-1", "1")
    collector.publisher.heard("another", "1")
    assert [follower.name for follower in collector.publisher.followers()] == ["another", "web-1"]
