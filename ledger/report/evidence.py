"""Whether the record that a report stands on is what was written: the verifier, run beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from ..account.reconciling import reconcile
from ..journal.entries import Head
from ..journal.signing import PublicKey
from ..journal.verifying import verify
from .model import Evidence


def evidence(
    journal: Path,
    account: Path,
    heads: Sequence[Head],
    keys: Sequence[PublicKey],
    *,
    check: str,
    query: str,
) -> Evidence:
    """N. What the verifier says now. `check` and `query` are the commands to say so again.

    Raises OSError.
    """
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
        findings.append(f"the account cannot be read: {type(error).__name__}")
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
        command=check,
        query=query,
    )
