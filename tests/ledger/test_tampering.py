"""Tampering is found: by whoever only edits the file, and by whoever has the code but no key."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from errlock.ledger.journal.entries import NOTHING, Entry, Head, decode, encode
from errlock.ledger.journal.journal import Journal
from errlock.ledger.journal.signing import PublicKey, SigningKey, new_key_files
from errlock.ledger.journal.verifying import verify

Lines = list[bytes]
Tampering = Callable[[random.Random, Lines], Lines]
ENTRIES = 40
TIMES = 50  # of each of 10 + 10 tamperings: 1,000


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lines, Head, PublicKey, Path]:
    """The lines of a signed journal, its head as it was sent away, and where to tamper."""
    folder = tmp_path_factory.mktemp("tampering")
    public = new_key_files(folder / "key")
    new_key_files(folder / "of-the-adversary")
    journal = Journal(folder / "journal", SigningKey((folder / "key").read_text()))
    for number in range(ENTRIES):
        if number % 5:
            totals = {"sentry": {"documents": number * 17, "bytes": number * 5003}}
            journal.append("minute", {"minute": number, "totals": totals})
        else:
            journal.append("trust", {"destination": "sentry", "state": "held", "by": "ann"})
    lines = (folder / "journal").read_bytes().splitlines(keepends=True)
    return lines, journal.head, public, folder


# What whoever edits the file does.
def flip_a_bit(dice: random.Random, lines: Lines) -> Lines:
    data = bytearray(b"".join(lines))
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return [bytes(data)]


def lose_a_byte(dice: random.Random, lines: Lines) -> Lines:
    data = bytearray(b"".join(lines))
    del data[dice.randrange(len(data))]
    return [bytes(data)]


def add_a_byte(dice: random.Random, lines: Lines) -> Lines:
    data = bytearray(b"".join(lines))
    data.insert(dice.randrange(len(data) - 1), dice.randrange(256))
    return [bytes(data)]


def delete_a_line(dice: random.Random, lines: Lines) -> Lines:
    del lines[dice.randrange(len(lines))]
    return lines


def repeat_a_line(dice: random.Random, lines: Lines) -> Lines:
    lines.insert(dice.randrange(len(lines)), dice.choice(lines))
    return lines


def swap_two_lines(dice: random.Random, lines: Lines) -> Lines:
    a, b = dice.sample(range(len(lines)), 2)
    lines[a], lines[b] = lines[b], lines[a]
    return lines


def shuffle_some_lines(dice: random.Random, lines: Lines) -> Lines:
    start = dice.randrange(len(lines) - 3)
    part = lines[start : start + 3]
    return [*lines[:start], part[1], part[2], part[0], *lines[start + 3 :]]


def change_a_total(dice: random.Random, lines: Lines) -> Lines:
    at = dice.choice([i for i, line in enumerate(lines) if b'"documents":' in line])
    lines[at] = lines[at].replace(b'"documents":', b'"documents":9')
    return lines


def cut_within_a_line(dice: random.Random, lines: Lines) -> Lines:
    data = b"".join(lines)
    return [data[: dice.randrange(len(data))]]


def overwrite_a_part(dice: random.Random, lines: Lines) -> Lines:
    data = bytearray(b"".join(lines))
    start = dice.randrange(len(data) - 64)
    data[start : start + 64] = bytes(64)
    return [bytes(data)]


# What whoever has the code and no key does.
def rechained(entries: Sequence[Entry], key: SigningKey | None, since: int) -> Lines:
    """A journal whose chain is right from `since` on, signed with another key or with none."""
    lines: Lines = []
    previous = NOTHING
    for number, entry in enumerate(entries, 1):
        signature = entry.signature
        if number >= since:
            signature = key.sign(Head(number - 1, previous)) if key else None
        line, previous = encode(number, entry.time, entry.kind, entry.body, previous, signature)
        lines.append(line)
    return lines


def parsed(lines: Lines) -> list[Entry]:
    return [decode(line[:-1]) for line in lines]


def rewrite_an_entry(dice: random.Random, lines: Lines) -> Lines:
    entries = parsed(lines)
    at = dice.randrange(len(entries))
    old = entries[at]
    entries[at] = Entry(old.number, old.time, old.kind, {"nothing": "happened"}, "", None, "")
    return rechained(entries, None, at + 1)


def rewrite_and_keep_the_signatures(dice: random.Random, lines: Lines) -> Lines:
    entries = parsed(lines)
    at = dice.randrange(len(entries))
    old = entries[at]
    entries[at] = Entry(old.number, old.time, "gap", old.body, "", old.signature, "")
    return rechained(entries, None, len(entries) + 1)


def rewrite_a_time(dice: random.Random, lines: Lines) -> Lines:
    entries = parsed(lines)
    at = dice.randrange(len(entries))
    old = entries[at]
    entries[at] = Entry(old.number, "2020-01-01T00:00:00.000000Z", old.kind, old.body, "", None, "")
    return rechained(entries, None, at + 1)


def delete_an_entry(dice: random.Random, lines: Lines) -> Lines:
    entries = parsed(lines)
    at = dice.randrange(len(entries))
    del entries[at]
    return rechained(entries, None, at + 1)


def replace_an_entry_by_another(dice: random.Random, lines: Lines) -> Lines:
    entries = parsed(lines)
    a, b = dice.sample(range(len(entries)), 2)
    entries[a] = entries[b]
    return rechained(entries, None, a + 1)


def reorder_entries(dice: random.Random, lines: Lines) -> Lines:
    entries = parsed(lines)
    a, b = sorted(dice.sample(range(len(entries)), 2))
    entries[a], entries[b] = entries[b], entries[a]
    return rechained(entries, None, a + 1)


def add_an_entry(dice: random.Random, lines: Lines) -> Lines:
    entries = parsed(lines)
    at = dice.randrange(len(entries))
    entries.insert(at, dice.choice(entries))
    return rechained(entries, None, at + 1)


def cut_the_tail(dice: random.Random, lines: Lines) -> Lines:
    return lines[: dice.randrange(len(lines))]


def put_yesterdays_file_back_and_go_on(dice: random.Random, lines: Lines) -> Lines:
    entries = parsed(lines)
    at = dice.randrange(len(entries) - 1)
    since = [
        Entry(entry.number, entry.time, "minute", {"minute": 0}, "", None, "")
        for entry in entries[at:]
    ]
    return rechained([*entries[:at], *since], None, at + 1)


def write_another_journal(dice: random.Random, lines: Lines) -> Lines:
    return rechained(
        [
            Entry(0, entry.time, entry.kind, {"minute": dice.random()}, "", None, "")
            for entry in parsed(lines)
        ],
        None,
        1,
    )


EDITS: list[Tampering] = [
    flip_a_bit, lose_a_byte, add_a_byte, delete_a_line, repeat_a_line, swap_two_lines,
    shuffle_some_lines, change_a_total, cut_within_a_line, overwrite_a_part,
]  # fmt: skip
REWRITES: list[Tampering] = [
    rewrite_an_entry, rewrite_and_keep_the_signatures, rewrite_a_time, delete_an_entry,
    replace_an_entry_by_another, reorder_entries, add_an_entry, cut_the_tail,
    put_yesterdays_file_back_and_go_on, write_another_journal,
]  # fmt: skip


@pytest.mark.parametrize("tampering", [*EDITS, *REWRITES], ids=lambda t: t.__name__)
def test_every_tampering_is_found_against_a_head_kept_elsewhere(
    tampering: Tampering, original: tuple[Lines, Head, PublicKey, Path]
) -> None:
    lines, head, _, folder = original
    path = folder / "tampered"
    dice = random.Random(tampering.__name__)
    kept = Head(head.count, head.hash)
    missed = []
    for _ in range(TIMES):
        data = b"".join(tampering(dice, lines.copy()))
        while data == b"".join(lines):  # what it did, it did to equal lines
            data = b"".join(tampering(dice, lines.copy()))
        path.write_bytes(data)
        if not verify(path, [kept]).findings:
            missed.append(data)
    assert missed == []


@pytest.fixture
def tampered(original: tuple[Lines, Head, PublicKey, Path]) -> Path:
    return original[3] / "tampered"


def test_an_untouched_journal_is_vouched_for_whole(
    original: tuple[Lines, Head, PublicKey, Path], tampered: Path
) -> None:
    lines, head, public, _ = original
    tampered.write_bytes(b"".join(lines))
    verdict = verify(tampered, [head], [public])
    assert verdict.findings == []
    assert (verdict.vouched_from, verdict.vouched_to) == (1, ENTRIES)
    assert verdict.by == "a head kept elsewhere"


def test_what_came_after_the_newest_head_is_not_vouched_for(
    original: tuple[Lines, Head, PublicKey, Path], tampered: Path
) -> None:
    lines, _, _, _ = original
    entries = parsed(lines)
    tampered.write_bytes(b"".join(rechained(entries, None, 31)))
    verdict = verify(tampered, [entries[9].head, entries[29].head])
    assert verdict.findings == []
    assert (verdict.vouched_from, verdict.vouched_to) == (1, 30)


def test_without_a_head_a_rewrite_is_not_seen_and_nothing_is_vouched_for(
    original: tuple[Lines, Head, PublicKey, Path], tampered: Path
) -> None:
    lines, _, _, _ = original
    tampered.write_bytes(b"".join(write_another_journal(random.Random(1), lines.copy())))
    verdict = verify(tampered)
    assert verdict.findings == []
    assert (verdict.vouched_from, verdict.vouched_to, verdict.by) == (0, 0, "")


def test_with_the_public_key_alone_a_rewrite_is_seen_and_a_cut_is_not(
    original: tuple[Lines, Head, PublicKey, Path], tampered: Path
) -> None:
    lines, _, public, folder = original
    other = SigningKey((folder / "of-the-adversary").read_text())
    for key in (None, other):
        for since in (1, 20, ENTRIES - 1):
            tampered.write_bytes(b"".join(rechained(parsed(lines), key, since)))
            assert verify(tampered, keys=[public]).findings != []
    tampered.write_bytes(b"".join(lines[:25]))
    verdict = verify(tampered, keys=[public])
    assert verdict.findings == []
    assert (verdict.vouched_to, verdict.by) == (24, f"the signature of key {public.id}")


def test_a_head_that_somebody_else_signed_vouches_for_nothing(
    original: tuple[Lines, Head, PublicKey, Path], tampered: Path
) -> None:
    lines, _, public, folder = original
    other = SigningKey((folder / "of-the-adversary").read_text())
    forged = rechained(parsed(lines), other, 1)
    tampered.write_bytes(b"".join(forged))
    head = decode(forged[-1][:-1]).head
    verdict = verify(tampered, [Head(head.count, head.hash, "", other.sign(head))], [public])
    assert [finding.text for finding in verdict.findings] == [
        f"the head of {ENTRIES} entries was not signed by this key",
        f"the signature in entry {ENTRIES} is not of this key",
    ]
    assert verdict.vouched_to == 0


def test_after_a_break_only_what_the_head_reaches_is_vouched_for(
    original: tuple[Lines, Head, PublicKey, Path], tampered: Path
) -> None:
    lines, head, _, _ = original
    tampered.write_bytes(b"".join([*lines[:9], *lines[12:]]))
    verdict = verify(tampered, [head])
    assert [finding.text for finding in verdict.findings] == [
        "entry 13 stands where 10 should: entries were deleted, added or moved",
        "entry 13 does not follow the one before it",
    ]
    assert (verdict.vouched_from, verdict.vouched_to) == (13, ENTRIES)


def test_a_file_that_is_no_journal_has_a_bounded_list_of_findings(tampered: Path) -> None:
    tampered.write_bytes(b"\n" * 1000)
    verdict = verify(tampered)
    assert (len(verdict.findings), verdict.more, verdict.entries) == (100, 900, 0)
