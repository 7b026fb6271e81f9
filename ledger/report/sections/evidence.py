"""Whether the records that a report stands on are what was written: the verifier, beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ...checking import checked
from ...journal.belonging import shared_out
from ...journal.entries import Head
from ...journal.signing import PublicKey
from ...journal.verifying import Verdict
from ...needles.needles import FILE as NEEDLES
from ...record import Record
from ..model import Evidence

# Tells the command that verifies a record against some heads.
Check = Callable[[Record, Sequence[Head]], str]


def evidence(
    records: Sequence[Record],
    heads: Sequence[Head],
    keys: Sequence[PublicKey],
    check: Check,
    needle_keys: Sequence[str] = (),
) -> list[Evidence]:
    """N. What the verifier says of each record; with keys, of its needles too. Raises OSError."""
    found = []
    for record, its in zip(records, shared_out([e.journal for e in records], heads), strict=True):
        # A month of heads is no command: the newest one of each kind says the same.
        telling = [*_newest(its.own), *_newest(its.accusing)] if len(records) > 1 else heads
        verdict = checked(
            record.journal, record.account, [*its.own, *its.accusing], keys,
            needles=record.folder / NEEDLES if needle_keys else None, needle_keys=needle_keys,
        )  # fmt: skip
        found.append(_evidence(record, verdict, check(record, telling)))
    return found


def _newest(heads: Iterable[Head]) -> list[Head]:
    return sorted(heads, key=lambda head: (head.count, head.hash))[-1:]


def _evidence(record: Record, verdict: Verdict, command: str) -> Evidence:
    findings = list(map(str, verdict.findings))
    return Evidence(
        journal=str(record.journal),
        account=str(record.account),
        head=verdict.head or None,
        entries=verdict.entries,
        vouched_from=verdict.vouched_from,
        vouched_to=verdict.vouched_to,
        vouched_by=verdict.by,
        findings=findings,
        account_minutes=verdict.account_minutes,
        account_forgotten=verdict.account_forgotten,
        account_open=verdict.account_open,
        intact=not findings,
        command=command,
    )
