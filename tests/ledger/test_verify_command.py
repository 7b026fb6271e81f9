"""`errlock exposure verify`, as people and scripts use it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from errlock.ledger.journal.entries import Head
from errlock.ledger.journal.journal import Journal
from errlock.ledger.journal.signing import SigningKey
from errlock.pipeline.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a key and a signed journal of five entries."""
    monkeypatch.chdir(tmp_path)
    assert main(["key", "new", "--journal", "journal.key"]) == 0
    journal = Journal(tmp_path / "journal", SigningKey((tmp_path / "journal.key").read_text()))
    journal.append("start", {})
    heads = [journal.append("trust", {"destination": "sentry", "by": "ann"}) for _ in range(4)]
    (tmp_path / "heads").write_bytes(b"".join(msgspec.json.encode(h) + b"\n" for h in heads))
    (tmp_path / "newest").write_bytes(msgspec.json.encode(journal.head))
    journal.close()
    return tmp_path


def head_of(folder: Path) -> Head:
    return msgspec.json.decode((folder / "newest").read_bytes(), type=Head)


def test_a_whole_journal_is_vouched_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["exposure", "verify", "--journal", "journal"]
    head = head_of(folder)
    given = [
        ["--head", str(head)],
        ["--head", f"{head.count}:{head.hash[:13]}"],
        ["--head-file", "heads"],
        ["--head-file", "newest", "--public-key", "journal.key.pub"],
    ]
    for options in given:
        capsys.readouterr()
        assert main([*command, *options]) == 0
        out = capsys.readouterr().out
        assert out.startswith("journal: 5 entries, 20")
        assert f"\nhead: {head}\n" in out
        assert "\nvouched for: entries 1 to 5, by a head kept elsewhere\n" in out
        assert "no head was given" not in out
        assert out.endswith("\nnothing wrong was found\n")


def test_a_cut_tail_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (folder / "journal").read_bytes().splitlines(keepends=True)
    (folder / "journal").write_bytes(b"".join(lines[:3]))
    capsys.readouterr()
    assert main(["exposure", "verify", "--journal", "journal", "--head-file", "heads"]) == 1
    out = capsys.readouterr().out
    assert "\nit ends at entry 3, and there were 5: its tail was cut\n" in out
    assert out.endswith("\ntampered with or damaged\n")


def test_heads_of_another_journal_are_told_as_that_and_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Journal(folder / "other")
    heads = [other.append("trust", {"destination": "sentry"}) for _ in range(7)]
    (folder / "others").write_bytes(b"".join(msgspec.json.encode(h) + b"\n" for h in heads))
    command = ["exposure", "verify", "--journal", "journal", "--json"]
    for more, count in ([], 7), (["--head-file", "others"], 14):
        capsys.readouterr()
        assert main([*command, "--head-file", "others", *more]) == 1
        verdict = json.loads(capsys.readouterr().out)
        [finding] = verdict["findings"]
        assert finding["text"] == (
            f"none of {count} heads is of this journal: they are another one's, or it was "
            "rewritten from entry 1 or before"
        )
        assert verdict["vouched_to"] == 0
    # One that is of this journal says whose the others should be.
    assert main([*command, "--head-file", "others", "--head-file", "newest"]) == 1
    assert len(json.loads(capsys.readouterr().out)["findings"]) == 7


def test_without_a_head_it_says_what_it_cannot_see(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["exposure", "verify", "--journal", "journal"]) == 0
    out = capsys.readouterr().out
    assert "not vouched for: entries 1 to 5: whoever could write the file" in out
    assert "whether its end was cut off, or an older file was put back, cannot be seen" in out


def test_scripts_get_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    path = str(folder / "journal")
    assert main(["exposure", "verify", "--journal", path, "--head", f"9:{'0' * 64}", "--json"]) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["journal"] == path
    assert verdict["entries"] == 5
    assert (verdict["vouched_from"], verdict["vouched_to"]) == (0, 0)
    assert verdict["findings"] == [
        {"line": 0, "text": "it ends at entry 5, and there were 9: its tail was cut"}
    ]


def test_the_journal_is_looked_for_in_the_storage_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "store").mkdir()
    (folder / "journal").rename(folder / "store" / "journal")
    assert main(["exposure", "verify", "--set", "service.storage=store"]) == 0
    capsys.readouterr()
    assert main(["exposure", "verify", "--set", "service.storage=memory"]) == 2
    assert capsys.readouterr().err == "service.storage: keeps nothing: name a --journal\n"
    assert main(["exposure", "verify"]) == 2
    assert capsys.readouterr().err == (
        f"service.storage: there is no {Path.cwd() / 'errlock-data'}: run this in the folder in "
        "which the collector was started, or name a --journal\n"
    )


def test_configurations_of_several_collectors_are_no_several_records(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "store").mkdir()
    (folder / "journal").rename(folder / "store" / "journal")
    (folder / "eu.yaml").write_text("service: { storage: eu }\n")
    (folder / "us.yaml").write_text("service: { storage: store }\n")
    (folder / "more.yaml").write_text("service: { ledger: {} }\n")
    both = ["-c", "eu.yaml", "-c", "us.yaml"]
    for others in ([], ["-c", "more.yaml"], ["--set", "service.shutdown_timeout=1s"]):
        capsys.readouterr()
        assert main(["exposure", "verify", *both, *others]) == 2
        assert capsys.readouterr().err == (
            "service.storage: is eu in eu.yaml and store in us.yaml: say which with --journal\n"
        )
    assert main(["exposure", "verify", *both, "--journal", "store/journal"]) == 0
    assert main(["exposure", "verify", *both, "--set", "service.storage=./store"]) == 0
    assert main(["exposure", "verify", "-c", "us.yaml", "-c", "more.yaml"]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--head", "5:abc"], "--head: not a head of a journal: expected COUNT:HASH\n"),
        (["--head", '{"count":1}'], "--head: not a head of a journal\n"),
        (["--head-file", "journal"], "journal:1: not a head of a journal\n"),
        (["--public-key", "heads"], "heads: expected an Ed25519 public key in PEM\n"),
        (["--head-file", "none"], "errlock: none: No such file or directory\n"),
    ],
)
def test_what_is_no_head_and_no_key_is_a_mistake_in_usage(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    capsys.readouterr()
    assert main(["exposure", "verify", "--journal", "journal", *options]) == 2
    assert capsys.readouterr().err.startswith(message)


def test_a_signing_key_is_not_mixed_with_pseudonyms(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["key", "new", "--journal", "a", "--keyring", "b"]) == 2
    assert not (folder / "a").exists()
