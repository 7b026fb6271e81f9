"""What shows that a record is what was written: heads that were kept elsewhere, and public keys."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError, Problem
from ...terminal import escape, plural
from .places import runs_in

if TYPE_CHECKING:
    from ....ledger.journal.entries import Head
    from ....ledger.journal.signing import PublicKey
    from ....ledger.journal.verifying import Verdict
    from ....ledger.record import Record

_FEW = 3  # findings that are told before an answer
_NOTHING_GIVEN = (
    "not checked: no head was given, nor a public key: whether record and needles are what was "
    "written, or were cut off, is not known"
)


def add_vouching_options(parser: argparse.ArgumentParser) -> None:
    """Heads and keys."""
    parser.add_argument(
        "--head", action="append", default=[], metavar="COUNT:HASH",
        help="a head that was kept elsewhere; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--head-file", action="append", default=[], type=Path, metavar="FILE",
        help="a file of heads, one a line; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--public-key", action="append", default=[], type=Path, metavar="FILE",
        help="of the key that signs heads; repeatable, when it was changed",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proofs:
    """What records are held against."""

    heads: Sequence[Head]
    keys: Sequence[PublicKey]
    missing: str = ""  # why the heads of `heads.file` could not be had

    @property
    def given(self) -> bool:
        """Whether there is anything that a journal can be held against."""
        return bool(self.heads or self.keys)


def proofs_of(args: argparse.Namespace) -> Proofs:
    """What was given, and what lies where the configuration has heads sent to.

    Raises ConfigError, OSError.
    """
    given, file, missing = list(args.head_file), _heads_file(args), ""
    if file is not None and file not in given:
        try:
            file.open("rb").close()
            given.append(file)
        except OSError as error:  # elsewhere is not always there
            missing = f"{file} (service.ledger.journal.heads.file): {error.strerror}"
    return Proofs(_heads(args.head, given), _keys(args), missing)


@dataclass(frozen=True, slots=True)
class Checks:
    """What became of checking records that an answer stands on."""

    doubts: Mapping[Path, Sequence[str]]  # what speaks against a storage folder's
    lines: Sequence[str]  # what vouches, and what does not
    tampered: bool  # something is not what was written

    def told(self) -> Iterator[str]:
        """The doubts, a line each."""
        for folder, doubts in self.doubts.items():
            yield from (f"{escape(str(folder))}: {doubt}" for doubt in doubts)


def checks_of(
    args: argparse.Namespace, folders: Sequence[Path], needle_keys: Sequence[str]
) -> Checks:
    """Check the records in storage folders as `verify` does, if there is anything to hold them
    against: that reads all of them, and an answer is had in a second. Raises ConfigError, OSError.
    """
    from ....ledger.journal.ending import doubt, unsaid_end
    from ....ledger.record import Record

    proofs = proofs_of(args)
    doubts: dict[Path, list[str]] = {}
    for folder in folders:
        last = unsaid_end(Record.at(folder).journal, runs=runs_in(folder))
        doubts[folder] = [] if last is None else [doubt(last)]
    if not (proofs.given or proofs.missing):
        return Checks(doubts, [_NOTHING_GIVEN], tampered=False)
    lines, tampered = [], False
    for record, verdict in _verdicts([*map(Record.at, folders)], proofs, needle_keys):
        doubts[record.folder] += _doubts(verdict, proofs)
        whose = f"{escape(str(record.folder))}: " if len(folders) > 1 else ""
        lines += [f"{whose}{line}" for line in vouched(verdict)]
        tampered |= bool(verdict.findings)
    return Checks(doubts, lines, tampered)


def _verdicts(
    records: Sequence[Record], proofs: Proofs, needle_keys: Sequence[str]
) -> Iterator[tuple[Record, Verdict]]:
    """What is said of each record. Where there is nothing to hold its journal against, its needles
    are still added up: that takes their key alone. Raises OSError.
    """
    from ....ledger.checking import checked, needles_whole
    from ....ledger.journal.belonging import shared_out
    from ....ledger.journal.verifying import Finding, Verdict
    from ....ledger.needles.needles import FILE

    there = [each for each in records if each.journal.exists()] if proofs.given else []
    for record, heads in zip(
        there, shared_out([each.journal for each in there], proofs.heads), strict=True
    ):
        account = record.account if record.account.exists() else None
        yield record, checked(
            record.journal, account, [*heads.own, *heads.accusing], proofs.keys,
            needles=record.folder / FILE, needle_keys=needle_keys,
        )  # fmt: skip
    for record in (each for each in records if each not in there):
        missing = [Finding(0, "there is no journal")] if proofs.given else []
        findings, whole = needles_whole(record.folder / FILE, needle_keys)
        yield record, Verdict(needles=whole, findings=[*missing, *findings])


def _doubts(verdict: Verdict, proofs: Proofs) -> Iterator[str]:
    for finding in verdict.findings[:_FEW]:
        yield f"not as it was written: {finding}"
    more = len(verdict.findings) + verdict.more - _FEW
    if more > 0:
        yield f"not as it was written: {more:,} more signs of it, see errlock exposure verify"
    if proofs.given and not verdict.findings and not verdict.vouched_to:
        yield "nothing that was given vouches for it"
    if verdict.needles is None:
        yield "whether needles were taken out cannot be seen without the newest key"
    if proofs.missing:
        yield f"whether its end was cut off cannot be seen: {proofs.missing}"


def vouched(verdict: Verdict) -> Iterator[str]:
    """Which entries something vouches for, and which not."""
    if verdict.vouched_to:
        yield (
            f"vouched for: entries {verdict.vouched_from:,} to {verdict.vouched_to:,}, "
            f"by {verdict.by}"
        )
    if verdict.vouched_to < verdict.entries:
        yield (
            f"not vouched for: entries {verdict.vouched_to + 1:,} to {verdict.entries:,}: whoever "
            "could write the file could have rewritten them"
        )
    if verdict.others:
        yield f"not compared: {plural(verdict.others, 'head')} of other journals"


def _heads_file(args: argparse.Namespace) -> Path | None:
    from ...config.part import part_of_service
    from .sections import HeadsElsewhere

    if not args.config and not args.sets:
        return None
    service, _ = part_of_service(args.config, args.sets, HeadsElsewhere)
    return service.ledger.journal.heads.file


def _heads(given: Sequence[str], files: Sequence[Path]) -> list[Head]:
    from ....ledger.journal.entries import read_head

    texts = [("--head", text) for text in given]
    for file in files:
        lines = file.read_text("utf-8", "replace").splitlines()
        texts += [(f"{file}:{number}", line) for number, line in enumerate(lines, 1) if line]
    heads, problems = [], []
    for place, text in texts:
        try:
            heads.append(read_head(text))
        except ValueError as wrong:
            problems.append(Problem("", str(wrong), place))
    if problems:
        raise ConfigError(problems)
    return heads


def _keys(args: argparse.Namespace) -> list[PublicKey]:
    from ....ledger.journal.signing import PublicKey, WrongKey

    keys = []
    for file in args.public_key:
        try:
            keys.append(PublicKey.from_pem(file.read_bytes()))
        except WrongKey as wrong:
            raise ConfigError([Problem("", str(wrong), str(file))]) from None
    return keys
