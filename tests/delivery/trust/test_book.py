"""What is in force: at once when it is stricter, never by itself when it is looser."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import waiting

from errlock.delivery.trust import book as trust_book
from errlock.delivery.trust import file as trust_file
from errlock.delivery.trust.book import Journal, NotPersisted, TrustBook
from errlock.delivery.trust.file import TrustFile
from errlock.delivery.trust.states import UNSAID, Trust, Trusts, TrustState, fleet_word

LOG = logging.getLogger("errlock.test")
until = partial(waiting.until, seconds=60)
DESTINATIONS = {"sentry": ("sentry.io",), "sentry/eu": ("sentry.io",), "otlp": ("tempo",)}
DISTRUST = """
import sys
from pathlib import Path
from errlock.delivery.trust.file import tighten_offline
tighten_offline(Path(sys.argv[1]), [sys.argv[2]], "distrusted", "alice", "breached")
"""


@asynccontextmanager
async def opened(
    folder: Path,
    *,
    remembered: int | None = None,
    journal: Journal | None = None,
    remember: Callable[[int], None] | None = None,
) -> AsyncIterator[TrustBook]:
    """The book of a collector with that storage folder, watched."""
    file = TrustFile(folder / "trust")
    file.create_if_new()
    book = TrustBook(file, DESTINATIONS, log=LOG, journal=journal, remember=remember)
    await book.open(remembered)
    watching = asyncio.create_task(book.watch())
    await asyncio.sleep(0)  # it has begun
    try:
        yield book
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        book.close()


def states(book: TrustBook) -> list[str]:
    return [book.of(destination).state for destination in DESTINATIONS]


def in_file(folder: Path, name: str) -> str:
    return TrustFile(folder / "trust").read().trusts.about(name).state


async def test_a_word_about_an_operator_means_every_destination_there(tmp_path: Path) -> None:
    async with opened(tmp_path) as book:
        told: list[tuple[str, str]] = []
        book.subscribe(lambda destination, trust: told.append((destination, trust.state)))
        await book.tighten(["sentry.io"], "distrusted", "alice", "breached")
        assert states(book) == ["distrusted", "distrusted", "trusted"]
        assert told == [("sentry", "distrusted"), ("sentry/eu", "distrusted")]
        assert book.targets("sentry.io") == ["sentry", "sentry/eu"]
        assert book.targets("otlp") == ["otlp"]
        assert book.targets("sentry.iq") == []


async def test_the_strictest_word_counts_until_each_is_taken_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as book:
        await book.tighten(["sentry.io"], "held", "alice", "odd")
        await book.tighten(["sentry"], "distrusted", "bob", "breached")
        await book.loosen(["sentry.io"], "trusted", "alice", "fine")
        assert states(book) == ["distrusted", "trusted", "trusted"]
        assert book.of("sentry").by == "bob"
        await book.loosen(["sentry"], "held", "bob", "watching it")
        assert states(book) == ["held", "trusted", "trusted"]
        await book.tighten(["sentry"], "held", "carol", "still")
        assert book.of("sentry").by == "carol"
        await book.loosen(["sentry"], "trusted", "bob", "fine")
        assert states(book) == ["trusted"] * 3


async def test_what_was_said_is_in_force_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as book:
        await book.tighten(["sentry"], "held", "alice", "looks odd")
        before = book.of("sentry")
    async with opened(tmp_path) as book:
        told: list[tuple[str, Trust]] = []
        book.subscribe(lambda destination, trust: told.append((destination, trust)))
        assert told == [("sentry", before)]
        assert (before.state, before.by, before.why) == ("held", "alice", "looks odd")
        assert abs(before.since - time.time()) < 60


async def test_it_is_in_force_before_anything_is_written(tmp_path: Path) -> None:
    async with opened(tmp_path) as book:
        word = book.tighten(["sentry"], "distrusted", "alice", "breached")
        word.send(None)  # up to its first await
        assert states(book) == ["distrusted", "trusted", "trusted"]
        word.close()


async def test_a_new_configuration_keeps_what_was_said(tmp_path: Path) -> None:
    async with opened(tmp_path) as book:
        await book.tighten(["sentry.io"], "distrusted", "alice", "breached")
        told: list[str] = []
        book.subscribe(lambda destination, _: told.append(destination))
        told.clear()
        book.reload({"otlp": ["tempo"], "sentry": ["sentry.io"], "sentry/us": ["sentry.io"]})
        assert book.of("sentry/us").state == "distrusted"
        assert told == ["sentry", "sentry/us"]  # what is behind the old id may be new


async def test_in_memory_it_works_without_a_file() -> None:
    book = TrustBook(None, DESTINATIONS, log=LOG)
    await book.open()
    await book.tighten(["otlp"], "held", "alice", "x")
    assert states(book) == ["trusted", "trusted", "held"]
    await book.loosen(["otlp"], "trusted", "alice", "x")
    assert states(book) == ["trusted"] * 3
    book.close()
    with pytest.raises(NotPersisted, match="closed"):
        await book.tighten(["otlp"], "held", "alice", "x")
    assert states(book) == ["trusted", "trusted", "held"]


# A file that cannot be relied on


async def test_a_missing_file_in_a_folder_that_is_not_new_holds_everything(tmp_path: Path) -> None:
    (tmp_path / "queue.db").touch()
    async with opened(tmp_path) as book:
        assert states(book) == ["held"] * 3
        assert book.fault == "the trust file cannot be used: missing"
        assert book.of("sentry").why == book.fault
        assert book.of("sentry").by == "errlock"
        await book.loosen(["sentry"], "trusted", "alice", "it was lost in a move")
        assert states(book) == ["trusted", "held", "held"]
        assert book.fault is None
    async with opened(tmp_path) as book:
        assert states(book) == ["trusted", "held", "held"]


async def test_a_damaged_file_holds_everything(tmp_path: Path) -> None:
    (tmp_path / "trust").write_bytes(b"nonsense")
    (tmp_path / "trust").chmod(0o600)
    async with opened(tmp_path) as book:
        assert states(book) == ["held"] * 3
        assert book.of("sentry").why == "the trust file cannot be used: damaged"


async def test_a_file_older_than_what_was_in_force_holds_everything(tmp_path: Path) -> None:
    generations: list[int] = []
    async with opened(tmp_path, remember=generations.append) as book:
        shutil.copy(tmp_path / "trust", tmp_path / "yesterday")
        await book.tighten(["sentry"], "distrusted", "alice", "breached")
        await book.loosen(["sentry"], "held", "alice", "watching it")
    assert generations == [1, 2, 3]
    async with opened(tmp_path, remembered=3) as book:
        assert states(book) == ["held", "trusted", "trusted"]
    shutil.copy(tmp_path / "yesterday", tmp_path / "trust")
    async with opened(tmp_path, remembered=3, remember=generations.append) as book:
        assert states(book) == ["held"] * 3
        assert "older" in book.of("otlp").why
        await book.loosen(["otlp"], "trusted", "alice", "seen")
        assert states(book) == ["held", "held", "trusted"]
    assert generations[-1] == 4


async def test_a_file_that_vanishes_is_written_again_and_nothing_is_loosened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust_book, "_WRITE_AGAIN_EVERY", 0.1)
    (tmp_path / "queue.db").touch()
    TrustFile(tmp_path / "trust").change(lambda _: Trusts())
    async with opened(tmp_path) as book:
        await book.tighten(["sentry"], "distrusted", "alice", "breached")
        (tmp_path / "trust").unlink()
        await until((tmp_path / "trust").exists)
        assert states(book) == ["distrusted", "trusted", "trusted"]
        assert in_file(tmp_path, "sentry") == "distrusted"


async def test_what_cannot_be_written_is_in_force_and_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust_book, "_WRITE_AGAIN_EVERY", 0.1)
    monkeypatch.setattr(trust_file, "_PATIENCE", 0.3)
    async with opened(tmp_path) as book:
        await book.tighten(["otlp"], "held", "alice", "odd")
        with (tmp_path / "trust").open("rb") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            with pytest.raises(NotPersisted, match="locked"):
                await book.tighten(["sentry"], "distrusted", "alice", "breached")
            with pytest.raises(NotPersisted, match="locked"):
                await book.loosen(["otlp"], "trusted", "alice", "fine")
            assert states(book) == ["distrusted", "trusted", "held"]
            assert in_file(tmp_path, "sentry") == "trusted"
        await until(lambda: in_file(tmp_path, "sentry") == "distrusted")
        assert in_file(tmp_path, "otlp") == "held"


# The journal


async def test_every_word_is_journaled_with_who_and_why(tmp_path: Path) -> None:
    entries: list[tuple[str, Mapping[str, object]]] = []
    async with opened(tmp_path, journal=lambda kind, body: entries.append((kind, body))) as book:
        await book.tighten(["sentry"], "distrusted", "alice", "breached")
        await book.loosen(["sentry"], "trusted", "bob", "fine")
    assert [(kind, body["what"]) for kind, body in entries] == [
        ("trust", "tightened"),
        ("trust", "loosened"),
    ]
    words = entries[0][1]["words"]
    assert isinstance(words, dict)
    assert words["sentry"] | {"since": 0} == {
        "state": "distrusted", "by": "alice", "why": "breached", "since": 0,
    }  # fmt: skip


async def test_without_a_journal_entry_nothing_is_loosened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def full(kind: str, body: Mapping[str, object]) -> None:
        raise OSError(28, "no space")

    async with opened(tmp_path, journal=full) as book:
        with pytest.raises(NotPersisted, match="journal"):
            await book.tighten(["sentry"], "distrusted", "alice", "breached")
        assert states(book) == ["distrusted", "trusted", "trusted"]
        assert in_file(tmp_path, "sentry") == "distrusted"
        with pytest.raises(NotPersisted, match="journal"):
            await book.loosen(["sentry"], "trusted", "alice", "again")
        assert states(book) == ["distrusted", "trusted", "trusted"]
        assert in_file(tmp_path, "sentry") == "distrusted"
    assert "the journal took no word on trust: no space" in caplog.messages


async def test_a_tightening_overtakes_a_loosening_under_way(tmp_path: Path) -> None:
    may_go_on = threading.Event()
    entries: list[object] = []

    def slow(kind: str, body: Mapping[str, object]) -> None:
        entries.append(body["what"])
        if body["what"] == "loosened":
            may_go_on.wait(60)

    async with opened(tmp_path, journal=slow) as book:
        await book.tighten(["sentry"], "distrusted", "alice", "breached")
        loosening = asyncio.create_task(book.loosen(["sentry"], "trusted", "bob", "fine"))
        await until(lambda: "loosened" in entries)
        again = asyncio.create_task(book.tighten(["sentry"], "distrusted", "alice", "breached"))
        await asyncio.sleep(0)
        may_go_on.set()
        with pytest.raises(NotPersisted, match="overtaken"):
            await loosening
        await again
        assert states(book) == ["distrusted", "trusted", "trusted"]
        assert in_file(tmp_path, "sentry") == "distrusted"
        assert entries[-2:] == ["not_loosened", "tightened"]


# Other processes, and an event loop without time


async def test_another_process_is_obeyed_within_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told by how often the file was looked at: a busy machine takes longer to do so."""
    entries: list[object] = []
    looks: list[None] = []
    obeyed: list[int] = []
    stamp = TrustFile.stamp

    def look(file: TrustFile) -> bytes:
        looks.append(None)
        return stamp(file)

    monkeypatch.setattr(TrustFile, "stamp", look)
    async with opened(tmp_path, journal=lambda _, body: entries.append(body)) as book:
        told = asyncio.Event()
        book.subscribe(lambda *_: told.set())
        book.subscribe_abort(lambda _: obeyed.append(len(looks)))
        await asyncio.to_thread(_distrust, tmp_path, "sentry.io")
        before = len(looks)
        async with asyncio.timeout(60):
            await told.wait()
        # One was under way when it was written, the next one sees it.
        assert obeyed[0] - before <= 1
        assert 2 * trust_book._LOOK_EVERY < 1.0
        assert states(book) == ["distrusted", "distrusted", "trusted"]
        assert book.of("sentry").by == "alice"
        await until(lambda: "sentry.io" in str(entries))


