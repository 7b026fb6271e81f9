"""Whether a journal is what was written: the chain, and heads of it that were kept elsewhere.

The chain alone shows damage and clumsy edits. Whoever can write the file can compute a new chain,
cut its tail or put yesterday's file back; only a head that they could not reach shows that. So a
verdict says up to where it can vouch, and by what.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ...pipeline.terminal import plural
from .entries import MAX_LINE, NOTHING, BrokenEntry, Entry, Head, decode
from .signing import PublicKey

_MOST_FINDINGS = 100  # a file that is no journal has one a line


@dataclass(frozen=True, slots=True)
class Finding:
    """One sign of tampering or damage, and the line where it shows (0: the file as a whole)."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line else self.text


@dataclass(slots=True)
class Verdict:
    """What can be said about a journal."""

    entries: int = 0
    first: str = ""  # the times of the first and last entry
    last: str = ""
    head: str = ""
    vouched_from: int = 0  # numbers of entries; 0: for none
    vouched_to: int = 0
    by: str = ""  # what vouches
    others: int = 0  # heads that are of other journals, as they say, and were not compared
    unfinished: int = 0  # bytes behind the last whole line: being written, or torn
    findings: list[Finding] = field(default_factory=list)
    more: int = 0  # findings beyond the first ones of lines
    account_minutes: int | None = None  # minutes of the account that were compared; None: none
    account_forgotten: int = 0  # minutes that the journal tells of and that were too old to keep
    account_open: int = 0  # minutes that went on after a restart and were not told again yet
    needles: bool | None = None  # whether they add up; None: not known
    account_code_days: int = 0  # days with code that was disclosed, as the journal says

    def as_dict(self) -> dict[str, object]:
        """The same, ready for JSON."""
        return asdict(self)


def verify(path: Path, heads: Sequence[Head] = (), keys: Sequence[PublicKey] = ()) -> Verdict:
    """Check a journal against heads that were kept elsewhere and the keys that may have signed it.

    Finds every edit, deletion, insertion and reordering up to the newest head, and a truncation
    or a rewrite of anything before it. Reads the file once, line by line. Raises OSError.
    """
    walk = _Walk({head.count for head in heads})
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE):
            if not line.endswith(b"\n") and len(line) < MAX_LINE:
                walk.verdict.unfinished = len(line)
                break
            walk.line(line)
    verdict = walk.verdict
    vouchers = [*_kept_elsewhere(walk, heads, keys), *_signatures(walk, keys)]
    if walk.last is not None:
        verdict.last, verdict.head = walk.last.time, str(walk.last.head)
    reachable = [each for each in vouchers if each[0] >= walk.unbroken_from]
    if reachable:
        verdict.vouched_to, verdict.by = max(reachable)
        verdict.vouched_from = walk.unbroken_from
    return verdict


class _Walk:
    """The chain, entry by entry."""

    def __init__(self, wanted: set[int]) -> None:
        self.verdict = Verdict()
        self.last: Entry | None = None
        self.name: str | None = None  # the hash of the first entry; None: that cannot be read
        self.unbroken_from = 1  # since which entry the chain holds
        self.hashes: dict[int, str] = {0: NOTHING}  # of the heads that are asked for
        self.signed: Entry | None = None  # the last one with a signature of the head before it
        self.unsigned = 0
        self._wanted = wanted
        self._lines = 0

    def line(self, line: bytes) -> None:
        """One more line of the file."""
        self._lines += 1
        try:
            entry = decode(line[:-1])
        except BrokenEntry as broken:
            self._found(f"damaged or edited: {broken}")
            self.unbroken_from = self._next_number + 1
            return
        verdict = self.verdict
        verdict.entries += 1
        verdict.first = verdict.first or entry.time
        if entry.number != self._next_number:
            self._found(
                f"entry {entry.number} stands where {self._next_number} should: "
                "entries were deleted, added or moved"
            )
        if entry.previous != (self.last.hash if self.last else NOTHING):
            self._found(f"entry {entry.number} does not follow the one before it")
            self.unbroken_from = entry.number
        if self._lines == entry.number == 1:
            self.name = entry.hash
        if entry.number in self._wanted:
            self.hashes[entry.number] = entry.hash
        if entry.signature is not None:
            self.signed = entry
        else:
            self.unsigned += 1
        self.last = entry

    def may_be_of(self, head: Head) -> bool:
        """Whether a head is of this journal, as it says: several may share a file of heads."""
        return None in (head.journal, self.name) or head.journal == self.name

    def has(self, head: Head) -> bool:
        """Whether the journal had this head, of those that are asked for."""
        return self.hashes.get(head.count, "").startswith(head.hash)

    @property
    def _next_number(self) -> int:
        return self.last.number + 1 if self.last else 1

    def _found(self, text: str) -> None:
        if len(self.verdict.findings) < _MOST_FINDINGS:
            self.verdict.findings.append(Finding(self._lines, text))
        else:
            self.verdict.more += 1


def _kept_elsewhere(
    walk: _Walk, heads: Sequence[Head], keys: Sequence[PublicKey]
) -> Iterator[tuple[int, str]]:
    """Compare with each head; what vouches, and up to where."""
    last = walk.last.number if walk.last else 0
    its = [head for head in heads if walk.may_be_of(head)]
    walk.verdict.others = len(heads) - len(its)
    compared = [head for head in its if head.count in walk.hashes]
    if (heads and not its) or (len(compared) > 1 and not any(map(walk.has, compared))):
        first = min((head.count for head in compared), default=1)
        text = (
            f"none of {plural(len(heads), 'head')} is of this journal: they are another one's, or "
            f"it was rewritten from entry {first} or before"
        )
        walk.verdict.findings.append(Finding(0, text))
        return
    for head in its:
        found = walk.hashes.get(head.count)
        if found is None:
            text = f"it ends at entry {last}, and there were {head.count}: its tail was cut"
            if head.count <= last:
                text = f"entry {head.count}, which a head names, is not there"
            walk.verdict.findings.append(Finding(0, text))
        elif not walk.has(head):
            walk.verdict.findings.append(
                Finding(0, f"entries up to {head.count} are not those of the head: rewritten")
            )
        elif head.signature and keys and not any(k.signed(head, head.signature) for k in keys):
            walk.verdict.findings.append(
                Finding(0, f"the head of {head.count} entries was not signed by this key")
            )
        else:
            yield head.count, "a head kept elsewhere"


def _signatures(walk: _Walk, keys: Sequence[PublicKey]) -> Iterator[tuple[int, str]]:
    """Compare with the keys; each entry signs the head before it, so the newest one says it all."""
    if not keys:
        return
    if walk.unsigned:
        text = f"{walk.unsigned} of {walk.verdict.entries} entries carry no signature"
        walk.verdict.findings.append(Finding(0, text))
    if (entry := walk.signed) is not None:
        before = Head(entry.number - 1, entry.previous)
        for key in keys:
            if key.signed(before, entry.signature):
                yield before.count, f"the signature of key {key.id}"
                return
        walk.verdict.findings.append(
            Finding(0, f"the signature in entry {entry.number} is not of this key")
        )
