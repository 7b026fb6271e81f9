"""Collectors and clients of one fleet: one word shuts all of them, one release opens them again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from live_control import AUDIENCE, KEYS, ONLINE, RELEASE, release
from live_fleet import collector, publishing
from live_ports import listening_port
from waiting import until

from errlock.delivery.following import publisher
from errlock.delivery.following.document import Signed
from errlock.delivery.following.keys import SigningKey
from errlock.pipeline.collector import expiry
from errlock.pipeline.collector.collector import Collector
from errlock.pipeline.embed import Control
from errlock.pipeline.embed.control import Destination
from errlock.pipeline.errors import Problem
from errlock.pipeline.fleet import fleet

SENTRY, OTLP = Destination("sentry"), Destination("otlp")
STANDBY = Destination("sentry/standby")


def following(url: str) -> dict[str, Any]:
    return {"url": url, "audience": AUDIENCE, "keys": [str(key) for key in KEYS]}


async def post(url: str, data: bytes) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.post(url, data=data) as answer:
        return answer.status, (await answer.json())["kind"]


def files_in(folder: Path) -> list[Path]:
    """All but those that are about to take the place of another."""
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".new"]


def states(one: Collector) -> dict[str, str]:
    return {id_: destination.trust for id_, destination in one.destinations.items()}


def lifting(version: int = 1, *names: str, key: SigningKey = RELEASE) -> bytes:
    return msgspec.json.encode(release(version, dict.fromkeys(names, time.time()), key=key))


async def test_one_word_shuts_the_fleet_and_one_release_opens_it(tmp_path: Path) -> None:
    async with (
        publishing(tmp_path / "a") as (first, document, url),
        collector(tmp_path / "b", follow=following(url)) as second,
    ):
        client = Control(name="web-1", **following(url))
        await until(lambda: client.trust(SENTRY) == "trusted")
        await until(lambda: len(document.followers()) == 2)
        await first.trust.tighten(["sentry"], "distrusted", "jane", "breach")
        said, version = time.monotonic(), document.version
        await until(lambda: client.trust(SENTRY) == "distrusted", seconds=2)
        await until(lambda: second.destinations["sentry"].trust == "distrusted", seconds=2)
        assert time.monotonic() - said < 2
        assert (client.trust(OTLP), second.destinations["otlp"].trust) == ("trusted", "trusted")
        assert client.target(SENTRY, [Destination("sentry/standby")]) == Destination(
            "sentry/standby"
        )
        await until(lambda: document.applied(version) == (2, 2))

        await first.trust.loosen(["sentry"], "trusted", "jane", "a mistake?")
        later = document.version
        await until(lambda: document.applied(later) == (2, 2))
        assert client.trust(SENTRY) == "distrusted"
        assert second.destinations["sentry"].trust == "distrusted"

        assert await post(url, lifting(1, "sentry")) == (200, "published")
        await until(lambda: client.trust(SENTRY) == "trusted")
        await until(lambda: second.destinations["sentry"].trust == "trusted")
        client.close()


def metric(one: Collector, series: str) -> float | None:
    """The value of a series in Prometheus' text format; None: it is not there."""
    for line in one.metrics.prometheus().decode().splitlines():
        name, _, value = line.rpartition(" ")
        if name == series:
            return float(value)
    return None


async def test_metrics_tell_of_trust_and_of_how_following_goes(tmp_path: Path) -> None:
    trust = 'errlock_exporter_trust{exporter="sentry"}'
    async with publishing(tmp_path / "a") as (first, _, url):
        async with collector(tmp_path / "b", follow=following(url)) as second:
            await until(lambda: metric(second, trust) == 0)
            await until(lambda: metric(first, "errlock_publish_followers") == 1)
            age = metric(second, "errlock_follow_age_seconds")
            assert age is not None
            assert 0 <= age < 30
            await first.trust.tighten(["sentry"], "held", "jane", "rumour")
            await until(lambda: metric(second, trust) == 1)
            await first.trust.tighten(["sentry"], "distrusted", "jane", "breach")
            await until(lambda: metric(second, trust) == 2)
            assert metric(first, trust) == 2
            await first.fleet.stop()
            failed = 'errlock_follow_failed_total{reason="unreachable"}'
            await until(lambda: (metric(second, failed) or 0) > 0)
        assert metric(first, "errlock_follow_age_seconds") is None


