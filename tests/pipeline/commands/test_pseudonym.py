"""`errlock pseudonym`: the pseudonyms of one value, and nothing of the value."""

import io
import json
import os
import pty
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from live_errlock import ERRLOCK

from errlock.ledger.journal.journal import Journal, read
from errlock.ledger.report.sections.telling import measure_of
from errlock.ledger.search.searches import FILE, Searches
from errlock.pipeline import Pipeline
from errlock.pipeline.cli import main
from errlock.pipeline.host.os_account import account
from errlock.policy.keyring.epochs import ALL, Said
from errlock.policy.keyring.file import KeyringFile
from errlock.policy.keyring.keyring import FileKeyring, new_keyring
from errlock.policy.keyring.pseudonyms import new_key

KEY = new_key()
JANE = "jane.roe@example.com"
ANN = Said("ann", "breach", "2026-11-26T12:00:00Z")
CONFIG = """
processors:
  hash: {{ key: {key}, classes: [pii.email, pii.user_id]{more} }}
  redact:
exporters:
  sentry: {{ dsn: "https://key@sentry.example/1" }}
  sentry/standby: {{ dsn: "https://key@standby.example/1", standby_for: sentry }}
  otlp: {{ endpoint: "tempo:4317" }}
service:
  storage: {storage}
  pipelines:
    errors: {{ receivers: [sentry], processors: [hash, redact], exporters: [sentry] }}
    plain: {{ receivers: [sentry], processors: [redact], exporters: [otlp] }}
"""

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs `errlock pseudonym … -c FILE` with a value on stdin."""

    def run(
        *words: str, value: str = f"{JANE}\n", more: str = "", storage: str = "memory"
    ) -> tuple[int, str, str]:
        config = tmp_path / "errlock.yaml"
        config.write_text(CONFIG.format(key=KEY, more=more, storage=storage))
        monkeypatch.setattr("sys.stdin", io.StringIO(value))
        code = main(["pseudonym", *words, "-c", str(config)])
        shown = capsys.readouterr()
        assert JANE not in shown.out + shown.err
        return code, shown.out, shown.err

    return run


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    path = tmp_path / "keyring"
    new_keyring(path, KEY, ANN)
    return path


def scrubbed(tmp_path: Path, exporter: str) -> str:
    """What the collector would make of a text with her address in it, for an exporter."""
    pipeline = Pipeline.from_file(tmp_path / "errlock.yaml", exporter=exporter)
    text = pipeline.scrub_text(f"no cart for {JANE.upper()}")
    assert text is not None
    return text.removeprefix("no cart for ")


def test_a_key_alone_gives_one_pseudonym_a_destination(ask: Ask, tmp_path: Path) -> None:
    code, out, err = ask("pii.email", "--json")
    assert (code, err) == (0, "")
    found = {each["destination"]: each for each in json.loads(out)["pseudonyms"]}
    assert list(found) == ["sentry", "sentry/standby"]
    assert found["sentry"]["epoch"] == "e0"
    assert found["sentry"]["text"] == scrubbed(tmp_path, "sentry")
    assert found["sentry"]["text"] != found["sentry/standby"]["text"]


def test_what_all_share_is_one_pseudonym(ask: Ask, tmp_path: Path) -> None:
    code, out, _ = ask("email", more=", scope: shared")
    assert code == 0
    assert [line.split() for line in out.splitlines()] == [
        ["destination", "epoch", "since", "until", "pseudonym"],
        ["(shared)", "e0", scrubbed(tmp_path, "sentry")],
    ]


def test_every_epoch_is_told_and_what_is_destroyed(ask: Ask, keyring: Path, tmp_path: Path) -> None:
    more = f", keyring: {keyring}"
    assert ask("pii.email", more=more)[0] == 1  # nobody has made a key yet
    old = scrubbed(tmp_path, "sentry")
    FileKeyring(keyring, KEY).open("gone")  # a destination that is configured no more
    KeyringFile(keyring).change(lambda epochs: epochs.begun(ALL, ANN))
    new = scrubbed(tmp_path, "sentry")
    before = keyring.read_bytes()
    code, out, err = ask("pii.email", "--json", more=more)
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert [(each["destination"], each["epoch"]) for each in told["pseudonyms"]] == [
        ("gone", "e1"), ("sentry", "e1"), ("sentry", "e2"),
    ]  # fmt: skip
    assert [each["text"] for each in told["pseudonyms"][1:]] == [old, new]
    assert [each["until"] for each in told["pseudonyms"]] == [ANN.time, ANN.time, None]
    assert keyring.read_bytes() == before

    KeyringFile(keyring).change(lambda epochs: epochs.destroyed("e1", "sentry", ANN))
    code, out, err = ask("pii.email", more=more)
    assert code == 0
    assert old not in out
    assert new in out
    assert err == "e1, sentry: destroyed 2026-11-26T12:00:00Z by ann: breach\n"


@pytest.mark.parametrize(
    ("words", "value", "message"),
    [
        (["pii.mail"], JANE, "errlock pseudonym: unknown class 'pii.mail'; did you mean"),
        ([JANE], JANE, "errlock pseudonym: expected a class such as pii.email; the value goes to"),
        (["pii.phone"], JANE, "processors: none of type hash takes pii.phone\n"),
        (["pii.email"], "", "errlock pseudonym: expected one value, on one line of stdin\n"),
        (["pii.email"], f"{JANE}\n{JANE}\n", "errlock pseudonym: expected one value, on one"),
        (["pii.email"], JANE * 300, "errlock pseudonym: expected one value, on one"),
    ],
)
def test_mistakes_are_told_without_the_value(
    ask: Ask, words: list[str], value: str, message: str
) -> None:
    code, out, err = ask(*words, value=value)
    assert (code, out) == (2, "")
    assert err.startswith(message)


def test_the_wrong_key_is_told(ask: Ask, keyring: Path) -> None:
    keyring.unlink()
    new_keyring(keyring, new_key(), ANN)
    assert ask("pii.email", more=f", keyring: {keyring}") == (
        2, "", "processors.hash.keyring: the keyring was not made with this key\n",
    )  # fmt: skip


def test_who_asked_is_journaled_and_not_for_whom(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    code, out, err = ask("email", "--json", storage=str(tmp_path / "store"))
    assert (code, err) == (0, "")
    left = (tmp_path / "store" / FILE).read_text()
    pseudonyms = [each["text"] for each in json.loads(out)["pseudonyms"]]
    assert [text for text in (JANE, *pseudonyms) if text.strip("[]") in left] == []

    journal = Journal(tmp_path / "store" / "journal")
    Searches(tmp_path / "store", journal.append).take()
    journal.close()
    (entry,) = read(tmp_path / "store" / "journal")
    assert entry.kind == "search"
    assert entry.body == {
        "what": "pseudonym", "by": account(), "time": entry.body["time"], "class": "pii.email",
        "pseudonyms": 2,
    }  # fmt: skip
    told = "the pseudonyms of a value of class pii.email were asked for"
    assert measure_of(1, entry, set()).text == told


def test_that_it_cannot_be_journaled_is_told(ask: Ask, tmp_path: Path) -> None:
    code, out, err = ask("pii.email", storage=str(tmp_path / "nowhere"))
    assert (code, len(out.splitlines())) == (0, 3)
    assert err == "errlock: this search cannot be journaled: No such file or directory\n"


def test_a_value_that_is_typed_is_not_echoed(tmp_path: Path) -> None:
    config = tmp_path / "errlock.yaml"
    config.write_text(CONFIG.format(key=KEY, more="", storage="memory"))
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [ERRLOCK, "pseudonym", "pii.email", "-c", str(config)],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        while b"value: " not in shown:
            shown += os.read(ours, 4096)
        os.write(ours, JANE.encode() + b"\n")
        with suppress(OSError):  # the end of a terminal
            while more := os.read(ours, 4096):
                shown += more
    os.close(ours)
    assert process.returncode == 0
    assert b"[email:e0:0x" in shown
    assert JANE.encode() not in shown
