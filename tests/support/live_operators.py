"""A real collector with a control API, and somebody to ask it."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from commanded import commanded
from live_errlock import ERRLOCK, Errlock, collector, running_errlock, sentry_at
from live_ports import listening_port

_numbers = count(1)

Headers = dict[str, str]


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    headers: Headers
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """Of a refusal, whose form is checked."""
        assert set(self.json) == {"error", "kind"}
        assert self.headers["Content-Type"].startswith("application/json")
        return str(self.json["kind"])


@dataclass(frozen=True)
class Controlled:
    """A running collector whose configuration and storage are at hand."""

    errlock: Errlock
    folder: Path
    sentry: int  # the port of its receiver

    @property
    def token(self) -> str:
        return (self.folder / "data" / "control-token").read_text().strip()

    def say(
        self, method: str, path: str, body: bytes | None = None, headers: Headers | None = None
    ) -> Said:
        """One request, with nothing but these headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.errlock.control, timeout=15)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Said(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def ask(self, path: str, order: object = None, token: str | None = None) -> Said:
        """One request as the commands make it."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        if order is None:
            return self.say("GET", path, None, headers)
        headers["Content-Type"] = "application/json"
        return self.say("POST", path, json.dumps(order).encode(), headers)

    def send(self) -> int:
        """Send an event to the collector, as an SDK does; returns its number, which is new."""
        number = next(_numbers)
        envelope = (
            b'{}\n{"type":"event"}\n'
            + json.dumps({"event_id": f"{number:032x}", "message": f"event {number}"}).encode()
        )
        url = f"http://127.0.0.1:{self.sentry}/api/1/envelope/?sentry_key=any"
        with urllib.request.urlopen(url, envelope, timeout=30) as answer:
            assert answer.status == 200
        return number

    def stored(self, file: str) -> list[int]:
        """The numbers of the events that are in the file of a destination."""
        path = self.folder / file
        lines = path.read_text().splitlines() if path.exists() else []
        found = [re.search(r'"event_id": ?"([0-9a-f]{32})"', line) for line in lines]
        return [int(each[1], 16) for each in found if each]

    def wait_until_stored(self, file: str, *numbers: int) -> None:
        """Return when these events are in a file, each once."""
        deadline = time.monotonic() + 20
        while sorted(n for n in self.stored(file) if n in numbers) != sorted(numbers):
            assert time.monotonic() < deadline, f"{file} has {self.stored(file)}, not {numbers}"
            time.sleep(0.01)

    def as_new(self) -> None:
        """Undo what people said and swapped."""
        assert self.ask("/v1/trust", {"names": ["file", "file/standby"]}).status == 200
        self.ask("/v1/swap", {"from": "file/standby", "to": "file"})

    def command(self, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """What `errlock` says and does in the collector's folder, with its configuration."""
        return commanded(*args, "-c", "errlock.yaml", given=stdin, folder=self.folder)

    def begin(self, *args: str) -> subprocess.Popen[str]:
        """The same as a process of its own, without waiting for its end."""
        return subprocess.Popen(
            [ERRLOCK, *args, "-c", "errlock.yaml"],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@contextmanager
def running_controlled(
    folder: Path,
    more: dict[str, Any] | None = None,
    command: Sequence[str | Path] = (),
    **service: Any,
) -> Iterator[Controlled]:
    """Run a collector with a destination and its standby, a storage folder and incident plans.

    `more` are exporters that stand by for it, too; `command` is as for `running_errlock`.
    """
    port = listening_port()
    exporters = {
        "file": {"path": "out.jsonl"},
        "file/standby": {"path": "standby.jsonl", "standby_for": "file"},
        **(more or {}),
    }
    config = collector(sentry_at(port), exporters)
    config["service"]["storage"] = "data"
    config["service"].update(service)
    config["incident"] = {
        "plans": {
            "breach": {"distrust": ["file"], "activate": ["file/standby"]},
            "strict": {"tighten": "strict"},
        }
    }
    config["service"]["pipelines"]["errors"]["exporters"] = ["file"]
    with running_errlock(config, folder, command=command) as errlock:
        yield Controlled(errlock, folder, port)
