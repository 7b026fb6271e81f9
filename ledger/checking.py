"""Whether a record is what was written: its journal, and the account beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from .account.reconciling import reconcile
from .journal.entries import Head
from .journal.signing import PublicKey
from .journal.verifying import Finding, Verdict, verify
from .sqlite_file import why


def checked(
    journal: Path, account: Path | None, heads: Sequence[Head], keys: Sequence[PublicKey]
) -> Verdict:
    """What `verify` says of the journal, and with an account also whether that is as it says.

    Reads only, also beside a running collector. Raises OSError.
    """
    verdict = verify(journal, heads, keys)
    if account is not None:
        try:
            found = reconcile(journal, account)
        except sqlite3.Error as error:
            text = f"the account cannot be read: {why(error)}"
            verdict.findings.append(Finding(0, text))
        else:
            verdict.account_minutes, verdict.account_forgotten = found.minutes, found.forgotten
            verdict.account_code_days, verdict.account_open = found.days, found.open
            verdict.findings += found.findings
    return verdict
