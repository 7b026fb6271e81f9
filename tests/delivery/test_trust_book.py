"""What is in force: at once when it is stricter, never by itself when it is looser."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from errlock.delivery.trust import Trust
from errlock.delivery.trust_book import NotPersisted, TrustBook
from errlock.delivery.trust_file import TrustFile

LOG = logging.getLogger("test")
DESTINATIONS = {"sentry": ("sentry.io",), "sentry/eu": ("sentry.io",), "otlp": ("tempo",)}


def book_in(folder: Path, **options: object) -> TrustBook:
    file = TrustFile(folder / "trust")
    file.create_if_new()
    return TrustBook(file, DESTINATIONS, log=LOG, **options)  # type: ignore[arg-type]  # as they come


def states(book: TrustBook) -> dict[str, str]:
    return {destination: book.of(destination).state for destination in DESTINATIONS}


async def test_a_word_about_an_operator_means_every_destination_there(tmp_path: Path) -> None:
    book = book_in(tmp_path)
    await book.open()
    told: list[tuple[str, str]] = []
    book.subscribe(lambda destination, trust: told.append((destination, trust.state)))
    await book.tighten(["sentry.io"], "distrusted", "alice", "breached")
    assert states(book) == {"sentry": "distrusted", "sentry/eu": "distrusted", "otlp": "trusted"}
    assert told == [("sentry", "distrusted"), ("sentry/eu", "distrusted")]
    assert book.targets("sentry.io") == ["sentry", "sentry/eu"]
    book.close()


async def test_what_was_said_is_in_force_after_a_restart(tmp_path: Path) -> None:
    book = book_in(tmp_path)
    await book.open()
    await book.tighten(["sentry"], "held", "alice", "looks odd")
    book.close()
    again = book_in(tmp_path)
    await again.open()
    said = again.of("sentry")
    assert (said.state, said.by, said.why) == ("held", "alice", "looks odd")
    await again.loosen(["sentry"], "trusted", "bob", "all is well")
    assert again.of("sentry").state == "trusted"
    assert again.of("sentry").by == "bob"
    again.close()


async def test_without_a_journal_entry_nothing_is_loosened(tmp_path: Path) -> None:
    def full(kind: str, body: Mapping[str, object]) -> None:
        raise OSError(28, "no space")

    book = book_in(tmp_path, journal=full)
    await book.open()
    with pytest.raises(NotPersisted, match="journal"):
        await book.tighten(["sentry"], "distrusted", "alice", "breached")
    assert book.of("sentry").state == "distrusted"
    with pytest.raises(NotPersisted, match="journal"):
        await book.loosen(["sentry"], "trusted", "alice", "again")
    assert book.of("sentry").state == "distrusted"
    book.close()


async def test_in_memory_it_works_without_a_file() -> None:
    book = TrustBook(None, DESTINATIONS, log=LOG)
    await book.open()
    await book.tighten(["otlp"], "held", "alice", "x")
    assert book.of("otlp").state == "held"
    await book.loosen(["otlp"], "trusted", "alice", "x")
    assert book.of("otlp") == Trust("trusted", "alice", "x", book.of("otlp").since)
    book.close()
