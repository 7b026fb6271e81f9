"""`errlock exposure code` shows what a backend was shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from code_event import EVENT, deliver, sent

from errlock.ledger.account.account import Account
from errlock.ledger.code.reading import CodeReader
from errlock.ledger.exposed import Learner
from errlock.ledger.options import AccountOptions
from errlock.pipeline.cli import main


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return delivered(tmp_path, "sentry", "other")


def delivered(folder: Path, *destinations: str) -> Path:
    """A storage folder whose account has an event for each of some destinations."""
    folder.mkdir(exist_ok=True)
    written = Account(
        folder / "ledger.db", AccountOptions(), lambda *_: None, lambda: 1_790_000_000.0,
        learner=Learner(CodeReader()),
    )  # fmt: skip
    for destination in destinations:
        deliver(written, sent(EVENT), destination)
    written.close()
    return folder


def test_it_lists_what_was_shown(storage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["exposure", "code", "--storage", str(storage), "--destination", "sentry"]
    assert main([*arguments, "--kind", "package", "--kind", "file"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "sentry was shown",
        "  4 packages",
        "    django           4.2.1   1 x  7, unknown  2026-09-21 to 2026-09-21",
        "    pypi:sentry-sdk  2.1.0   1 x  7, unknown  2026-09-21 to 2026-09-21",
        "    requests         2.31.0  1 x  7, unknown  2026-09-21 to 2026-09-21",
        "    sentry.python    2.1.0   1 x  7, unknown  2026-09-21 to 2026-09-21",
        "  2 source files",
        "    shop/views.py         own      1 x, 4 lines  7, unknown  2026-09-21 to 2026-09-21",
        "    sqlalchemy/engine.py  library  1 x, 1 line   7, unknown  2026-09-21 to 2026-09-21",
    ]


def test_what_no_name_has_in_it_was_not_shown(
    storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["exposure", "code", "--storage", str(storage), "--match", "log4j"]) == 0
    told = capsys.readouterr().out
    assert re.fullmatch(
        r"nothing like that was shown: it is none of \d+ names of that time\n", told
    )


def test_it_answers_a_script(storage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exposure", "code", "--storage", str(storage), "--match", "DJANGO", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(each["destination"], each["name"], each["detail"]) for each in found] == [
        ("other", "django", "4.2.1"),
        ("sentry", "django", "4.2.1"),
    ]


def test_what_several_collectors_showed_is_added_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [
        delivered(tmp_path / "one", "sentry", "sentry"),
        delivered(tmp_path / "two", "sentry"),
    ]
    asked = [word for folder in folders for word in ("--storage", str(folder))]
    assert main(["exposure", "code", *asked, "--kind", "file", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["documents"], each["line_count"]) for each in found] == [
        ("shop/views.py", 3, 4),
        ("sqlalchemy/engine.py", 3, 1),
    ]


def test_a_folder_that_is_named_twice_is_refused(
    storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = storage / "." / ".." / storage.name
    assert main(["exposure", "code", "--storage", str(storage), "--storage", str(again)]) == 2
    assert capsys.readouterr().err == (
        f"{again}: is the same record as {storage}, or a copy of it: it would count twice\n"
    )


def test_a_window_without_anything(storage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["exposure", "code", "--storage", str(storage), "--since", "2026-10-01T00:00Z"]
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith("nothing was shown")


def test_an_account_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exposure", "code", "--storage", str(tmp_path)]) == 2
    assert "is not there" in capsys.readouterr().err
    typo = tmp_path / "typo"
    assert main(["exposure", "code", "--storage", str(typo)]) == 2
    assert capsys.readouterr().err == f"--storage {typo}: there is no such folder\n"


def test_a_file_that_is_no_account(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ledger.db").write_bytes(b"x" * 9000)
    assert main(["exposure", "code", "--storage", str(tmp_path)]) == 2
    assert "cannot be read" in capsys.readouterr().err
