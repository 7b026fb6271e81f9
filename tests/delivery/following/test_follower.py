"""A follower against a server that gives out documents, hostile ones, or nothing."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from live_control import (
    AUDIENCE,
    KEYS,
    ControlServer,
    Manner,
    bundle,
    control_server,
    online,
    release,
)
from waiting import wait_for

from errlock.delivery.following import follower as following
from errlock.delivery.following import source as asking
from errlock.delivery.following.document import MAX_BYTES
from errlock.delivery.following.follower import Follower
from errlock.delivery.following.keys import SigningKey
from errlock.delivery.following.source import FetchFailed, FileSource, HttpSource


@pytest.fixture
def control() -> Iterator[ControlServer]:
    with control_server() as server:
        yield server


@pytest.fixture
def follow() -> Iterator[Callable[..., Follower]]:
    """Makes followers that are closed in the end."""
    made: list[Follower] = []

    def make(where: str | Path, **options: Any) -> Follower:
        source = FileSource(where) if isinstance(where, Path) else HttpSource(where)
        made.append(Follower(source, KEYS, AUDIENCE, **options))
        return made[-1]

    yield make
    for follower in made:
        follower.close()


Follow = Callable[..., Follower]


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty looks a second, and less patience with a slow answer."""
    monkeypatch.setattr(following, "INTERVAL", 0.05)
    monkeypatch.setattr(asking, "_PATIENCE", 0.3)


def wait_for_state(follower: Follower, state: str, name: str = "sentry") -> None:
    wait_for(lambda: follower.trust([name]) == state)


def test_everything_is_held_until_a_document_was_seen(
    control: ControlServer, follow: Follow
) -> None:
    control.manner = "never"
    follower = follow(control.url)
    assert follower.trust(["sentry"]) == "held"
    control.closing.set()
    control.manner = "well"
    wait_for_state(follower, "trusted")


def test_no_thread_and_no_connection_before_it_is_asked(
    control: ControlServer, follow: Follow
) -> None:
    before = threading.active_count()
    follower = follow(control.url)
    assert not follower.status().fresh
    assert threading.active_count() == before
    follower.trust(["sentry"])
    wait_for(lambda: control.connections == 1)