async def test_with_a_busy_event_loop_a_thread_aborts_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as book:
        # By the time that this process has had: others may need the machine too.
        aborted: list[tuple[str, float]] = []
        told: list[str] = []
        book.subscribe(lambda destination, _: told.append(destination))
        book.subscribe_abort(lambda name: aborted.append((name, time.process_time())))
        _distrust(tmp_path, "sentry")  # in this thread: the loop stands still
        written = time.process_time()
        while time.process_time() < written + 1.0:
            pass  # the loop has work to do
        assert aborted[0][0] == "sentry"
        assert aborted[0][1] - written < 1.0
        assert len(aborted) > 1  # again and again, until the loop knows
        assert told == []
        assert states(book) == ["distrusted", "trusted", "trusted"]
        await until(lambda: told)
        assert told == ["sentry"]
        times = len(aborted)
        await asyncio.sleep(0.6)
        assert len(aborted) == times


async def test_a_word_said_on_another_loop_does_not_wait_for_this_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as book:
        aborted: list[str] = []
        told: list[tuple[str, int]] = []
        book.subscribe(lambda name, _: told.append((name, threading.get_ident())))
        book.subscribe_abort(aborted.append)
        word = threading.Thread(
            target=lambda: asyncio.run(book.tighten(["otlp"], "distrusted", "alice", "x"))
        )
        word.start()
        word.join()
        assert "otlp" in aborted
        assert told == []
        await until(lambda: told)
        assert told == [("otlp", threading.get_ident())]
        assert in_file(tmp_path, "otlp") == "distrusted"


