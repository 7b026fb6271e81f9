"""A person's events at two real backends: found by her pseudonyms, until a key is destroyed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import sentry_sdk
from commanded import commanded
from live_bugsink import Bugsink, Project
from live_errlock import CONFIG, running_errlock
from live_ports import listening_port
from sentry_sdk.utils import event_from_exception
from waiting import wait_for

from errlock.policy.keyring.epochs import Said
from errlock.policy.keyring.keyring import FileKeyring, new_keyring
from errlock.policy.keyring.pseudonyms import new_key

JANE = "jane.roe@example.com"
PEOPLE = (JANE, "john.doe@example.com", "ada@example.org")
KEY = new_key()


def config(folder: Path, port: int, projects: dict[str, Project]) -> dict[str, Any]:
    (folder / "key").write_text(KEY)
    key = f"${{file:{folder / 'key'}}}"
    return {
        "receivers": {"sentry": {"endpoint": f"127.0.0.1:{port}"}},
        "processors": {"hash": {"key": key, "keyring": str(folder / "keyring")}, "redact": {}},
        "exporters": {
            id_: {"dsn": project.dsn, "backend": "bugsink"} for id_, project in projects.items()
        },
        "service": {
            "storage": str(folder / "store"),
            "pipelines": {
                "errors": {
                    "receivers": ["sentry"],
                    "processors": ["hash", "redact"],
                    "exporters": list(projects),
                }
            },
        },
    }


class NoCartError(Exception):
    """What goes wrong for everybody."""


def send(port: int, mark: str) -> None:
    """Two errors of each of three people, from a real SDK; one of the two only in its text."""
    client = sentry_sdk.Client(dsn=f"http://key@127.0.0.1:{port}/1", default_integrations=False)
    for person in PEOPLE:
        for known in (True, False):
            scope = sentry_sdk.Scope()
            scope.set_tag("mark", f"{mark} {PEOPLE.index(person)} {known}")
            if known:
                scope.set_user({"email": person})
            try:
                raise NoCartError("no cart" if known else f"no cart for {person}")
            except NoCartError as error:
                event, hint = event_from_exception(error, client_options=client.options)
                client.capture_event(event, hint, scope)
    client.close(timeout=60)


def errlock(folder: Path, *words: str, value: str = "") -> subprocess.CompletedProcess[str]:
    return commanded(*words, given=value, folder=folder)


def marks_found(bugsink: Bugsink, project: Project, pseudonyms: list[str]) -> list[str]:
    """The marks of the events that Bugsink finds by pseudonyms of an e-mail address."""
    queries = [f'user.email:"{text}"' for text in pseudonyms]
    queries += [text.split(":")[2].removesuffix("]") for text in pseudonyms]
    found = bugsink.search(project, queries)
    return sorted(event["tags"]["mark"] for events in found.values() for event in events)


def test_one_persons_events_are_found_until_a_key_is_destroyed(
    bugsink: Bugsink, tmp_path: Path
) -> None:
    projects = {id_: bugsink.project(f"person {id_[-1]}") for id_ in ("sentry/a", "sentry/b")}
    keyring, port = tmp_path / "keyring", listening_port()
    new_keyring(keyring, KEY, Said("ann"))
    with running_errlock(config(tmp_path, port, projects), tmp_path) as running:
        send(port, "before")
        for project in projects.values():
            bugsink.wait_for_events(project, 6)
        assert errlock(tmp_path, "key", "rotate", "--keyring", str(keyring)).returncode == 0
        wait_for(lambda: "e2 made" in running.log, 60)
        send(port, "after")
        for project in projects.values():
            bugsink.wait_for_events(project, 12)

    words = ("pseudonym", "pii.email", "-c", str(tmp_path / CONFIG), "--json")

    def asked(destination: str) -> list[str]:
        answer = errlock(tmp_path, *words, value=JANE)
        assert answer.returncode == 0
        assert JANE not in answer.stdout + answer.stderr
        found = json.loads(answer.stdout)["pseudonyms"]
        return [each["text"] for each in found if each["destination"] == destination]

    hers = [f"{mark} 0 {known}" for mark in ("after", "before") for known in (False, True)]
    before = {id_: asked(id_) for id_ in projects}
    assert all(len(pseudonyms) == 2 for pseudonyms in before.values())
    for id_, project in projects.items():
        assert marks_found(bugsink, project, before[id_]) == hers
        assert JANE not in json.dumps(bugsink.events(project))
    # What one backend has says nothing at the other.
    assert marks_found(bugsink, projects["sentry/b"], before["sentry/a"]) == []

    destroy = ("key", "destroy", "--keyring", str(keyring), "--destination", "sentry/a", "--yes")
    assert errlock(tmp_path, *destroy).returncode == 0
    assert asked("sentry/a") == []
    assert asked("sentry/b") == before["sentry/b"]
    assert marks_found(bugsink, projects["sentry/b"], before["sentry/b"]) == hers
    # Nor can anybody who has key and keyring make one that is there.
    there = json.dumps(bugsink.events(projects["sentry/a"]))
    ring = FileKeyring(keyring, KEY)
    made = {
        epoch.pseudonym("pii.email", JANE)
        for scope in ("sentry/a", "sentry/b", "")
        for epoch in [*ring.all(scope), ring.current(scope)]
    }
    assert len(made) >= 4
    assert not [text for text in made if text.split(":")[1] in there]
    assert [text for text in before["sentry/a"] if text in there] == before["sentry/a"]
