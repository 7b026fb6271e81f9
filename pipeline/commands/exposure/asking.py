"""Options of the actions that look for values: which needles, which keys, which values."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ....ledger.inventory.wanted import FORMATS
from ...config.part import part_of_service
from ...errors import ConfigError, Problem
from ...host.os_account import account
from ...terminal import err, escape, moment, read_stdin
from ..journaling import journaled
from ..options import add_config_options, check_window, point_in_time
from .places import add_storage_option, destinations_of
from .sections import WithLedger
from .vouching import add_vouching_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from ....ledger.inventory.wanted import Wanted
    from ....ledger.search.coverage import Coverage, Window


def add_asking_options(parser: argparse.ArgumentParser) -> None:
    """Where the needles are, the keys to them, what is looked for and when."""
    add_config_options(parser)
    add_storage_option(parser)
    add_vouching_options(parser)
    add_inventory_options(
        parser,
        "what to look for: .env, JSON, YAML, CSV, keys and more; default: standard input, lines",
    )
    parser.add_argument(
        "--destination",
        metavar="NAME",
        help="only this exporter's, or this operator's; default: all",
    )
    parser.add_argument(
        "--since", type=point_in_time, default=0.0, metavar="TIME",
        help="sent since: 2026-11-26T12:00Z, or 30d for that long ago",
    )  # fmt: skip
    parser.add_argument(
        "--until", type=point_in_time, default=float("inf"), metavar="TIME", help="sent before"
    )


def add_inventory_options(parser: argparse.ArgumentParser, what: str) -> None:
    """An inventory, how it is written, and the keys that it takes to look for its values."""
    parser.add_argument("--inventory", type=Path, metavar="FILE", help=what)
    parser.add_argument(
        "--inventory-format", choices=FORMATS, help="default: told by its content",
    )  # fmt: skip
    parser.add_argument(
        "--key-file", action="append", default=[], type=Path, metavar="FILE",
        help="a key of the ledger, instead of those of the configuration; repeatable",
    )  # fmt: skip


def window_of(args: argparse.Namespace, folders: Sequence[Path]) -> Window:
    """The window that was asked about. Raises ConfigError, OSError."""
    from ....ledger.record import Record
    from ....ledger.search.coverage import Window

    check_window(args.since, args.until)
    named = None
    if args.destination is not None:
        named = frozenset(destinations_of([args.destination], map(Record.at, folders)))
    return Window(named, args.since, args.until)


def ledger_keys(args: argparse.Namespace) -> list[str]:
    """Those that are given, or else the configuration's. Raises ConfigError, OSError."""
    keys = [_key(file) for file in args.key_file]
    if not keys:
        service, _ = part_of_service(args.config, args.sets, WithLedger)
        secrets = [service.ledger.key, *service.ledger.previous_keys]
        keys = [secret.reveal() for secret in secrets if secret is not None]
    if not keys:
        raise ConfigError(
            [Problem("service.ledger.key", "is not set, and without it nothing is kept by which a "
                     "value could be found; name the collector's --config, or a --key-file")]
        )  # fmt: skip
    return keys


def _key(file: Path) -> str:
    return file.read_text("utf-8", "replace").removesuffix("\n").removesuffix("\r")


def wanted_of(args: argparse.Namespace) -> list[Wanted]:
    """The values to look for. Raises ConfigError, whose text never quotes any, and OSError."""
    from ....ledger.inventory.reading import MOST_BYTES, read_inventory
    from ....ledger.inventory.wanted import BadInventory

    format_, where = args.inventory_format, "standard input"
    if args.inventory is not None:
        where = str(args.inventory)
        with args.inventory.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    else:
        format_ = format_ or "lines"
        data = read_stdin(MOST_BYTES + 1)
    try:
        wanted = read_inventory(data, format_)
    except BadInventory as bad:
        raise ConfigError([Problem("", str(bad), where)]) from None
    if not wanted:  # of what was to write them, perhaps: that nothing was sent is not to be said
        raise ConfigError([Problem("", "holds no value to look for", where)])
    return wanted


def note(
    folders: Sequence[Path],
    what: Literal["search", "rotate-list", "report"],
    destination: str | None,
    counts: tuple[int, ...],
) -> None:
    """Leave word of a search for each journal: of whom; values, sent, perhaps sent."""
    from ....ledger.journal.entries import now
    from ....ledger.search.searches import Search

    values, sent, maybe = counts
    search = Search(
        what=what, by=account(), time=now(), destination=destination,
        values=values, sent=sent, maybe=maybe,
    )  # fmt: skip
    for folder in folders:
        journaled(folder, search)


def none_kept(coverage: Sequence[Coverage], command: str) -> bool:
    """Whether nothing was looked for, for want of a key under which needles were kept; says so."""
    if any(covered.since is not None for covered in coverage):
        return False
    err(f"errlock exposure {command}: nothing was looked for: needles were kept under other keys")
    return True


def limits(coverage: Sequence[Coverage], window: Window) -> Iterator[str]:
    """What an answer of "not found" does not say."""
    for covered in coverage:
        whose = f"{escape(covered.storage)}: " if len(coverage) > 1 else ""
        yield from (f"{whose}{line}" for line in _limits(covered, window))


def _limits(covered: Coverage, window: Window) -> Iterator[str]:
    if covered.since is None:
        yield "no needles were kept under the keys that were given: nothing can be found"
    else:
        yield f"kept: needles from {moment(covered.since)} to {moment(covered.until)}"
        if window.since < covered.since:
            yield "what was sent before is not known"
        if covered.words_since is not None:
            yield f"kept: words that went out in clear, from {moment(covered.words_since)}"
        else:
            yield (
                "not found: no detector claimed it, so it may have been sent all the same; "
                "which words were is kept with service.ledger.depth: words"
            )
    for gap in covered.gaps:
        documents = "" if gap.documents is None else f", at most {gap.documents:,} documents"
        yield f"gap: {moment(gap.since)} to {moment(gap.until)}: {gap.what}{documents}"
