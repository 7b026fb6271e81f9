"""`errlock local`: what the local exporter has stored."""

from __future__ import annotations

import argparse
import json
import sqlite3
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..terminal import err, escape, moment, out, table
from .options import (
    Commands,
    add_command,
    add_config_options,
    add_json_option,
    as_text,
    read_config,
)

if TYPE_CHECKING:
    from ...exporters.local_store import LocalStore


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "local", "show what came out: the documents that the local exporter has stored",
        "Without a number the newest ones are listed, newest first; a number shows one.",
        "  errlock local\n"
        "  errlock local 12\n"
        "  errlock local --search PaymentError --limit 5",
    )  # fmt: skip
    parser.add_argument("id", nargs="?", type=int, metavar="NUMBER", help="show this document")
    parser.add_argument(
        "--search", type=as_text, default="", metavar="TEXT", help="in titles, contents and ids"
    )
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="default: 20")
    parser.add_argument("--folder", metavar="DIR", help="default: that of the configuration")
    add_config_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from ...exporters.local_store import LocalStore

    store = LocalStore(args.folder or _folder(args))
    if not store.path.parent.is_dir():
        err(
            f"errlock local: there is no {store.path.parent.absolute()}. Run this in the folder in "
            "which the collector was started, or name its storage with --folder"
        )
        return 2
    try:
        return _show(args, store)
    except sqlite3.Error:
        err(f"errlock local: {store.path} cannot be read: it is no file of errlock's, or damaged")
        return 2


def _show(args: argparse.Namespace, store: LocalStore) -> int:
    if args.id is not None:
        stored = store.get(args.id)
        if stored is None:
            err(f"errlock local: no document {args.id} in {store.path}")
            return 1
        about: dict[str, Any] = asdict(stored) | {
            "json": stored.tree, "contexts": json.loads(stored.contexts),
        }  # fmt: skip
        out(json.dumps(about if args.json else stored.tree, indent=2))
        return 0
    found = store.search(args.search, limit=args.limit)
    if args.json:
        out(json.dumps([asdict(each) for each in found], indent=2))
        return 0
    if not found:
        err(f"nothing in {store.path}")
    rows = [
        (str(each.id), moment(each.received), each.project, each.type, each.title) for each in found
    ]
    for line in table([tuple(escape(cell) for cell in row) for row in rows]):
        out(line)
    return 0


def _folder(args: argparse.Namespace) -> str:
    """Where the first local exporter of the configuration stores."""
    config = read_config(args)
    for id_, options in config.exporters.items():
        if id_.partition("/")[0] == "local" and (path := getattr(options.component, "path", None)):
            return str(path)
    return config.service.storage
