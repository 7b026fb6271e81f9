"""`errlock exposure verify`: whether the journal and the account are what was written."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ...terminal import out, plural
from ..options import Commands, add_command, add_config_options, add_json_option
from .places import add_record_options, heads_of, journal_of, keys_of

if TYPE_CHECKING:
    from ....ledger.journal.verifying import Verdict


def register(actions: Commands) -> None:
    """Add the action."""
    verify = add_command(
        actions, "verify", "check the journal offline, against heads that were kept elsewhere",
        "Finds edited, deleted, added and moved entries. Whoever could write the file could also\n"
        "have written a new one, or cut its end: that shows only against a head that they could\n"
        "not reach. So give one or more, and the public part of the key that signs them; without,\n"
        "it says what it cannot see. The account beside the journal is compared with what the\n"
        "journal says of its minutes and of its days of code.\n\n"
        "Exit code 0: nothing was found; 1: the journal is not what was written; 2: usage.",
        "  errlock exposure verify -c errlock.yaml --head-file /mnt/elsewhere/heads\n"
        "  errlock exposure verify --journal journal --head 1234:9f3b6c02d41a7…\n"
        "  errlock exposure verify --journal journal --public-key journal.key.pub --json",
    )  # fmt: skip
    add_config_options(verify)
    add_record_options(verify)
    add_json_option(verify)
    verify.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run `errlock exposure verify`. Raises ConfigError, OSError."""
    from ....ledger.journal.verifying import verify

    path, heads, keys = journal_of(args), heads_of(args), keys_of(args)
    verdict = verify(path, heads, keys)
    _compare_account(args.account, path, verdict)
    if args.json:
        out(json.dumps({"journal": str(path), **verdict.as_dict()}, indent=2))
    else:
        for line in _lines(path, verdict, bool(heads)):
            out(line)
    return 1 if verdict.findings else 0


def _compare_account(account: Path | None, journal: Path, verdict: Verdict) -> None:
    from ....ledger.account.reading import named
    from ....ledger.account.reconciling import reconcile

    path = account if account is not None else journal.with_name("ledger.db")
    if account is None and not path.exists():
        return
    with named(path):
        found = reconcile(journal, path)
    verdict.account_minutes, verdict.account_forgotten = found.minutes, found.forgotten
    verdict.account_code_days, verdict.account_open = found.days, found.open
    verdict.findings += found.findings


def _lines(path: Path, verdict: Verdict, had_heads: bool) -> list[str]:
    lines = [f"{path}: {verdict.entries:,} entries"]
    if verdict.entries:
        lines[0] += f", {verdict.first} to {verdict.last}"
        lines.append(f"head: {verdict.head}")
    lines += [
        f"line {finding.line}: {finding.text}" if finding.line else finding.text
        for finding in verdict.findings
    ]
    if verdict.more:
        lines.append(f"and {verdict.more:,} more lines that are wrong")
    if verdict.unfinished:
        lines.append(
            f"{verdict.unfinished:,} bytes at its end are no whole line: it is being written, "
            "or a crash or an edit left them"
        )
    if verdict.vouched_to:
        lines.append(
            f"vouched for: entries {verdict.vouched_from:,} to {verdict.vouched_to:,}, "
            f"by {verdict.by}"
        )
    if verdict.vouched_to < verdict.entries:
        lines.append(
            f"not vouched for: entries {verdict.vouched_to + 1:,} to {verdict.entries:,}: whoever "
            "could write the file could have rewritten them"
        )
    if not had_heads:
        lines.append(
            "no head was given: whether its end was cut off, or an older file was put back, "
            "cannot be seen"
        )
    if verdict.account_minutes is not None:
        compared = verdict.account_minutes - verdict.account_forgotten
        lines.append(f"account: {plural(compared, 'minute')} compared with what the journal says")
    else:
        lines.append("account: not compared: there is no ledger.db beside the journal")
    if verdict.account_open:
        lines.append(f"account: {verdict.account_open:,} open since a restart, not compared yet")
    if verdict.account_forgotten:
        lines.append(f"account: {verdict.account_forgotten:,} older ones were forgotten in time")
    if verdict.account_code_days:
        lines.append(
            f"account: {plural(verdict.account_code_days, 'day')} of code as the journal says"
        )
    lines.append("tampered with or damaged" if verdict.findings else "nothing wrong was found")
    return lines
