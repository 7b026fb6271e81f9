"""`errlock token`: who may tell a collector what."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..control.tokens import ROLES, TokenStore, TokensUnusable
from ..terminal import err, moment, out, table
from .options import Commands, add_command, add_config_options, add_json_option
from .talking import collector_named, telling

_ROLES = (
    "read looks; operate also holds, distrusts, swaps, replays, reloads and purges; release also\n"
    "lets a destination be trusted again. account is for applications that embed errlock: it\n"
    "hands over what they sent, and does nothing else."
)


def register(commands: Commands) -> None:
    """Add the command and its sub-commands."""
    parser = add_command(
        commands, "token", "say who may tell a collector what: a token for each person",
        "Only their SHA-256 is kept, in service.storage. A running collector sees changes at once.",
    )  # fmt: skip
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    add = add_command(
        actions, "add", "make a token for somebody, and print it once",
        f"{_ROLES}\nPut it into a file that only they can read, for --token-file.",
        "  (umask 077; errlock token add jane --role operate > jane.token)",
    )  # fmt: skip
    add.add_argument(
        "name", metavar="NAME", help="whose: this is who did it, in status and journal"
    )
    add.add_argument("--role", choices=ROLES, required=True)
    add_config_options(add)
    add.set_defaults(run=run_add)
    shown = add_command(actions, "list", "show who has a token", "", "  errlock token list")
    add_config_options(shown)
    add_json_option(shown)
    shown.set_defaults(run=run_list)
    remove = add_command(
        actions, "remove", "make somebody's token worthless", "", "  errlock token remove jane"
    )
    remove.add_argument("name", metavar="NAME")
    add_config_options(remove)
    remove.set_defaults(run=run_remove)


@telling("token add")
def run_add(args: argparse.Namespace) -> int:
    """Run `errlock token add`."""
    out(_store(args).add(args.name, args.role))
    err(f"the token of {args.name} ({args.role}) is shown only now")
    return 0


@telling("token list")
def run_list(args: argparse.Namespace) -> int:
    """Run `errlock token list`."""
    entries = _store(args).entries()
    if args.json:
        names = [{"name": e.name, "role": e.role, "created": e.created} for e in entries]
        out(json.dumps(names, indent=2))
        return 0
    for line in table([(each.name, each.role, moment(each.created)) for each in entries]):
        out(line)
    if not entries:
        err("nobody has a token")
    return 0


@telling("token remove")
def run_remove(args: argparse.Namespace) -> int:
    """Run `errlock token remove`."""
    if not _store(args).remove(args.name):
        err(f"errlock token remove: {args.name!r} has no token")
        return 1
    err(f"the token of {args.name} is worthless now")
    return 0


def _store(args: argparse.Namespace) -> TokenStore:
    storage: Path | None = collector_named(args).storage
    if storage is None:
        raise TokensUnusable("service.storage is memory: there is only service.control.token")
    return TokenStore(storage)
