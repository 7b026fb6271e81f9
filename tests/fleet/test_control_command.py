"""`errlock control`: keys, documents and releases from the command line."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from http_sink import http_sink
from live_control import AUDIENCE, KEYS, control_server
from live_fleet import collector, publishing
from live_ports import listening_port

from errlock.delivery.following.document import Bundle, Signed, open_online, open_release
from errlock.delivery.following.keys import PublicKey, SigningKey
from errlock.pipeline.cli import main
from errlock.pipeline.commands import trust
from errlock.pipeline.embed import Control
from errlock.pipeline.embed.control import Destination
from errlock.pipeline.fleet.publishing import ControlDocument

FLEET = "errlock"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Shell:
    """Runs commands; what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.err = ""

    def __call__(self, command: str, code: int = 0) -> str:
        assert main(command.split()) == code
        printed = self._capsys.readouterr()
        self.err = printed.err
        return printed.out

    def key(self, role: str) -> PublicKey:
        return PublicKey.parse(self(f"control key {role} {role}.key"))


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_a_key_is_written_for_its_owner_alone_and_never_over_another(shell: Shell) -> None:
    public = shell.key("release")
    path = Path("release.key")
    assert path.stat().st_mode & 0o777 == 0o600
    assert SigningKey.parse(path.read_text()).public == public
    shell("control key release release.key", code=2)
    assert "File exists" in shell.err


def test_a_document_without_a_collector(shell: Shell) -> None:
    public = shell.key("online")
    written = shell(
        "control sign --online-key online.key --distrust sentry --hold otlp "
        "--active sentry=sentry/standby --valid 1d"
    )
    part = open_online(Bundle.decode(written.encode()).online, [public], FLEET, time.time()).part
    assert {name: word.state for name, word in part.trust.items()} == {
        "sentry": "distrusted", "otlp": "held",
    }  # fmt: skip
    assert part.active == {"sentry": "sentry/standby"}
    assert part.expires - part.issued == 86400
    Path("control.json").write_text(written)
    again = shell("control sign --online-key online.key --hold kafka --from control.json")
    later = open_online(Bundle.decode(again.encode()).online, [public], FLEET, time.time()).part
    assert later.version > part.version
    assert later.trust["sentry"] == part.trust["sentry"]
    assert set(later.trust) == {"sentry", "otlp", "kafka"}


