"""Which heads are of which journal, where one answer stands on several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .entries import MAX_LINE, BrokenEntry, Head, decode


class Heads(NamedTuple):
    """What a journal is to be held against."""

    own: list[Head]  # it has them; or it is the only one
    accusing: list[Head]  # none has them, and they may be of it


def shared_out(journals: Sequence[Path], heads: Sequence[Head]) -> list[Heads]:
    """The heads that each journal is to be held against. Raises OSError.

    A head vouches for the journal that has it, up to there. One that none has accuses those that
    it may be of, by the journal that it names; if each is vouched for beyond it, all of them.
    """
    if len(journals) == 1:
        return [Heads(list(heads), [])]
    owned = [_in(journal, heads) for journal in journals]
    vouched = [max((head.count for head in its), default=0) for its in owned]
    nobodys = set(heads).difference(*owned)
    found = []
    for journal, its, upto in zip(journals, owned, vouched, strict=True):
        name = _name(journal)
        accusing = {
            head
            for head in nobodys
            if None in (head.journal, name) or head.journal == name
            if head.count > upto or head.count <= min(vouched)
        }
        found.append(Heads(list(its), list(accusing)))
    return found


def _name(journal: Path) -> str | None:
    """The hash of its first entry, by which heads name it."""
    with journal.open("rb") as file, suppress(BrokenEntry):
        return decode(file.readline(MAX_LINE).rstrip(b"\n")).hash
    return None


def _in(path: Path, heads: Iterable[Head]) -> set[Head]:
    """Those of some heads that a journal has, as its lines stand there."""
    asked: dict[int, list[Head]] = {}
    for head in heads:
        asked.setdefault(head.count, []).append(head)
    found: set[Head] = set()
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), 1):
            if number in asked:
                with suppress(BrokenEntry):
                    hash_ = decode(line.rstrip(b"\n")).hash
                    found.update(each for each in asked[number] if hash_.startswith(each.hash))
    return found
