"""Epochs of pseudonyms in a real collector: rotated and destroyed while it runs, and journaled."""

from __future__ import annotations

import base64
import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from commanded import commanded
from live_errlock import CONFIG, ERRLOCK, collector, running_errlock, sentry_at
from live_ports import listening_port
from waiting import wait_for

from errlock.ledger.journal.journal import read
from errlock.policy.keyring.epochs import Said
from errlock.policy.keyring.file import KeyringFile
from errlock.policy.keyring.keyring import FileKeyring, new_keyring
from errlock.policy.keyring.pseudonyms import new_key

KEY = new_key()
JANE = "jane.roe@example.com"


class Place:
    """A keyring and a collector with two destinations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keyring = folder / "keyring"
        self.port = listening_port()
        self.sent = 0
        (folder / "run").mkdir()
        (folder / "key").write_text(KEY)
        new_keyring(self.keyring, KEY, Said("ann"))

    @property
    def config(self) -> dict[str, Any]:
        files = {id_: {"path": str(self.out(id_))} for id_ in ("file/a", "file/b")}
        written = collector(sentry_at(self.port), files)
        key = f"${{file:{self.folder / 'key'}}}"
        written["processors"] = {"hash": {"key": key, "keyring": str(self.keyring)}, "redact": {}}
        written["service"]["pipelines"]["errors"]["processors"] = ["hash", "redact"]
        written["service"]["storage"] = str(self.folder / "store")
        return written

    def out(self, id_: str) -> Path:
        return self.folder / f"{id_.replace('/', '-')}.jsonl"

    def send(self) -> None:
        self.sent += 1
        event = {"event_id": f"{self.sent:032x}", "message": f"no cart for {JANE}"}
        body = b'{}\n{"type":"event"}\n' + json.dumps(event).encode() + b"\n"
        url = f"http://127.0.0.1:{self.port}/api/7/envelope/?sentry_key=abc"
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=90):
            pass

    def shown(self) -> dict[str, str]:
        """Her newest pseudonym at each destination."""
        self.send()
        found = {}
        for id_ in ("file/a", "file/b"):
            wait_for(lambda id_=id_: self.lines(id_) == self.sent, 60)  # type: ignore[misc]
            newest = json.loads(self.out(id_).read_text().splitlines()[-1])
            found[id_] = json.dumps(newest).partition("[email:")[2].partition("]")[0]
        return found

    def lines(self, id_: str) -> int:
        return len(self.out(id_).read_text().splitlines()) if self.out(id_).exists() else 0

    @property
    def running(self) -> str:
        """The configuration file of the collector that runs."""
        return str(self.folder / "run" / CONFIG)

    def key(self, action: str, *options: str, code: int = 0) -> str:
        """What `errlock key` says beside its result."""
        folder = self.folder / "run"
        done = commanded("key", action, "--keyring", self.keyring, *options, folder=folder)
        assert done.returncode == code, done.stderr
        return done.stderr

    def command(self, *words: str) -> str:
        """What `errlock` says to the running collector."""
        done = commanded(*words, "-c", self.running, folder=self.folder / "run")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def entries(self) -> list[dict[str, Any]]:
        """What the journal says of keys."""
        journal = read(self.folder / "store" / "journal")
        return [dict(entry.body) for entry in journal if entry.kind == "key"]

    def told(self) -> list[tuple[str, str, str | None]]:
        return [(body["did"], body["epoch"], body["destination"]) for body in self.entries()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_running_collector_takes_up_what_becomes_of_its_keyring(place: Place) -> None:
    with running_errlock(place.config, place.folder / "run") as errlock:
        first = place.shown()
        assert {text[:3] for text in first.values()} == {"e1:"}
        assert first["file/a"] != first["file/b"]
        assert place.shown() == first
        keys = [FileKeyring(place.keyring, KEY).current(id_).key for id_ in first]
        place.key("rotate", "-c", place.running)
        assert ("made", "e2", None) in place.told()
        second = place.shown()
        assert {text[:3] for text in second.values()} == {"e2:"}
        why = ("--yes", "--why", "breach")
        place.key("destroy", "--destination", "file/a", *why, "-c", place.running)
        assert ("made", "e3", "file/a") in place.told()
        third = place.shown()
        assert third["file/a"].startswith("e3:")
        assert third["file/b"] == second["file/b"]
        shown = errlock.log
    assert place.told() == [
        ("made", "e1", None), ("made", "e2", None),
        ("destroyed", "e1", "file/a"), ("destroyed", "e2", "file/a"), ("made", "e3", "file/a"),
    ]  # fmt: skip
    epochs = KeyringFile(place.keyring).read().epochs
    assert {body["keyring"] for body in place.entries()} == {epochs.id}
    assert {body["why"] for body in place.entries()[2:]} == {"breach"}
    sealed = [text for keys in epochs.keys.values() for text in keys.values()]
    raw = [*keys, *(key.hex().encode() for key in keys), *map(base64.b64encode, keys)]
    kept = [file.read_bytes() for file in (place.folder / "store").rglob("*") if file.is_file()]
    assert len(kept) >= 3
    for secret in (*raw, KEY.encode(), *(text.encode() for text in sealed)):
        assert not [text for text in (shown.encode(), *kept) if secret in text]
    assert not [secret for secret in raw if secret in place.keyring.read_bytes()]


def test_what_happened_while_no_collector_ran_is_told_once_at_the_next_start(place: Place) -> None:
    place.key("destroy", "--epoch", "e1", "--yes")
    expected = [("made", "e1", None), ("destroyed", "e1", None), ("made", "e2", None)]
    for _ in range(2):
        with running_errlock(place.config, place.folder / "run"):
            assert {text[:3] for text in place.shown().values()} == {"e2:"}
            assert place.told() == expected
    destroyed = place.entries()[1]
    assert destroyed["time"] == KeyringFile(place.keyring).read().epochs.history[1].time


def test_a_collector_whose_keyring_cannot_be_used_does_not_start(place: Place) -> None:
    place.keyring.write_bytes(place.keyring.read_bytes()[:50])
    (place.folder / "errlock.yaml").write_text(json.dumps(place.config))
    done = subprocess.run(
        [ERRLOCK, "run", "-c", str(place.folder / "errlock.yaml")],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"keyring: the keyring file is damaged" in done.stderr


def test_a_replay_tells_how_much_of_it_has_the_pseudonyms_of_the_source(place: Place) -> None:
    config = place.config
    config["exporters"]["file/c"] = {"path": str(place.out("file/c")), "standby_for": "file/a"}
    config["service"]["pipelines"]["errors"]["exporters"] = ["file/a", "file/b"]
    with running_errlock(config, place.folder / "run"):
        hers = place.shown()
        place.command("hold", "file/a")
        place.send()
        strict = place.command("replay", "file/a", "file/c", "--policy", "strict")
        assert "pseudonyms" not in strict
        wait_for(lambda: place.lines("file/c") == 1, 60)
        place.send()
        told = place.command("replay", "file/a", "file/c")
        assert "1 payloads with pseudonyms that file/a has too" in told
        wait_for(lambda: place.lines("file/c") == 2, 60)
    lines = place.out("file/c").read_text().splitlines()
    assert [hers["file/a"] in line for line in lines] == [False, True]
    journal = read(place.folder / "store" / "journal")
    bodies = [entry.body for entry in journal if entry.kind == "replay"]
    assert [body["linkable"] for body in bodies if body["state"] == "done"] == [0, 1]


def test_who_rotates_is_told_when_the_collector_does_not_obey(place: Place) -> None:
    with running_errlock(place.config, place.folder / "run"):
        place.shown()
        place.keyring.rename(place.folder / "another")
        new_keyring(place.keyring, new_key(), Said("bob"))
        told = place.key("rotate", "-c", place.running, code=1)
        assert told == "errlock key rotate: the collector does not use this keyring\n"
        wait_for(lambda: "was not made with this key" in place.command("status"), 60)
        assert {text[:3] for text in place.shown().values()} == {"e1:"}
        (place.folder / "another").rename(place.keyring)
        assert place.key("rotate", "-c", place.running) == "the collector obeys\n"
        assert "was not made with this key" not in place.command("status")
    told = place.key("rotate", "-c", place.running, code=1)
    assert told.startswith("errlock key rotate: the collector at http://")
