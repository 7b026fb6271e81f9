"""`errlock exposure verify`: whether the journal and the account are what was written."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError
from ...terminal import out, plural
from ..options import Commands, add_command, add_config_options, add_json_option
from .asking import ledger_keys
from .places import add_record_options, journal_of
from .vouching import add_vouching_options, proofs_of, vouched

if TYPE_CHECKING:
    from ....ledger.journal.verifying import Verdict
    from .vouching import Proofs

_NEEDLES = {
    True: "needles: all are there, as they were written",
    False: "needles: they do not add up",
    None: "needles: not added up: that takes the newest key of the ledger",
}


def register(actions: Commands) -> None:
    """Add the action."""
    verify = add_command(
        actions, "verify", "check the journal offline, against heads that were kept elsewhere",
        "Finds edited, deleted, added and moved entries. Whoever could write the file could also\n"
        "have written a new one, or cut its end: that shows only against a head that they could\n"
        "not reach. So give one or more, and the public part of the key that signs them; without,\n"
        "it says what it cannot see. The account beside the journal is compared with what the\n"
        "journal says of its minutes and of its days of code, and with the ledger's key it is\n"
        "seen whether needles were taken out or changed.\n\n"
        "Exit code 0: nothing was found; 1: the journal is not what was written; 2: usage.",
        "  errlock exposure verify -c errlock.yaml --head-file /mnt/elsewhere/heads\n"
        "  errlock exposure verify --journal journal --head 1234:9f3b6c02d41a7…\n"
        "  errlock exposure verify --journal journal --public-key journal.key.pub --json",
    )  # fmt: skip
    add_config_options(verify)
    add_record_options(verify)
    add_vouching_options(verify)
    verify.add_argument(
        "--key-file", action="append", default=[], type=Path, metavar="FILE",
        help="the newest key of the ledger, instead of the configuration's: to add up needles",
    )  # fmt: skip
    add_json_option(verify)
    verify.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run `errlock exposure verify`. Raises ConfigError, OSError."""
    from ....ledger.checking import checked
    from ....ledger.needles.needles import FILE as NEEDLES

    path, proofs = journal_of(args), proofs_of(args)
    account, needles = _account_of(args, path), path.with_name(NEEDLES)
    keys = _ledger_keys(args)
    verdict = checked(
        path, account, proofs.heads, proofs.keys,
        needles=needles if keys and needles.exists() else None, needle_keys=keys,
    )  # fmt: skip
    if args.json:
        out(json.dumps({"journal": str(path), **verdict.as_dict()}, indent=2))
    else:
        for line in _lines(path, verdict, proofs, account):
            out(line)
        if needles.exists():
            out(_NEEDLES[verdict.needles])
        out("tampered with or damaged" if verdict.findings else "nothing wrong was found")
    return 1 if verdict.findings else 0


def _ledger_keys(args: argparse.Namespace) -> list[str]:
    """Those that are at hand: of a copy elsewhere the rest is checked without."""
    if not (args.key_file or args.config or args.sets):
        return []
    try:
        return ledger_keys(args)
    except ConfigError:
        if args.key_file:
            raise
        return []


def _account_of(args: argparse.Namespace, journal: Path) -> Path | None:
    """The one that is named, or else the one beside the journal if there is one."""
    if args.account is not None:
        return Path(args.account)
    beside = journal.with_name("ledger.db")
    return beside if beside.exists() else None


def _lines(path: Path, verdict: Verdict, proofs: Proofs, account: Path | None) -> list[str]:
    lines = [f"{path}: {verdict.entries:,} entries"]
    if verdict.entries:
        lines[0] += f", {verdict.first} to {verdict.last}"
        lines.append(f"head: {verdict.head}")
    lines += map(str, verdict.findings)
    if verdict.more:
        lines.append(f"and {verdict.more:,} more lines that are wrong")
    if verdict.unfinished:
        lines.append(
            f"{verdict.unfinished:,} bytes at its end are no whole line: it is being written, "
            "or a crash or an edit left them"
        )
    lines += vouched(verdict)
    if proofs.missing:
        lines.append(f"heads kept elsewhere cannot be read: {proofs.missing}")
    if not proofs.heads:
        lines.append(
            "no head was given: whether its end was cut off, or an older file was put back, "
            "cannot be seen"
        )
    if verdict.account_minutes is not None:
        compared = verdict.account_minutes - verdict.account_forgotten
        lines.append(f"account: {plural(compared, 'minute')} compared with what the journal says")
    elif account is None:
        lines.append("account: not compared: there is no ledger.db beside the journal")
    if verdict.account_open:
        lines.append(f"account: {verdict.account_open:,} open since a restart, not compared yet")
    if verdict.account_forgotten:
        lines.append(f"account: {verdict.account_forgotten:,} older ones were forgotten in time")
    if verdict.account_code_days:
        lines.append(
            f"account: {plural(verdict.account_code_days, 'day')} of code as the journal says"
        )
    return lines