async def test_who_fails_to_obey_does_not_keep_others_from_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("secret")

    async with opened(tmp_path) as book:
        told: list[str] = []
        book.subscribe(fails)
        book.subscribe(lambda destination, _: told.append(destination))
        await book.tighten(["sentry"], "distrusted", "alice", "breached")
        assert told == ["sentry"]
        assert in_file(tmp_path, "sentry") == "distrusted"
        assert "a change of trust was not obeyed: RuntimeError" in caplog.text
        assert "secret" not in caplog.text


async def test_nothing_is_loosened_through_the_file(tmp_path: Path) -> None:
    async with opened(tmp_path) as book:
        shutil.copy(tmp_path / "trust", tmp_path / "yesterday")
        await book.tighten(["sentry"], "distrusted", "alice", "breached")
        await asyncio.sleep(0.3)
        shutil.copy(tmp_path / "yesterday", tmp_path / "trust")
        await asyncio.sleep(0.6)
        assert states(book) == ["distrusted", "trusted", "trusted"]
        await book.tighten(["otlp"], "held", "alice", "odd")
        assert in_file(tmp_path, "sentry") == "distrusted"


def _distrust(folder: Path, name: str) -> None:
    subprocess.run([sys.executable, "-c", DISTRUST, str(folder), name], check=True)


