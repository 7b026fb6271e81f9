"""The journal: chained, durable, and honest about what is missing."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from errlock.ledger.journal.entries import KINDS, BrokenEntry, Head, read_head
from errlock.ledger.journal.journal import Journal, JournalFailed, read
from errlock.ledger.journal.signing import PublicKey, SigningKey, WrongKey, new_key_files
from errlock.ledger.journal.verifying import Finding, verify

_WRITER = """
import sys
from pathlib import Path
from errlock.ledger.journal.journal import Journal
journal = Journal(Path(sys.argv[1]))
for number in range(1_000_000):
    head = journal.append("minute", {"number": number, "text": "x" * (number % 997)})
    print(head.count, head.hash, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def bodies(path: Path) -> list[tuple[str, object]]:
    return [(entry.kind, dict(entry.body)) for entry in read(path)]


def test_what_is_appended_is_read_back_in_order(path: Path) -> None:
    journal = Journal(path)
    for kind in KINDS:
        journal.append(kind, {"b": [1, 2.5, None, "ü\n"], "a": {"z": True, "y": -1}})  # type: ignore[arg-type]
    entries = list(read(path))
    assert [entry.kind for entry in entries] == list(KINDS)
    assert [entry.number for entry in entries] == list(range(1, len(KINDS) + 1))
    assert all(entry.body == {"a": {"y": -1, "z": True}, "b": [1, 2.5, None, "ü\n"]}
               for entry in entries)  # fmt: skip
    assert path.read_bytes().count(b"\n") == len(KINDS)
    assert verify(path, [journal.head]).findings == []


def test_only_its_owner_may_read_it(path: Path) -> None:
    Journal(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(JournalFailed, match="chmod 600"):
        Journal(path)


def test_a_second_writer_is_refused_until_the_first_lets_go(path: Path) -> None:
    first = Journal(path)
    with pytest.raises(JournalFailed, match="another process writes it"):
        Journal(path)
    first.append("start", {})
    first.close()
    second = Journal(path)
    assert second.append("start", {}).count == 2


def test_threads_may_append_at_the_same_time(path: Path) -> None:
    journal = Journal(path)

    def write(name: str) -> None:
        for number in range(20):
            journal.append("minute", {"by": name, "number": number})

    threads = [threading.Thread(target=write, args=(str(each),)) for each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdict = verify(path, [journal.head])
    assert (verdict.entries, verdict.findings, verdict.vouched_to) == (80, [], 80)


def test_what_was_acknowledged_is_there_after_kill_9(path: Path) -> None:
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            told = [writer.stdout.readline() for _ in range(100)]
            writer.send_signal(signal.SIGKILL)
            told += writer.stdout.read().splitlines(keepends=True)
        heads = [read_head(":".join(line.split())) for line in told if line.endswith("\n")]
        verdict = verify(path, heads)
        assert verdict.findings == []
        assert verdict.vouched_to == heads[-1].count >= 100
    journal = Journal(path)
    journal.append("start", {})
    assert verify(path, [journal.head]).findings == []


@pytest.mark.parametrize("cut", [1, 2, 40, 200])
def test_an_unfinished_line_is_set_aside_and_told(path: Path, cut: int) -> None:
    journal = Journal(path)
    journal.append("start", {})
    journal.append("trust", {"destination": "sentry", "why": "w" * 300})
    journal.close()
    whole = path.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    path.write_bytes(whole[:-cut])
    assert verify(path).unfinished == len(last) - cut

    journal = Journal(path)
    kind, body = bodies(path)[-1]
    assert kind == "gap"
    assert isinstance(body, dict)
    assert body["what"] == "an unfinished entry"
    assert (path.parent / body["file"]).read_bytes() == last[:-cut]
    assert verify(path, [journal.head]).findings == []


@pytest.mark.parametrize("zeros", [b"\0" * 50, b"\0" * 50 + b"\n"], ids=["open", "closed"])
def test_zeros_that_a_power_cut_leaves_are_an_unfinished_line(path: Path, zeros: bytes) -> None:
    journal = Journal(path)
    journal.append("start", {})
    journal.close()
    with path.open("ab") as file:
        file.write(zeros)
    Journal(path)
    assert [kind for kind, _ in bodies(path)] == ["start", "gap"]


def test_a_journal_whose_first_line_was_never_finished_begins_with_that(path: Path) -> None:
    path.write_bytes(b'{"number":1,')
    path.chmod(0o600)
    journal = Journal(path)
    assert [kind for kind, _ in bodies(path)] == ["gap"]
    assert verify(path, [journal.head]).findings == []


def test_more_damage_than_a_crash_does_begins_a_new_journal_and_is_told(path: Path) -> None:
    journal = Journal(path)
    for _ in range(6):
        journal.append("start", {})
    kept = journal.head
    journal.close()
    damaged = path.read_bytes().replace(b'"start"', b'"stOrt"')
    path.write_bytes(damaged)

    journal = Journal(path)
    ((kind, body),) = bodies(path)
    assert kind == "gap"
    assert isinstance(body, dict)
    assert body["what"] == "a damaged journal"
    assert (path.parent / body["file"]).read_bytes() == damaged
    assert [finding.text for finding in verify(path, [kept]).findings] == [
        "it ends at entry 1, and there were 6: its tail was cut"
    ]


def test_damage_further_up_is_gone_on_behind_and_found_by_the_verifier(path: Path) -> None:
    journal = Journal(path)
    for _ in range(6):
        journal.append("start", {})
    journal.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"\xa7" * 1000 + b"\n" + b"".join(lines[3:]))

    journal = Journal(path)
    assert journal.append("start", {}).count == 7
    assert [each.name for each in path.parent.iterdir()] == ["journal"]
    verdict = verify(path, [journal.head])
    assert verdict.findings[0] == Finding(1, "damaged or edited: it does not end in a hash")
    assert (verdict.vouched_from, verdict.vouched_to) == (4, 7)


def test_an_entry_that_the_disk_refused_is_told_by_the_next(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path)
    journal.append("start", {})
    size = path.stat().st_size

    def full(_file: int, data: bytes) -> int:
        if len(data) <= 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(_file, data[:-10])  # a disk that has room for a part of it

    real = os.write
    monkeypatch.setattr(os, "write", full)
    for kind in ("trust", "minute", "trust"):
        with pytest.raises(JournalFailed, match=r"No space left on device: .*journal"):
            journal.append(kind, {"why": "secret-why"})
    assert path.stat().st_size == size
    monkeypatch.undo()

    journal.append("stop", {})
    (_, (kind, gap), (last, _)) = bodies(path)
    assert (kind, last) == ("gap", "stop")
    assert isinstance(gap, dict)
    assert (gap["what"], gap["kinds"]) == (
        "entries that could not be written",
        {"minute": 1, "trust": 2},
    )
    assert verify(path, [journal.head]).findings == []


def test_what_is_no_json_is_refused_without_quoting_it(path: Path) -> None:
    journal = Journal(path)
    for body in ({"a": object()}, {"a": "\ud800secret"}, {"a": "x" * 2**23}):
        with pytest.raises(ValueError, match="a body of kind trust is") as raised:
            journal.append("trust", body)
        assert "secret" not in str(raised.value)
    assert journal.append("trust", {}).count == 1


def test_a_line_that_is_written_another_way_is_no_entry(path: Path) -> None:
    Journal(path).append("trust", {"why": "é"})
    line = path.read_bytes()
    for other in (line.replace("é".encode(), b"\\u00e9"), line.replace(b":{", b": {")):
        path.write_bytes(other)
        with pytest.raises(BrokenEntry):
            list(read(path))


def test_the_head_is_signed_and_the_next_entry_repeats_its_signature(
    path: Path, tmp_path: Path
) -> None:
    public = new_key_files(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert PublicKey.from_pem((tmp_path / "key.pub").read_bytes()).id == public.id
    journal = Journal(path, SigningKey((tmp_path / "key").read_text()))
    journal.append("start", {})
    head = journal.head
    journal.append("stop", {})
    assert public.signed(head, head.signature)
    assert not public.signed(Head(2, head.hash), head.signature)
    assert [entry.signature for entry in read(path)][1] == head.signature
    verdict = verify(path, keys=[public])
    assert (verdict.findings, verdict.vouched_to) == ([], 1)
    verdict = verify(path, [journal.head], [public])
    assert (verdict.findings, verdict.vouched_to) == ([], 2)


def test_a_key_of_another_kind_is_refused_without_showing_it(tmp_path: Path) -> None:
    new_key_files(tmp_path / "key")
    with pytest.raises(WrongKey):
        PublicKey.from_pem((tmp_path / "key").read_bytes())
    for text in ("", "hunter2", (tmp_path / "key.pub").read_text()):
        with pytest.raises(WrongKey, match="expected an Ed25519 private key in PEM"):
            SigningKey(text)
    with pytest.raises(FileExistsError):
        new_key_files(tmp_path / "key")


@pytest.mark.parametrize("replaced", [False, True], ids=["deleted", "replaced"])
def test_a_journal_that_was_removed_is_written_again_and_told(path: Path, replaced: bool) -> None:
    journal = Journal(path)
    journal.append("start", {})
    path.unlink()
    if replaced:
        path.write_bytes(b"somebody's\n")
    journal.put_back()
    journal.append("stop", {})
    journal.put_back()  # it is where it belongs
    journal.close()
    entries = list(read(path))
    assert [entry.kind for entry in entries] == ["start", "gap", "stop"]
    assert verify(path).findings == []
    assert path.stat().st_mode & 0o777 == 0o600
    aside = entries[1].body.get("file")
    assert (aside is not None) is replaced
    if isinstance(aside, str):
        assert path.with_name(aside).read_bytes() == b"somebody's\n"


def test_a_journal_that_cannot_be_put_back_is_so_later(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(path)
    journal.append("start", {})
    path.parent.rename(path.parent.with_name("elsewhere"))
    journal.put_back()
    journal.put_back()
    assert caplog.messages == ["the journal is not in its place: No such file or directory"]
    path.parent.mkdir()
    journal.put_back()
    journal.close()
    assert [entry.kind for entry in read(path)] == ["start", "gap"]


def test_a_journal_that_was_cut_off_says_so_and_goes_on(path: Path) -> None:
    journal = Journal(path)
    journal.append("start", {})
    size = path.stat().st_size
    journal.append("reload", {})
    journal.append("policy", {})
    os.truncate(path, size + 20)
    journal.put_back()
    journal.close()
    assert [entry.kind for entry in read(path)] == ["start", "gap"]
    assert verify(path).findings  # what was cut off is missing from the chain
