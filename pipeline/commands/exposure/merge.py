"""`errlock exposure merge`: put what embedded pipelines kept in folders into the account."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ...terminal import err, out, plural
from ..options import Commands, add_command, add_config_options, add_json_option, read_config


def register(actions: Commands) -> None:
    """Add the action."""
    merge = add_command(
        actions, "merge", "put what embedded pipelines kept in folders into the account",
        "For applications whose errlock keeps its account in a folder (`Ledger(folder=…)`) and\n"
        "hands it to no collector. Adds it to the account in service.storage, which is made when\n"
        "needed and which no collector may be using; files that are in it are removed. What was\n"
        "merged before is not counted again.\n\n"
        "Exit code 0: all of it; 1: some files could not be read, or must wait; 2: usage.",
        "  errlock exposure merge -c errlock.yaml /var/lib/shop/errlock\n"
        "  errlock exposure merge --set service.storage=./all shop/ billing/",
    )  # fmt: skip
    merge.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    add_config_options(merge)
    add_json_option(merge)
    merge.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run `errlock exposure merge`. Raises ConfigError, OSError."""
    import asyncio

    from ....ledger.embedded.merging import merge
    from ....ledger.keeping import Ledger
    from ...config.policy import policy_in_force

    for folder in args.folders:
        if not folder.is_dir():
            err(f"errlock exposure merge: no folder {folder}")
            return 2
    config = read_config(args)
    service = config.service
    if service.folder is None:
        err("errlock exposure merge: service.storage is memory: there is no account to add it to")
        return 2
    ledger = Ledger(service.folder, service.ledger)
    found = asyncio.run(merge(ledger, policy_in_force(config), args.folders))
    if args.json:
        told = {
            "taken": found.taken, "processes": len(found.processes), "left": found.left,
            "unreadable": [str(path) for path in found.unreadable],
        }  # fmt: skip
        out(json.dumps(told, indent=2))
    else:
        processes = len(found.processes)
        of = "1 process" if processes == 1 else f"{processes:,} processes"
        out(f"merged: {plural(found.taken, 'hand-over')} of {of}")
    for path in found.unreadable:
        err(f"{path}: not a hand-over as errlock writes it; it was left there")
    if found.left:
        err(f"{found.left:,} hand-overs are too many for now: merge again in an hour")
    return 1 if found.unreadable or found.left else 0