def test_where_no_thread_can_begin_everything_is_held_until_one_can(
    control: ControlServer, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    follower = follow(control.url)
    with monkeypatch.context() as ending:
        ending.setattr(threading.Thread, "start", start)
        assert follower.trust(["sentry"]) == "held"
        assert follower.status().trouble == "no_thread"
    wait_for_state(follower, "trusted")


@pytest.mark.parametrize("begins", ["at once", "late"])
def test_a_thread_whose_start_was_interrupted_follows_alone(
    follow: Follow, control: ControlServer, monkeypatch: pytest.MonkeyPatch, begins: str
) -> None:
    start, threads = threading.Thread.start, list[threading.Thread]()

    def interrupted(thread: threading.Thread) -> None:
        if thread.name != "errlock-follower":  # the server's
            start(thread)
            return
        threads.append(thread)
        is_first = len(threads) == 1
        if not is_first or begins == "at once":
            start(thread)
        if is_first:
            raise KeyboardInterrupt  # as the handler of a signal does

    follower = follow(control.url)
    with monkeypatch.context() as interrupting:
        interrupting.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            follower.trust(["sentry"])
        follower.trust(["sentry"])
    if begins == "late":
        threads[0].start()
        threads[0].join(10)
    wait_for_state(follower, "trusted")
    expected = [True] if begins == "at once" else [False, True]
    assert [thread.is_alive() for thread in threads] == expected


def test_who_asks_often_has_the_server_asked_no_more_often(
    control: ControlServer, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "INTERVAL", 3600)
    control.manner = "error"
    follower = follow(control.url)
    # Twice: what is known after the first time is told.
    wait_for(lambda: follower.trust(["sentry"]) == "held" and len(control.requests) == 2)
    for _ in range(300):
        assert follower.trust(["sentry"]) == "held"
        time.sleep(0.001)
    assert len(control.requests) == 2


def test_a_word_is_in_force_within_two_seconds_and_told(
    control: ControlServer, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # at the pace that users have
    follower = follow(control.url, name="web-1")
    heard: list[str] = []
    follower.subscribe(lambda: heard.append(follower.trust(["sentry"])))
    wait_for_state(follower, "trusted")
    control.say(distrusted=("sentry",), active={"sentry": "sentry/standby"})
    said = time.monotonic()
    wait_for_state(follower, "distrusted")
    assert time.monotonic() - said < 2
    assert follower.standby("sentry") == "sentry/standby"
    control.wait_until_applied()
    assert heard == ["trusted", "distrusted"]
    assert {request["follower"] for request in control.requests} == {"web-1"}


def test_one_connection_is_enough_and_what_did_not_change_is_not_sent_again(
    control: ControlServer, follow: Follow
) -> None:
    follower = follow(control.url)
    wait_for_state(follower, "trusted")
    wait_for(lambda: control.not_modified >= 2)
    assert control.connections == 1


def test_a_file_is_followed_like_an_address(tmp_path: Path, follow: Follow) -> None:
    file = tmp_path / "control.json"
    file.write_bytes(bundle(online()))
    follower = follow(file)
    wait_for_state(follower, "trusted")
    file.write_bytes(bundle(online(distrusted=("sentry",))))
    wait_for_state(follower, "distrusted")
    file.unlink()
    wait_for(lambda: follower.status().trouble == "unreadable")
    assert follower.trust(["sentry"]) == "distrusted"


def test_a_pipe_in_place_of_a_document_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "control.json")
    source = FileSource(tmp_path / "control.json")
    assert source.fetch({}) == b""
    with (tmp_path / "control.json").open("r+b", buffering=0) as writer:
        with pytest.raises(FetchFailed, match="unreadable"):
            source.fetch({})
        writer.write(b"{}")
        assert source.fetch({}) == b"{}"


def hostile() -> dict[str, tuple[Callable[[], bytes], str]]:
    """Documents that say `trusted` to a follower that knows better, and why they do not count."""
    old = online(int(time.time() * 1000) - 60_000, distrusted=("sentry",))
    return {
        "nothing": (lambda: b"", "malformed"),
        "cut off": (lambda: bundle(online())[:200], "malformed"),
        "huge": (lambda: b" " * (MAX_BYTES + 1), "too_large"),
        "unsigned": (lambda: bundle(online(key=SigningKey.new("online"))), "unsigned"),
        "for another fleet": (lambda: bundle(online(audience="bank")), "wrong_audience"),
        "expired": (lambda: bundle(online(issued=time.time() - 60, lifetime=30)), "expired"),
        "future": (lambda: bundle(online(issued=time.time() + 90)), "from_the_future"),
        "replayed": (lambda: bundle(old), "rolled_back"),
        "rolled back": (lambda: bundle(online(7)), "rolled_back"),
    }


@pytest.mark.parametrize("kind", hostile())
def test_a_hostile_document_changes_nothing_and_then_everything_is_held(
    control: ControlServer, follow: Follow, kind: str
) -> None:
    make, trouble = hostile()[kind]
    follower = follow(control.url, max_age=0.6)
    control.say(distrusted=("otlp",))
    wait_for_state(follower, "distrusted", "otlp")
    assert follower.trust(["sentry"]) == "trusted"
    control.document = make()
    wait_for(lambda: follower.status().trouble == trouble)
    assert follower.trust(["sentry"]) == "trusted"  # the last valid one, for a while
    wait_for_state(follower, "held")
    assert follower.trust(["otlp"]) == "distrusted"
    assert follower.status().troubles.keys() == {trouble}
    control.say()
    wait_for_state(follower, "trusted")


def test_another_document_of_the_same_version_does_not_count(
    control: ControlServer, follow: Follow
) -> None:
    follower = follow(control.url)
    version = int(time.time() * 1000)
    control.say(version=version)
    wait_for_state(follower, "trusted")
    control.say(version=version, held=("otlp",))
    wait_for(lambda: follower.status().trouble == "conflicting")
    assert follower.trust(["otlp"]) == "trusted"


@pytest.mark.parametrize(
    ("manner", "trouble"),
    [
        ("never", "unreachable"),
        ("drip", "unreachable"),
        ("cut", "bad_answer"),
        ("garbage", "bad_answer"),
        ("redirect", "bad_answer"),
        ("error", "bad_answer"),
    ],
)
def test_a_server_that_misbehaves_makes_it_hold(
    control: ControlServer, follow: Follow, manner: Manner, trouble: str
) -> None:
    follower = follow(control.url, max_age=0.6)
    wait_for_state(follower, "trusted")
    control.manner = manner
    wait_for_state(follower, "held")
    wait_for(lambda: follower.status().trouble == trouble)
    requests = len(control.requests)
    control.closing.set()
    control.manner = "well"
    control.say()
    wait_for_state(follower, "trusted")
    assert requests


def test_interim_answers_are_not_read_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_PATIENCE", 60.0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(ConnectionError):
                connection.recv(4096)
                connection.sendall(30_000 * b"HTTP/1.1 100 Continue\r\n\r\n")
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        thread = threading.Thread(target=serve)
        thread.start()
        source = HttpSource(f"http://127.0.0.1:{server.getsockname()[1]}/control")
        # Newer Pythons count them themselves.
        with pytest.raises(FetchFailed, match=r"unreachable|bad_answer"):
            source.fetch({})
        thread.join()


def test_proxies_of_the_environment_are_not_asked(
    control: ControlServer, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    wait_for_state(follow(control.url), "trusted")


def test_an_online_document_does_not_take_back_a_word_but_a_release_does(
    control: ControlServer, follow: Follow
) -> None:
    follower = follow(control.url)
    control.say(distrusted=("sentry",))
    wait_for_state(follower, "distrusted")
    control.say()
    control.wait_until_applied()
    assert follower.trust(["sentry"]) == "distrusted"
    control.document = bundle(online(), release(1, {"sentry": time.time()}))
    wait_for_state(follower, "trusted")


def test_a_word_counts_that_is_said_soon_after_a_release_of_a_clock_that_is_ahead(
    control: ControlServer, follow: Follow
) -> None:
    ahead = time.time() + 25
    lifting = release(1, {"sentry": ahead}, issued=ahead)
    control.document = bundle(online(distrusted=("sentry",)), lifting)
    follower = follow(control.url)
    wait_for_state(follower, "trusted")
    control.document = bundle(online(distrusted=("sentry",)), lifting)
    wait_for_state(follower, "distrusted")


def test_a_bad_release_does_not_keep_a_word_from_being_heard(
    control: ControlServer, follow: Follow
) -> None:
    follower = follow(control.url)
    lifting = release(1, {"sentry": time.time()}, key=SigningKey.new("release"))
    control.document = bundle(online(distrusted=("sentry",)), lifting)
    wait_for_state(follower, "distrusted")
    assert follower.status().trouble == "unsigned"


def test_a_restart_forgets_nothing(control: ControlServer, follow: Follow, tmp_path: Path) -> None:
    first = follow(control.url, folder=tmp_path)
    first.trust(["sentry"])
    control.say(distrusted=("sentry",))
    control_version = int(time.time() * 1000)
    control.wait_until_applied()
    assert first.trust(["sentry"]) == "distrusted"
    first.close()
    control.say()
    second = follow(control.url, folder=tmp_path)
    wait_for_state(second, "trusted", "otlp")
    assert second.trust(["sentry"]) == "distrusted"
    second.close()
    control.say(version=control_version - 60_000)
    third = follow(control.url, folder=tmp_path)
    third.trust(["sentry"])
    wait_for(lambda: third.status().trouble == "rolled_back")
    assert third.trust(["otlp"]) == "held"


def test_a_damaged_record_holds_everything(
    control: ControlServer, follow: Follow, tmp_path: Path
) -> None:
    (tmp_path / f"control-{AUDIENCE}.json").write_text("{")
    follower = follow(control.url, folder=tmp_path)
    follower.trust(["sentry"])
    wait_for(lambda: follower.status().trouble == "record_damaged")
    assert follower.trust(["sentry"]) == "held"
    assert control.requests == []


def test_a_folder_that_cannot_be_written_does_not_keep_a_word_from_being_heard(
    control: ControlServer, follow: Follow, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    follower = follow(control.url, folder=tmp_path / "file/folder")
    assert follower.trust(["sentry"]) == "held"
    control.say(distrusted=("sentry",))
    wait_for(lambda: follower.status().trouble in ("record_not_saved", "record_damaged"))


@pytest.mark.parametrize("jump", [-3600.0, -1.0, 45.0, 3600.0])
def test_a_clock_that_jumps_holds_until_the_next_valid_document(
    control: ControlServer, follow: Follow, jump: float
) -> None:
    offset = 0.0
    follower = follow(control.url, wall=lambda: time.time() + offset)
    wait_for_state(follower, "trusted")
    offset = jump
    assert follower.trust(["sentry"]) == "held"
    offset = 0.0
    wait_for_state(follower, "trusted")


def test_a_forked_child_follows_by_itself(control: ControlServer, follow: Follow) -> None:
    follower = follow(control.url)
    wait_for_state(follower, "trusted")
    connections = control.connections
    child = os.fork()
    if child == 0:
        try:
            follower.start_anew()
            wait_for_state(follower, "distrusted")
            os._exit(0)
        finally:
            os._exit(1)
    control.say(distrusted=("sentry",))
    assert os.waitpid(child, 0)[1] == 0
    wait_for_state(follower, "distrusted")
    assert control.connections > connections


def test_what_a_subscriber_raises_stops_nobody(
    control: ControlServer, follow: Follow, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    def fail() -> None:
        raise ValueError("a value of a payload")

    follower = follow(control.url)
    follower.subscribe(fail)
    follower.subscribe(lambda: heard.append("told"))
    wait_for_state(follower, "trusted")
    wait_for(lambda: heard)
    assert "a value of a payload" not in caplog.text
    assert "ValueError" in caplog.text


def test_whatever_goes_wrong_in_a_look_the_next_one_is_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class NoMemory(FileSource):
        failing = True

        def fetch(self, report: Mapping[str, str]) -> bytes:
            if self.failing:
                raise MemoryError("quotes a secret")
            return super().fetch(report)

    path = tmp_path / "control.json"
    path.write_bytes(bundle(online()))
    source = NoMemory(path)
    follower = Follower(source, KEYS, AUDIENCE)
    assert follower.trust(["sentry"]) == "held"
    wait_for(lambda: follower.status().troubles.get("exception", 0) > 1)
    assert follower.status().trouble == "exception"
    source.failing = False
    wait_for_state(follower, "trusted")
    follower.close()
    assert "following the control document: exception (MemoryError)" in caplog.messages


def test_what_was_known_before_is_fresh_for_no_moment(tmp_path: Path) -> None:
    states: list[str] = []

    class Watched(Follower):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "_seen" and value is not None:
                states.append(self.trust(["sentry"]))

    path = tmp_path / "control.json"
    path.write_bytes(bundle(online(distrusted=("sentry",))))
    follower = Watched(FileSource(path), KEYS, AUDIENCE)
    follower.trust(["sentry"])
    wait_for(lambda: states)
    follower.close()
    assert set(states) == {"distrusted"}


def test_a_closed_follower_holds(control: ControlServer, follow: Follow) -> None:
    follower = follow(control.url)
    wait_for_state(follower, "trusted")
    follower.close()
    assert follower.trust(["sentry"]) == "held"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "control",
        "ftp://h/",
        "http://",
        "http://h:0/",
        "http://u@h/",
        "http://h/#f",
        "http://h/a b",
    ],
)
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="expected an"):
        HttpSource(url)


def test_a_document_that_has_ended_is_no_document_that_never_was(
    control: ControlServer, follow: Follow
) -> None:
    ahead = [0.0]
    follower = follow(control.url, wall=lambda: time.time() + ahead[0])
    assert follower.status().trouble is None
    wait_for_state(follower, "trusted")
    control.manner = "never"  # the next look comes to nothing, some time later
    ahead[0] = 3600.0
    assert not follower.status().fresh
    assert follower.status().trouble == "expired"
