"""A publisher whose clock is wrong for a while, as processes with the clocks that they see."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from live_control import AUDIENCE, KEYS, ONLINE
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
        "endpoint": f"127.0.0.1:{publish}",
    }
    with running_errlock(config, folder, behind=-ahead) as errlock:
        yield Controlled(errlock, folder, port)


def test_a_word_reaches_who_followed_a_clock_that_was_ahead_and_is_right_since(
    tmp_path: Path,
) -> None:
    port, ahead = listening_port(), DAY
    follower = Follower(
        HttpSource(f"http://127.0.0.1:{port}/control"),
        KEYS,
        AUDIENCE,
        folder=tmp_path / "follower",
        wall=lambda: time.time() + ahead,
    )
    noted = tmp_path / "data" / "published"
    with publisher(tmp_path, port, ahead):
        wait_for(lambda: follower.trust(["file"]) == "trusted")
        wait_for(noted.exists)
    ahead = 0.0
    assert follower.trust(["file"]) == "held"
    with publisher(tmp_path, port, ahead) as one:
        wait_for(lambda: follower.trust(["file"]) == "trusted")
        one.command("distrust", "file", "--why", "breach")
        wait_for(lambda: follower.trust(["file"]) == "distrusted")
    follower.close()