async def test_a_release_opens_the_collector_that_publishes_it_too(tmp_path: Path) -> None:
    async with publishing(tmp_path) as (one, _, url):
        await one.trust.tighten(["sentry", "example.com", "otlp"], "distrusted", "jane", "breach")
        assert await post(url, lifting(1, "sentry")) == (200, "published")
        assert states(one)["sentry"] == "distrusted"  # its operator still is
        assert await post(url, lifting(2, "example.com")) == (200, "published")
        assert states(one)["sentry"] == "trusted"
        assert states(one)["otlp"] == "distrusted"


async def test_a_release_lifts_nothing_that_was_said_after_it_was_signed(tmp_path: Path) -> None:
    async with publishing(tmp_path) as (one, _, url):
        signed = lifting(1, "sentry")
        await one.trust.tighten(["sentry"], "distrusted", "jane", "again")
        assert await post(url, signed) == (200, "published")
        assert one.destinations["sentry"].trust == "distrusted"


async def test_a_release_outlives_a_restart(tmp_path: Path) -> None:
    async with publishing(tmp_path) as (_, _, url):
        assert await post(url, lifting(5, "sentry")) == (200, "published")
    async with publishing(tmp_path) as (_, _, url):
        assert await post(url, lifting(4, "sentry")) == (409, "rolled_back")
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert "release" in await answer.json(content_type="application/json")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "malformed"),
        (b'{"payload":"","signature":"","\xff":1}', "malformed"),
        (lifting(7, "sentry", key=SigningKey.new("release")), "unsigned"),
        (None, "Is a directory"),
    ],
)
async def test_a_release_that_is_lost_is_told_and_opens_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None, why: str
) -> None:
    async with publishing(tmp_path) as (one, document, url):
        assert await post(url, lifting(5, "sentry")) == (200, "published")
        await one.trust.tighten(["sentry"], "distrusted", "jane", "breach")
    if content is None:
        (tmp_path / "release").unlink()
        (tmp_path / "release").mkdir(mode=0o700)
    else:
        (tmp_path / "release").write_bytes(content)
    async with publishing(tmp_path) as (one, document, url):
        assert f"the last release is published no more: {why}" in caplog.messages
        assert document.lost == why
        assert states(one)["sentry"] == "distrusted"
        if content is not None:
            assert await post(url, lifting(8, "sentry")) == (200, "published")
            assert document.lost is None
            assert states(one)["sentry"] == "trusted"


async def test_a_release_that_has_expired_is_not_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expired = release(5, {"sentry": 1.0}, issued=2.0)
    (tmp_path / "release").write_bytes(msgspec.json.encode(expired))
    (tmp_path / "release").chmod(0o600)
    async with publishing(tmp_path) as (_, document, _):
        assert document.lost is None
    assert not [each for each in caplog.messages if "release" in each]


async def test_what_is_no_release_of_this_fleet_is_refused(tmp_path: Path) -> None:
    async with publishing(tmp_path) as (one, _, url):
        await one.trust.tighten(["sentry"], "distrusted", "jane", "breach")
        for body, answer in [
            (b"", (413, "too_large")),
            (b"{", (400, "malformed")),
            (b'{"payload":"","signature":"","\xff":1}', (400, "malformed")),
            (b" " * 300_000, (413, "too_large")),
            (lifting(1, "sentry", key=SigningKey.new("release")), (409, "unsigned")),
            (msgspec.json.encode(release(1, {}, audience="bank")), (409, "wrong_audience")),
            (msgspec.json.encode(Signed(payload=b"{}", signature=b"")), (409, "unsigned")),
        ]:
            assert await post(url, body) == answer
        assert one.destinations["sentry"].trust == "distrusted"
        async with aiohttp.ClientSession() as session:
            assert (await session.get(url + "/more")).status == 404
            assert (await session.delete(url)).status == 405


async def test_words_of_people_and_of_the_document_stand_beside_each_other(tmp_path: Path) -> None:
    async with (
        publishing(tmp_path / "a") as (first, _, url),
        collector(tmp_path / "b", follow=following(url)) as second,
    ):
        await second.trust.tighten(["sentry"], "held", "joe", "looking into it")
        await first.trust.tighten(["example.com"], "distrusted", "jane", "breach")
        await until(lambda: second.destinations["sentry"].trust == "distrusted")
        assert await post(url, lifting(1, "example.com", "sentry")) == (200, "published")
        await until(lambda: second.destinations["sentry"].trust == "held")
        assert second.trust.of("sentry").by == "joe"


