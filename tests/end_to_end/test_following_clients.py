"""Real SDKs in processes of their own, under load, obey a word within two seconds.

Bytes are counted at the sockets of the test's own servers.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path

import pytest
import waiting
from live_control import AUDIENCE, KEYS, ControlServer, bundle, control_server, online, release
from metered_sink import MeteredSink, metered_sink

_SENDER = Path(__file__).with_name("senders") / "following_client.py"
_OBEYED_WITHIN = 2.0  # seconds
_DEADLINE = 30.0
wait_for = partial(waiting.wait_for, seconds=_DEADLINE)
STANDBY = "sentry/standby"
Sdk = str


class Client:
    """An application that runs; `finish` ends it and says how many events it had."""

    def __init__(
        self, sdk: Sdk, fleet: ControlServer, primary: MeteredSink, standby: MeteredSink,
        max_age: float,
    ) -> None:  # fmt: skip
        self.primary, self.standby = primary, standby
        self.process = subprocess.Popen(
            [sys.executable, _SENDER, sdk],
            env={
                **os.environ,
                "PRIMARY": str(primary.port),
                "STANDBY": str(standby.port),
                "CONTROL_URL": fleet.url,
                "CONTROL_AUDIENCE": AUDIENCE,
                "CONTROL_KEYS": " ".join(map(str, KEYS)),
                "CONTROL_MAX_AGE": str(max_age),
                "CONTROL_NAME": sdk,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def finish(self) -> int:
        out, _ = self.process.communicate(timeout=_DEADLINE)
        assert self.process.returncode == 0
        return int(out)


@contextmanager
def clients(fleet: ControlServer, *sdks: Sdk, max_age: float = 30.0) -> Iterator[list[Client]]:
    """Each with a backend and a standby of its own."""
    with ExitStack() as sinks:
        made = [
            Client(
                sdk,
                fleet,
                sinks.enter_context(metered_sink()),
                sinks.enter_context(metered_sink()),
                max_age,
            )
            for sdk in sdks
        ]
        try:
            yield made
        finally:
            for client in made:
                client.process.kill()
                client.process.communicate()


@pytest.fixture
def fleet() -> Iterator[ControlServer]:
    with control_server() as server:
        yield server


def test_one_word_shuts_every_client_within_two_seconds_and_nothing_is_lost(
    fleet: ControlServer,
) -> None:
    with clients(fleet, "sentry", "otel") as running:
        for client in running:
            client.primary.wait_for_bytes(20_000)
        fleet.say(distrusted=("sentry",), active={"sentry": STANDBY})
        said = time.monotonic()
        wait_for(lambda: time.monotonic() > said + _OBEYED_WITHIN + 2)
        for client in running:
            assert client.primary.bytes_after(said + _OBEYED_WITHIN) == 0
            assert client.standby.bytes_after(said + _OBEYED_WITHIN) > 0
        lifted = bundle(online(), release(1, {"sentry": time.time()}))
        fleet.document, again = lifted, time.monotonic()
        wait_for(lambda: all(client.primary.bytes_after(again) for client in running))
        for client in running:
            sent = client.finish()
            assert set(client.primary.numbers) | set(client.standby.numbers) == set(range(sent))


def test_held_clients_keep_everything_until_they_may_send(fleet: ControlServer) -> None:
    with clients(fleet, "sentry", "otel") as running:
        for client in running:
            client.primary.wait_for_bytes(20_000)
        fleet.say(held=("sentry",))
        said = time.monotonic()
        wait_for(lambda: time.monotonic() > said + _OBEYED_WITHIN + 1)
        for client in running:
            assert client.primary.bytes_after(said + _OBEYED_WITHIN) == 0
            assert client.standby.received == b""
        fleet.document = bundle(online(), release(1, {"sentry": time.time()}))
        wait_for(lambda: all(client.primary.bytes_after(said + 3) for client in running))
        for client in running:
            sent = client.finish()
            assert set(client.primary.numbers) == set(range(sent))


def test_clients_that_were_stopped_ask_before_they_send_again(fleet: ControlServer) -> None:
    with clients(fleet, "sentry", "otel", max_age=2.0) as running:
        for client in running:
            client.primary.wait_for_bytes(5_000)
            client.process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)  # longer than max_age
        fleet.say(distrusted=("sentry",), active={"sentry": STANDBY})
        before = [client.primary.requests for client in running]
        for client in running:
            client.process.send_signal(signal.SIGCONT)
        for client, requests in zip(running, before, strict=True):
            client.standby.wait_for_bytes(5_000)
            sent = client.finish()
            # Whoever was past its last look when it was stopped may end that one request.
            assert client.primary.requests <= requests + 1
            assert set(client.primary.numbers) | set(client.standby.numbers) == set(range(sent))


def test_clients_that_were_stopped_amid_a_look_look_again(fleet: ControlServer) -> None:
    with clients(fleet, "sentry", max_age=2.0) as (client,):
        client.primary.wait_for_bytes(5_000)
        answered = threading.Event()

        @contextmanager
        def stopping() -> Iterator[None]:
            fleet.around = nullcontext()
            client.process.send_signal(signal.SIGSTOP)
            state = Path(f"/proc/{client.process.pid}/stat")
            wait_for(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")
            yield
            answered.set()

        fleet.around = stopping()
        assert answered.wait(_DEADLINE)
        time.sleep(2.5)  # longer than max_age
        fleet.say(distrusted=("sentry",), active={"sentry": STANDBY})
        before = client.primary.requests
        client.process.send_signal(signal.SIGCONT)
        client.standby.wait_for_bytes(5_000)
        sent = client.finish()
        assert client.primary.requests <= before + 1
        assert set(client.primary.numbers) | set(client.standby.numbers) == set(range(sent))


def test_clients_whose_control_document_is_gone_hold(fleet: ControlServer) -> None:
    with clients(fleet, "sentry", "otel", max_age=2.0) as running:
        for client in running:
            client.primary.wait_for_bytes(5_000)
        fleet.manner = "never"
        gone = time.monotonic()
        wait_for(lambda: time.monotonic() > gone + 4)
        for client in running:
            assert client.primary.bytes_after(gone + 2.5) == 0
        fleet.closing.set()
        fleet.manner = "well"
        fleet.say()
        for client in running:
            wait_for(lambda: client.primary.bytes_after(gone + 4))  # noqa: B023  done in this round
            sent = client.finish()
            assert set(client.primary.numbers) == set(range(sent))
