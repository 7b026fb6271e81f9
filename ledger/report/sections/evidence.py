"""Whether the records that a report stands on are what was written: the verifier, beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence

from ...account.reconciling import reconcile
from ...journal.entries import Head
from ...journal.signing import PublicKey
from ...journal.verifying import heads_in, verify
from ...record import Record
from ...sqlite_file import why
from ..model import Evidence

# Tells the command that verifies a record against some heads.
Check = Callable[[Record, Sequence[Head]], str]


def evidence(
    records: Sequence[Record], heads: Sequence[Head], keys: Sequence[PublicKey], check: Check
) -> list[Evidence]:
    """N. What the verifier says now of each record. Raises OSError."""
    if len(records) == 1:
        return [_evidence(records[0], heads, keys, check(records[0], heads))]
    # A head vouches for the journal that has it, up to there. One that none has accuses those that
    # it may be of; if each is vouched for beyond it, all of them.
    owned = [heads_in(record.journal, heads) for record in records]
    vouched = [max((head.count for head in its), default=0) for its in owned]
    nobodys = set(heads).difference(*owned)
    found = []
    for record, its, upto in zip(records, owned, vouched, strict=True):
        accusing = {head for head in nobodys if head.count > upto or head.count <= min(vouched)}
        of_it = [head for head in heads if head in its or head in accusing]
        # A month of heads is no command: the newest one of each kind says the same.
        telling = [*_newest(its), *_newest(accusing)]
        found.append(_evidence(record, of_it, keys, check(record, telling)))
    return found


def _newest(heads: Iterable[Head]) -> list[Head]:
    return sorted(heads, key=lambda head: (head.count, head.hash))[-1:]


def _evidence(
    record: Record, heads: Sequence[Head], keys: Sequence[PublicKey], command: str
) -> Evidence:
    journal, account = record.journal, record.account
    verdict = verify(journal, heads, keys)
    findings = [
        f"line {each.line}: {each.text}" if each.line else each.text for each in verdict.findings
    ]
    minutes = None
    forgotten = open_ = 0
    try:
        compared = reconcile(journal, account)
        minutes, forgotten, open_ = compared.minutes, compared.forgotten, compared.open
        findings += [each.text for each in compared.findings]
    except sqlite3.Error as error:
        findings.append(f"the account cannot be read: {why(error)}")
    return Evidence(
        journal=str(journal),
        account=str(account),
        head=verdict.head or None,
        entries=verdict.entries,
        vouched_from=verdict.vouched_from,
        vouched_to=verdict.vouched_to,
        vouched_by=verdict.by,
        findings=findings,
        account_minutes=minutes,
        account_forgotten=forgotten,
        account_open=open_,
        intact=not findings,
        command=command,
    )
