"""Whether a record is what was written: its journal, and the account and needles beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from .account.reconciling import reconcile
from .journal.entries import Head
from .journal.signing import PublicKey
from .journal.verifying import Finding, Verdict, verify
from .needles.keys import NeedleKey
from .needles.store import NeedleStore
from .sqlite_file import why


def checked(
    journal: Path,
    account: Path | None,
    heads: Sequence[Head],
    keys: Sequence[PublicKey],
    *,
    needles: Path | None = None,
    needle_keys: Sequence[str] = (),
) -> Verdict:
    """What `verify` says of the journal; with an account also whether that is as it says, and with
    needles whether they add up.

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
    if needles is not None:
        findings, verdict.needles = needles_whole(needles, needle_keys)
        verdict.findings += findings
    return verdict


def needles_whole(path: Path, keys: Sequence[str]) -> tuple[list[Finding], bool | None]:
    """Whether needles are as they were sealed, and what is told where they are not.

    None: their seal is of another key. Reads all of them. Raises OSError.
    """
    try:
        with closing(NeedleStore.to_read(path)) as store, store.snapshot():
            found = store.adds_up(list(map(NeedleKey, keys)))
    except sqlite3.Error as error:
        return [Finding(0, f"the needles cannot be read: {why(error)}")], False
    text = "the needles do not add up: some were taken out, changed or added, or are damaged"
    return [Finding(0, text)] if found is False else [], found
