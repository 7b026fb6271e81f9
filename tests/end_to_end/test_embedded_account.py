"""What applications send themselves is in a collector's account, whatever happens on the way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import waiting
from commanded import commanded
from distinct_values import distinct
from http_sink import http_sink
from live_errlock import collector, running_errlock, sentry_at
from live_ports import listening_port

from errlock.ledger.account.store import AccountStore, Row
from errlock.ledger.journal.journal import read
from errlock.pipeline.control.tokens import TokenStore
from errlock.policy.keyring.pseudonyms import new_key

_SENDER = Path(__file__).with_name("senders") / "accounting_client.py"
_DEADLINE = 120.0
wait_for = partial(waiting.wait_for, seconds=_DEADLINE)
# A collector that counts a process as gone sooner than after the 20 seconds which an answer to it
# may take: nothing is on its way here.
_IMPATIENT = (
    sys.executable, "-c",
    (
        "from errlock.ledger.embedded import taking; from errlock.pipeline import cli; "
        "taking._ON_ITS_WAY, taking._LOOK_EVERY = 2.0, 0.5; raise SystemExit(cli.main())"
    ),
)  # fmt: skip
SDKS = {"sentry": ("sentry", "event"), "otel": ("otlp", "log_record")}


class Client:
    """An application that runs."""

    def __init__(self, sdk: str, backend: int, **ledger: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, _SENDER, sdk],
            env={
                **os.environ,
                "BACKEND": str(backend),
                "LEDGER": json.dumps({"service": "shop", "name": "pod-7", **ledger}),
            },
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def send(self, amount: int, how: str = "") -> None:
        """Have so many more events sent; returns when the backend has them."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{how} {amount}\n".lstrip())
        self.process.stdin.flush()
        assert self.process.stdout.readline() != ""

    def end(self) -> str:
        """Let it end as programs do; what it complained of."""
        _, errors = self.process.communicate(timeout=_DEADLINE)
        assert self.process.returncode == 0
        return errors

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def client(sdk: str, backend: int, **ledger: Any) -> Iterator[Client]:
    made = Client(sdk, backend, **ledger)
    try:
        yield made
    finally:
        made.kill()


