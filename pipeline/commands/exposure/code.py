"""`errlock exposure code`: which packages, files, hosts and statements a backend was shown.

Apart from the report, because it is asked for by name in the middle of the night: "do they know
that we run this version?".
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError, Problem
from ...terminal import moment, out, plural, table
from ..options import (
    Commands,
    add_command,
    add_config_options,
    add_json_option,
    check_window,
    point_in_time,
)
from .places import add_storage_option, destinations_of, storages_of

if TYPE_CHECKING:
    from ....ledger.code.disclosed import Disclosed

_KINDS = {
    "package": ("package", "packages"),
    "platform": ("platform", "platforms"),
    "release": ("release of the program", "releases of the program"),
    "file": ("source file", "source files"),
    "exception": ("type of exceptions", "types of exceptions"),
    "host": ("host of one's own", "hosts of one's own"),
    "route": ("route", "routes"),
    "sql": ("statement", "statements"),
}


def register(actions: Commands) -> None:
    """Add the action."""
    parser = add_command(
        actions, "code", "which packages, source files, hosts and statements a backend was shown",
        "Names, not values: what has not the form of a name is `other`, and `*` stands for a word\n"
        "in it that could be a token. Whole days; see docs/ledger.md.",
        "  errlock exposure code -c errlock.yaml --destination sentry --since 90d\n"
        "  errlock exposure code -c errlock.yaml --kind package --match django --json",
    )  # fmt: skip
    add_config_options(parser)
    add_storage_option(parser)
    parser.add_argument(
        "--destination",
        metavar="NAME",
        help="only this exporter's, or this operator's; default: all",
    )
    parser.add_argument(
        "--since", type=point_in_time, default=0.0, metavar="TIME",
        help="shown since: 2026-11-26T12:00Z, or 30d for that long ago",
    )  # fmt: skip
    parser.add_argument(
        "--until", type=point_in_time, default=float("inf"), metavar="TIME", help="shown before"
    )
    parser.add_argument(
        "--kind", action="append", choices=list(_KINDS), help="only these; repeatable"
    )
    parser.add_argument(
        "--match", default="", metavar="TEXT", help="only names that have this in them"
    )
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run `errlock exposure code`. Raises ConfigError, OSError."""
    shown = _disclosed(args)
    found = [
        each
        for each in shown
        if (not args.kind or each.kind in args.kind) and args.match.lower() in each.name.lower()
    ]
    if args.json:
        rows = [{**asdict(each), "line_count": each.line_count} for each in found]
        out(json.dumps(rows, indent=2))
    else:
        for line in _lines(found) if found else [_nothing(len(shown))]:
            out(line)
    return 0


def _nothing(shown: int) -> str:
    """What to say where nothing is left, of so many names that were shown."""
    if shown:
        return f"nothing like that was shown: it is none of {plural(shown, 'name')} of that time"
    return "nothing was shown, or nothing of it is kept (service.ledger.depth: counts)"


def _disclosed(args: argparse.Namespace) -> list[Disclosed]:
    from ....ledger.code.disclosed import together
    from ....ledger.record import Record

    check_window(args.since, args.until)
    records = [Record.at(folder) for folder in storages_of(args)]
    named: Collection[str | None] = [None]
    if args.destination is not None:
        named = destinations_of([args.destination], records)
    return together([row for each in records for row in _of_account(each.account, named, args)])


def _of_account(
    path: Path, named: Iterable[str | None], args: argparse.Namespace
) -> list[Disclosed]:
    from ....ledger.account.reading import named as readable
    from ....ledger.account.store import AccountStore
    from ....ledger.code.disclosed import disclosed

    if not path.is_file():
        raise ConfigError([Problem("", "is not there: nothing was delivered yet", str(path))])
    since, until = args.since, args.until
    with readable(path), closing(AccountStore.to_read(path)) as store:
        return [row for each in named for row in disclosed(store.code, each, since, until)]


def _lines(found: list[Disclosed]) -> Iterator[str]:
    for destination, of_destination in groupby(found, key=lambda each: each.destination):
        yield f"{destination} was shown"
        listed = list(of_destination)
        for kind, title in _KINDS.items():
            rows = [_row(each) for each in listed if each.kind == kind]
            if rows:
                one, more = title
                yield f"  {len(rows):,} {one if len(rows) == 1 else more}"
                yield from (f"    {line}" for line in table(rows))


def _row(each: Disclosed) -> tuple[str, ...]:
    lines = f", {plural(each.line_count, 'line')}" if each.lines else ""
    days = f"{moment(each.first)[:10]} to {moment(each.last)[:10]}"
    where = f"{each.service}, {each.environment}"
    return each.name, each.detail, f"{each.documents:,} x{lines}", where, days
