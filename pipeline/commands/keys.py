"""`errlock key`: the keys that pseudonyms are made with, and the one that signs the journal."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..host.os_account import account
from ..terminal import err, out
from . import keyrings
from .options import Commands, add_command

_VARIABLE = "ERRLOCK_KEY"


def register(commands: Commands) -> None:
    """Add the command and its sub-commands."""
    parser = add_command(commands, "key", "the keys of pseudonyms, and of the journal")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    new = add_command(
        actions, "new", "make a key, and with --keyring the keyring that it wraps",
        f"Prints {_VARIABLE}=... for the option `key` of hash. With --keyring, the random keys of\n"
        f"pseudonyms are written to a file, wrapped by that key; one of yours is taken from\n"
        f"--key-file or ${_VARIABLE} and not printed. Keep key and keyring apart: together they\n"
        "turn pseudonyms back into people.\n\n"
        "With --journal, makes the key that signs heads of the journal instead, and its public\n"
        "part in FILE.pub. Keep it out of service.storage.",
        "  errlock key new\n"
        "  errlock key new --keyring errlock.keyring\n"
        "  errlock key new --keyring errlock.keyring --key-file /run/secrets/errlock\n"
        "  errlock key new --journal journal.key",
    )  # fmt: skip
    new.add_argument("--keyring", metavar="FILE", type=Path, help="write a keyring here")
    new.add_argument("--key-file", metavar="FILE", type=Path, help="the file with the key")
    new.add_argument("--journal", metavar="FILE", type=Path, help="write a signing key here")
    new.set_defaults(run=run_new)
    keyrings.register(actions)


def run_new(args: argparse.Namespace) -> int:
    """Run `errlock key new`."""
    from ...policy.keyring.epochs import Said
    from ...policy.keyring.keyring import new_keyring
    from ...policy.keyring.pseudonyms import KeyringError, new_key

    if args.journal is not None:
        return _new_signing_key(args)
    if args.keyring is None:
        if args.key_file is not None:
            err("errlock key new: --key-file is for --keyring")
            return 2
        out(f"{_VARIABLE}={new_key()}")
        return 0
    made = ""
    if args.key_file is not None:
        key = args.key_file.read_text("utf-8", "replace").strip()
    else:
        key = os.environ.get(_VARIABLE) or (made := new_key())
    try:
        new_keyring(args.keyring, key, Said(account()))
    except KeyringError as wrong:
        err(f"errlock key new: {wrong}")
        return 2
    if made:
        out(f"{_VARIABLE}={made}")
    err(f"wrote {args.keyring}")
    return 0


def _new_signing_key(args: argparse.Namespace) -> int:
    from ...ledger.journal.signing import new_key_files

    if args.keyring is not None or args.key_file is not None:
        err("errlock key new: --journal makes a key of its own: leave the other options out")
        return 2
    new_key_files(args.journal)
    err(f"wrote {args.journal} and {args.journal}.pub")
    return 0