class Place:
    """A collector's folder, and how a client reaches it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = new_key()
        (folder / "ledger.key").write_text(self.key)
        self.config = collector(sentry_at(listening_port()), {"debug": {}})
        self.config["service"] |= {
            "storage": str(folder / "store"),
            "ledger": {"key": f"${{file:{folder / 'ledger.key'}}}"},
            "control": {"endpoint": f"127.0.0.1:{listening_port()}"},
        }
        self.token = TokenStore(folder / "store").add("shop", "account")

    @property
    def reach(self) -> dict[str, Any]:
        return {
            "to": f"http://{self.config['service']['control']['endpoint']}",
            "token": self.token,
            "key": self.key,
            "every": 1,
        }

    def rows(self, class_: str = "") -> list[Row]:
        path = self.folder / "store" / "ledger.db"
        if not path.exists():
            return []
        store = AccountStore.to_read(path)
        rows = [row for row in store.rows(0, 2**40) if row.series.class_ == class_]
        store.close()
        return [row for row in rows if row.series.policy.startswith("embedded:")]

    def documents(self) -> int:
        return sum(row.figures.documents for row in self.rows())

    def told(self, kind: str) -> list[dict[str, Any]]:
        entries = read(self.folder / "store" / "journal")
        return [dict(entry.body) for entry in entries if entry.kind == kind]

    def command(
        self, name: str, *arguments: str | Path, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """What `errlock exposure` says."""
        (self.folder / "errlock.json").write_text(json.dumps(self.config))
        config = self.folder / "errlock.json"
        return commanded("exposure", name, "-c", config, *arguments, given=given)

    def disclosed(self, *arguments: str) -> list[dict[str, Any]]:
        """What `errlock exposure code` says."""
        found: list[dict[str, Any]] = json.loads(self.command("code", "--json", *arguments).stdout)
        return found

    def shown(self, package: str) -> int:
        """In how many documents a package was named."""
        return sum(each["documents"] for each in self.disclosed() if each["name"] == package)

    def verified(self) -> bool:
        return self.command("verify").returncode == 0


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("sdk", SDKS)
def test_a_collector_has_the_account_of_a_process_and_of_its_children(
    sdk: str, place: Place, tmp_path: Path
) -> None:
    destination, type_ = SDKS[sdk]
    with (
        http_sink() as backend,
        running_errlock(place.config, tmp_path / "run"),
        client(sdk, backend, **place.reach) as shop,
    ):
        shop.send(30)
        wait_for(lambda: place.documents() == 30)
        shop.send(20, "fork" if sdk == "sentry" else "")
        shop.send(10)
        shop.end()
        wait_for(lambda: place.documents() == 60)
    (series,) = {
        (row.series.destination, row.series.type, row.series.service, row.series.environment)
        for row in place.rows()
    }
    assert series == (destination, type_, "shop", "prod")
    mails = place.rows("pii.email")
    assert {(row.series.form, row.series.outcome) for row in mails} == {("removed", "delivered")}
    assert sum(row.figures.occurrences for row in mails) == 60
    _, low, high = distinct(row.figures for row in mails)
    assert low <= 60 <= high
    began = place.told("process")
    assert [each["state"] for each in began] == ["began"] * (2 if sdk == "sentry" else 1)
    assert {(each["service"], each["name"]) for each in began} == {("shop", "pod-7")}
    assert place.told("gap") == []
    assert place.verified()
    assert_code_is_told(place, sdk)
    searched = place.command("search", "--json", given="user7@example.com\nuser60@example.com\n")
    verdicts = [answer["verdict"] for answer in json.loads(searched.stdout)["answers"]]
    assert verdicts == ["removed", "not_found"]


def assert_code_is_told(place: Place, sdk: str) -> None:
    destination, _ = SDKS[sdk]
    package = {"sentry": "sentry-sdk", "otel": "shop"}[sdk]
    found = place.disclosed("--destination", destination)
    assert {(each["service"], each["environment"]) for each in found} == {("embedded:shop", "prod")}
    (told,) = [each for each in found if each["name"] == package]
    detail = version("sentry-sdk") if sdk == "sentry" else ""
    assert (told["documents"], told["detail"]) == (60, detail)
    report = place.command(
        "report", "--destination", destination, "--since", "1h", "--format", "json"
    ).stdout
    names = json.loads(report)["code"]["names"]
    (told,) = [each for each in names if each["name"] == package]
    assert (told["documents"], told["services"]) == (60, ["embedded:shop (prod)"])


def test_nothing_is_lost_or_counted_twice_while_collectors_come_and_go(
    place: Place, tmp_path: Path
) -> None:
    with http_sink() as backend, client("sentry", backend, **place.reach) as shop:
        shop.send(5)  # nobody is there yet
        with running_errlock(place.config, tmp_path / "run") as errlock:
            shop.send(5)
            wait_for(lambda: place.documents() == 10)
            shop.send(5)
            errlock.send(signal.SIGKILL)
            errlock.ended(10)
        shop.send(5)
        with running_errlock(place.config, tmp_path / "run"):
            shop.send(5)
            wait_for(lambda: place.documents() == 25)
        shop.send(5)
        with running_errlock(place.config, tmp_path / "run"):
            errors = shop.end()
            wait_for(lambda: place.documents() == 30)
    assert [each["state"] for each in place.told("process")] == ["began"]
    assert [each for each in place.told("gap") if "service" in each] == []
    assert place.shown("sentry-sdk") == 30
    assert place.verified()
    assert "Traceback" not in errors


def test_a_killed_process_is_a_gap_by_service(place: Place, tmp_path: Path) -> None:
    with (
        http_sink() as backend,
        running_errlock(place.config, tmp_path / "run", command=_IMPATIENT),
        client("sentry", backend, **place.reach) as shop,
        client("sentry", backend, **{**place.reach, "service": "billing"}) as billing,
    ):
        shop.send(3, "hand")
        billing.send(4, "hand")
        shop.kill()
        wait_for(lambda: len(place.told("gap")) == 1)
        billing.end()
    (gap,) = place.told("gap")
    assert gap["what"] == "an embedded process ended without handing over its account"
    assert (gap["service"], gap["name"]) == ("shop", "pod-7")
    assert gap["since"] < gap["until"]
    assert place.documents() == 7
    report = place.command("report", "--destination", "sentry", "--since", "1h").stdout
    assert f"{gap['what']} (in shop)" in report


def test_what_a_folder_keeps_is_merged_once(place: Place, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    more = {"folder": str(spool), "every": 1, "key": place.key}
    with http_sink() as backend, client("sentry", backend, **more) as shop:
        shop.send(3, "hand")
        kept = {path: path.read_bytes() for path in spool.iterdir()}
        shop.send(4, "fork")
        shop.send(2)
        shop.end()
    (spool / "damaged.handover").write_text('{"process": "mail user1@example.com"}')
    done = place.command("merge", "--json", spool)
    assert done.returncode == 1
    assert "user1" not in done.stderr + done.stdout
    told = json.loads(done.stdout)
    assert (told["processes"], told["unreadable"]) == (2, [str(spool / "damaged.handover")])
    assert (place.documents(), place.shown("sentry-sdk")) == (9, 9)
    for path, data in kept.items():  # somebody copied them back
        path.write_bytes(data)
    assert place.command("merge", "--json", spool).returncode == 1
    assert (place.documents(), place.shown("sentry-sdk")) == (9, 9)
    assert [path.name for path in spool.iterdir()] == ["damaged.handover"]
    assert place.told("gap") == []
    assert place.verified()


def test_an_application_that_keeps_counts_only_hands_no_code_over(
    place: Place, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    more = {"folder": str(spool), "every": 1, "depth": "counts"}
    with http_sink() as backend, client("sentry", backend, **more) as shop:
        shop.send(3)
        shop.end()
    done = place.command("merge", spool)
    assert done.returncode == 0
    assert re.fullmatch(r"merged: (1 hand-over|[\d,]+ hand-overs) of 1 process\n", done.stdout)
    assert (place.documents(), place.disclosed()) == (3, [])