async def test_a_collector_whose_document_is_gone_holds_until_it_is_back(tmp_path: Path) -> None:
    async with publishing(tmp_path / "a") as (_, document, url):
        follow = {**following(url), "max_age": "1500ms"}
        async with collector(tmp_path / "b", follow=follow) as second:
            assert second.destinations["otlp"].trust == "trusted"
            await document.stop()
            await until(lambda: second.destinations["otlp"].trust == "held")
            assert second.trust.of("otlp").why == "no valid control document: unreachable"
            await document.start()
            await until(lambda: second.destinations["otlp"].trust == "trusted")


async def test_who_follows_a_follower_holds_while_its_document_is_gone_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (publisher, fleet):
        monkeypatch.setattr(module, "LIFETIME", 3.0)
    async with publishing(tmp_path / "a") as (_, document, url):
        follow = {**following(url), "max_age": "1500ms"}
        async with (
            publishing(tmp_path / "b", follow=follow) as (second, _, passed_on),
            collector(tmp_path / "c", follow=following(passed_on)) as third,
        ):
            await until(lambda: set(states(third).values()) == {"trusted"})
            await document.stop()
            await until(lambda: second.destinations["otlp"].trust == "held")
            # What people say there is passed on meanwhile, and is a word.
            await second.trust.tighten(["sentry"], "distrusted", "jane", "breach")
            await until(lambda: third.destinations["sentry"].trust == "distrusted", seconds=2)
            expired = "no valid control document: expired"
            await until(lambda: third.trust.of("otlp").why == expired)
            assert third.destinations["otlp"].trust == "held"
            await document.start()
            await until(lambda: third.destinations["otlp"].trust == "trusted")
            assert third.destinations["sentry"].trust == "distrusted"


async def test_two_that_follow_one_another_hold_nothing_of_themselves(tmp_path: Path) -> None:
    a, b = (f"localhost:{listening_port()}" for _ in range(2))
    follow = [following(f"http://{each}/control") for each in (a, b)]
    async with (
        publishing(tmp_path / "a", endpoint=a, follow=follow[1]) as (first, _, _),
        publishing(tmp_path / "b", endpoint=b, follow=follow[0]) as (second, _, _),
    ):
        await until(lambda: {*states(first).values(), *states(second).values()} == {"trusted"})


async def test_a_collector_that_never_saw_a_document_holds(tmp_path: Path) -> None:
    nobody = f"http://localhost:{listening_port()}/control"
    async with collector(tmp_path, follow=following(nobody)) as one:
        assert {each.trust for each in one.destinations.values()} == {"held"}


@pytest.mark.parametrize("name", ["release", "online"])
async def test_the_document_tells_no_key(tmp_path: Path, name: str) -> None:
    secret = {"release": RELEASE, "online": ONLINE}[name].reveal().split(":")[1]
    async with publishing(tmp_path) as (_, _, url), aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert secret not in await answer.text()
        assert [path for path in files_in(tmp_path) if secret.encode() in path.read_bytes()] == []


async def test_what_watches_and_obeys_goes_on_after_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """For a moment there may be no memory, or no thread: nobody would see that it has ended."""
    failed: set[str] = set()

    def failing_once(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def once(*args: Any) -> Any:
            if name not in failed:
                failed.add(name)
                raise MemoryError
            return work(*args)

        return once

    def look(_: object) -> list[Problem]:
        failed.add("looked again")
        return []

    monkeypatch.setattr(expiry, "invalid_now", failing_once("certificates", look))
    async with (
        publishing(tmp_path / "a") as (first, _, url),
        collector(tmp_path / "b", follow=following(url)) as second,
    ):
        await until(lambda: second.destinations["sentry"].trust == "trusted")
        for_it = failing_once("control document", second.trust.tighten)
        monkeypatch.setattr(second.trust, "tighten", for_it)
        await first.trust.tighten(["sentry"], "distrusted", "jane", "breach")
        await until(lambda: second.destinations["sentry"].trust == "distrusted")
        await until(lambda: "looked again" in failed)
    for name in ("certificates", "control document"):
        assert f"{name}: failed with MemoryError" in caplog.messages
