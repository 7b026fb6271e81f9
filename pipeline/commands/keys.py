"""`errlock key`: the keys that pseudonyms are made with."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..terminal import err, out
from .options import Commands, add_command

_VARIABLE = "ERRLOCK_KEY"


def register(commands: Commands) -> None:
    """Add the command and its sub-commands."""
    parser = add_command(commands, "key", "make the keys that pseudonyms are made with")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    new = add_command(
        actions, "new", "write a new keyring",
        "The keyring holds the random keys of pseudonyms, wrapped by one key of yours. That is\n"
        f"read from --key-file or from ${_VARIABLE}; without either, one is made and printed.\n"
        "Keep it apart from the keyring: together they turn pseudonyms back into people.",
        "  errlock key new errlock.keyring\n"
        "  errlock key new errlock.keyring --key-file /run/secrets/errlock",
    )  # fmt: skip
    new.add_argument("keyring", metavar="FILE", type=Path, help="the keyring to write")
    new.add_argument("--key-file", metavar="FILE", type=Path, help="the file with the key")
    new.set_defaults(run=run_new)


def run_new(args: argparse.Namespace) -> int:
    """Run `errlock key new`."""
    from ...policy.pseudonyms import KeyringError, new_key, new_keyring

    made = ""
    if args.key_file is not None:
        key = args.key_file.read_text().strip()
    else:
        key = os.environ.get(_VARIABLE) or (made := new_key())
    try:
        new_keyring(args.keyring, key)
    except KeyringError as wrong:
        err(f"errlock key new: {wrong}")
        return 2
    if made:
        out(f"{_VARIABLE}={made}")
    err(f"wrote {args.keyring}")
    return 0