@pytest.mark.parametrize(
    ("said", "fallback", "about"),
    [
        ({"sentry": "held"}, UNSAID, "sentry"),
        ({"sentry": "held", "sentry.io": "held"}, UNSAID, "sentry"),
        ({"sentry": "held", "sentry.io": "distrusted"}, UNSAID, "sentry.io"),
        ({"sentry": "trusted", fleet_word("sentry"): "held"}, UNSAID, "sentry@fleet"),
        ({}, Trust("held", "errlock"), ""),
    ],
)
def test_it_is_known_of_what_the_word_was_said(
    said: dict[str, TrustState], fallback: Trust, about: str
) -> None:
    trusts = Trusts({name: Trust(state) for name, state in said.items()}, fallback)
    name, word = trusts.word("sentry", ["sentry.io"])
    assert (name, word) == (about, trusts.of("sentry", ["sentry.io"]))
    assert word.state != "trusted"


async def test_whatever_a_look_at_the_file_fails_of_the_next_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stamp, looks = TrustFile.stamp, 0

    def no_memory_at_first(file: TrustFile) -> bytes:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise MemoryError("quotes a secret")
        return stamp(file)

    async with opened(tmp_path) as book:
        monkeypatch.setattr(TrustFile, "stamp", no_memory_at_first)
        await until(lambda: looks > 2)
        word = partial(trust_file.tighten_offline, tmp_path, ["otlp"], "distrusted", "a", "b")
        await asyncio.to_thread(word)
        await until(lambda: book.of("otlp").state == "distrusted")
    assert caplog.messages.count("a look at the trust file failed: MemoryError") == 1
