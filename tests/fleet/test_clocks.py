"""A publisher whose clock is wrong for a while, as processes with the clocks that they see."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from live_control import AUDIENCE, KEYS, ONLINE, RELEASE, release
from live_errlock import collector, running_errlock, sentry_at
from live_operators import Controlled
from live_ports import listening_port
from waiting import wait_for

from errlock.delivery.following.follower import Follower
from errlock.delivery.following.source import HttpSource

DAY = 86400.0


@contextmanager
def publisher(folder: Path, publish: int, ahead: float) -> Iterator[Controlled]:
    """One that publishes at a port, with a clock that is ahead."""
    port = listening_port()
    config = collector(sentry_at(port), {"file": {"path": "out.jsonl"}})
    config["service"]["storage"] = "data"
    config["service"]["publish"] = {
        "signing_key": ONLINE.reveal(),
        "audience": AUDIENCE,
        "release_keys": [str(RELEASE.public)],
        "endpoint": f"127.0.0.1:{publish}",
    }
    with running_errlock(config, folder, behind=-ahead) as errlock:
        yield Controlled(errlock, folder, port)


class Following:
    """A follower that outlives its publishers, and whose clock may be ahead as theirs is."""

    def __init__(self, folder: Path, ahead: float) -> None:
        self.ahead = ahead
        self.port = listening_port()
        self.url = f"http://127.0.0.1:{self.port}/control"
        self.follower = Follower(
            HttpSource(self.url), KEYS, AUDIENCE, folder=folder / "follower",
            wall=lambda: time.time() + self.ahead,
        )  # fmt: skip

    def wait(self, state: str) -> None:
        """Return when a document is in force by which `file` is in this state."""
        trust = self.follower.trust
        wait_for(lambda: trust(["file"]) == state and self.follower.status().fresh, 60)

    def lift(self, version: int) -> None:
        """Sign a release of now, and publish it."""
        now = time.time() + self.ahead
        body = msgspec.json.encode(release(version, {"file": now}, issued=now))
        with urllib.request.urlopen(self.url, body, timeout=60) as answer:
            assert answer.status == 200


@pytest.fixture
def following(tmp_path: Path) -> Iterator[Following]:
    made = Following(tmp_path, DAY)
    yield made
    made.follower.close()


def test_a_word_reaches_who_followed_a_clock_that_was_ahead_and_is_right_since(
    tmp_path: Path, following: Following
) -> None:
    noted = tmp_path / "data" / "published"
    with publisher(tmp_path, following.port, following.ahead):
        following.wait("trusted")
        wait_for(noted.exists)
    following.ahead = 0.0
    assert following.follower.trust(["file"]) == "held"
    with publisher(tmp_path, following.port, following.ahead) as one:
        following.wait("trusted")
        one.command("distrust", "file", "--why", "breach")
        following.wait("distrusted")


def test_a_word_said_while_clocks_were_ahead_is_lifted_once_they_are_right(
    tmp_path: Path, following: Following
) -> None:
    with publisher(tmp_path, following.port, following.ahead) as one:
        following.wait("trusted")
        one.command("distrust", "file", "--why", "breach")
        following.wait("distrusted")
    following.ahead = 0.0
    with publisher(tmp_path, following.port, following.ahead) as one:
        following.wait("distrusted")
        following.lift(1)
        following.wait("trusted")
        assert "file is distrusted" not in one.command("status").stdout
        one.command("distrust", "file", "--why", "again")
        following.wait("distrusted")


def test_a_word_counts_that_is_said_after_clocks_were_put_right_which_a_release_was_signed_by(
    tmp_path: Path, following: Following
) -> None:
    with publisher(tmp_path, following.port, following.ahead) as one:
        following.wait("trusted")
        following.lift(1)
        record = tmp_path / "follower" / f"control-{AUDIENCE}.json"
        wait_for(lambda: '"lifted":{"file"' in record.read_text(), 60)
    following.ahead = 0.0
    with publisher(tmp_path, following.port, following.ahead) as one:
        following.wait("trusted")
        one.command("distrust", "file", "--why", "breach")
        following.wait("distrusted")