def test_a_key_that_everybody_can_read_is_told(
    shell: Shell, public_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(public_folder)
    shell.key("online")
    shell("control sign --online-key online.key --hold otlp")
    assert shell.err == ""
    Path("online.key").chmod(0o644)
    assert shell("control sign --online-key online.key --hold otlp")
    assert shell.err == (
        "warning: every user of this machine can read 'online.key' (mode 0644): chmod o-r it\n"
    )


def test_a_release_says_what_it_lifts_and_keeps_what_earlier_ones_lifted(shell: Shell) -> None:
    shell.key("online")
    public = shell.key("release")
    Path("control.json").write_text(shell("control sign --online-key online.key --distrust sentry"))
    first = shell("control sign --release-key release.key --lift sentry --from control.json")
    assert shell.err.startswith("lifts what was said about sentry: distrusted since 20")
    Path("release.json").write_text(first)
    Path("control.json").write_text(
        shell("control sign --online-key online.key --release release.json --from control.json")
    )
    second = shell("control sign --release-key release.key --lift otlp --from control.json")
    assert shell.err == "lifts what was said about otlp: nothing\n"
    signed = msgspec.json.decode(second, type=Signed)
    lifted = open_release(signed, [public], FLEET, time.time()).part.lifted
    assert set(lifted) == {"sentry", "otlp"}


def test_what_a_document_says_is_shown(shell: Shell) -> None:
    public = shell.key("online")
    Path("control.json").write_text(
        shell("control sign --online-key online.key --distrust sentry --active sentry=standby")
    )
    shown = shell(f"control show control.json --key {public}")
    assert shown.startswith("online: good\n  for errlock, version ")
    assert "\n  sentry: distrusted since " in shown
    assert "\n  sentry: standby takes over\n" in shown
    assert "signature not checked" in shell("control show control.json")
    stranger = SigningKey.new("online").public
    assert shell(f"control show control.json --key {stranger}", code=1).startswith(
        "online: unsigned\n"
    )
    told: dict[str, Any] = json.loads(shell(f"control show control.json --json --key {public}"))
    assert told["online"]["trust"]["sentry"]["state"] == "distrusted"


def test_a_document_is_read_from_an_address_too(shell: Shell) -> None:
    with control_server() as fleet:
        fleet.say(distrusted=("sentry",))
        assert "sentry: distrusted" in shell(f"control show {fleet.url}")
        fleet.manner = "error"
        shell(f"control show {fleet.url}", code=2)
        assert shell.err == "SOURCE: bad_answer\n"


async def test_a_release_is_handed_to_a_collector(shell: Shell, tmp_path: Path) -> None:
    public = shell.key("release")
    async with publishing(tmp_path / "data", audience=FLEET, release_keys=[str(public)]) as (
        one, _, url,
    ):  # fmt: skip
        await one.trust.tighten(["sentry"], "distrusted", "jane", "breach")
        release = await asyncio.to_thread(
            shell, f"control sign --release-key release.key --lift sentry --from {url}"
        )
        assert "distrusted since" in shell.err
        (tmp_path / "release.json").write_text(release)
        publish = f"control publish release.json --url {url}"
        assert await asyncio.to_thread(shell, publish) == "published\n"
        assert one.destinations["sentry"].trust == "trusted"
        await asyncio.to_thread(shell, "control key release other.key")
        (tmp_path / "release.json").write_text(
            await asyncio.to_thread(shell, "control sign --release-key other.key --lift otlp")
        )
        await asyncio.to_thread(shell, publish, 1)
        assert shell.err == "errlock control publish: refused: unsigned\n"
        await asyncio.to_thread(shell, publish.removesuffix("/control"), 1)
        assert shell.err == "errlock control publish: refused: HTTP 404\n"


def test_only_a_collector_says_that_a_release_is_published(shell: Shell, tmp_path: Path) -> None:
    shell("control key release release.key")
    release = tmp_path / "release.json"
    release.write_text(shell("control sign --release-key release.key --lift sentry"))
    for url in (f"file://{release}", "data:,x", "http://:secret", "http://localhost:secret/c"):
        assert shell(f"control publish release.json --url {url}", code=2) == ""
        assert shell.err == "--url: expected an http or https address\n"
    with http_sink() as port:  # it takes whatever comes
        url = f"http://127.0.0.1:{port}"
        assert shell(f"control publish release.json --url {url}", code=1) == ""
    assert shell.err == (
        f"errlock control publish: the collector at {url} does not answer: "
        "what answered (HTTP 200) publishes no control document\n"
    )
    shell(f"control publish release.json --url {url}/control", code=1)
    assert shell.err.endswith(" does not answer: nobody listens there\n")


@asynccontextmanager
async def followed(folder: Path) -> AsyncIterator[tuple[ControlDocument, Control, str]]:
    """A collector whose document an application follows, and where commands find it."""
    port = listening_port()
    async with publishing(folder / "data", control=f"localhost:{port}") as (_, document, url):
        control = Control(url=url, audience=AUDIENCE, keys=[str(k) for k in KEYS], name="web-1")
        control.trust(Destination("sentry"))
        while not document.applied(1)[0]:  # noqa: ASYNC110  another thread does it
            await asyncio.sleep(0.01)
        where = f"--url http://localhost:{port} --token-file {folder}/data/control-token"
        yield document, control, where


async def test_distrust_says_who_of_those_who_follow_obeys(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with followed(tmp_path) as (document, control, where):
        assert await asyncio.to_thread(shell, f"distrust sentry {where}") == "sentry: distrusted\n"
        assert "applied by 1 of 1 who follow" in shell.err
        control.close()
        monkeypatch.setattr(trust, "_FOLLOWED_WITHIN", 0.5)  # it will not, however long
        await asyncio.to_thread(shell, f"distrust otlp {where}", 1)
        assert "applied by 0 of 1 who follow\nnot by: web-1\n" in shell.err
        assert "followed by 1, 0 of them up to date" in await asyncio.to_thread(
            shell, f"status {where}"
        )
        await asyncio.to_thread(shell, f"trust --yes sentry {where}")
        assert "until a release is published" in shell.err
        document.lost = "unsigned"
        shown = await asyncio.to_thread(shell, f"status {where}")
        assert "the last release is published no more: unsigned\n" in shown


async def test_a_plan_says_who_of_those_who_follow_obeys(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with followed(tmp_path) as (_, control, where):
        ran = await asyncio.to_thread(shell, f"incident run breach {where}")
        assert "distrust sentry" in ran
        assert "tighten the policy of this collector (not of those that follow)" in ran
        assert shell.err == "applied by 1 of 1 who follow\n"
        control.close()
        monkeypatch.setattr(trust, "_FOLLOWED_WITHIN", 0.5)  # it will not, however long
        await asyncio.to_thread(shell, f"incident run rumour {where}", 1)
        assert shell.err == "applied by 0 of 1 who follow\nnot by: web-1\n"


async def test_status_says_how_following_goes(shell: Shell, tmp_path: Path) -> None:
    port = listening_port()
    where = f"--url http://localhost:{port} --token-file {tmp_path}/b/control-token"
    async with publishing(tmp_path / "a") as (_, _, url):
        follow = {"url": url, "audience": AUDIENCE, "keys": [str(key) for key in KEYS]}
        control = {"endpoint": f"localhost:{port}"}
        async with collector(tmp_path / "b", follow=follow, control=control):
            shown = await asyncio.to_thread(shell, f"status {where}")
    assert re.search(r"(?m)^follows a control document: version \d+, seen \d+s ago$", shown)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("sign --release-key release.key", "a release has --lift, and nothing else"),
        ("sign --release-key release.key --lift a --hold b", "a release has --lift"),
        ("sign --online-key online.key --lift a", "only the release key lifts"),
        ("sign --online-key release.key --hold a", "release.key: expected the online key"),
        ("sign --release-key online.key --lift a", "online.key: expected the release key"),
        ("sign --online-key no.json --hold a", "no.json: no key that signs"),
        ("sign --online-key online.key --active a", "--active: expected NAME=NAME"),
        ("sign --online-key online.key --valid soon", "--valid: expected a duration"),
        ("sign --online-key online.key --valid 900d", "--valid: expected at most 90d"),
        ("sign --online-key online.key --from no.json", "--from: this document does not count"),
        ("sign --online-key online.key --from gone.json", "--from: unreadable"),
        ("sign --online-key online.key --release no.json", "no.json: no release"),
        ("show no.json", "SOURCE: this document does not count: malformed"),
        ("show http:///x", "SOURCE: expected an http or https address"),
        ("show no.json --key me", "--key: expected online:"),
        ("publish no.json", "no.json: no release"),
    ],
)
def test_mistakes_are_told(shell: Shell, command: str, said: str) -> None:
    shell.key("online")
    shell.key("release")
    Path("no.json").write_text("{}")
    shell(f"control {command}", code=2)
    assert said in shell.err
