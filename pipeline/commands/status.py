"""`errlock status`: how a running collector is."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..terminal import escape, has_colours, out, paint, table
from .options import Commands, add_command, add_json_option
from .talking import add_collector_options, client_of, telling

if TYPE_CHECKING:
    from ..control.messages import DestinationStatus, Status

_WATCH_EVERY = 2.0  # seconds
_CLEAR = "\x1b[H\x1b[2J"
_UNITS = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "status", "show what a running collector does, and how its destinations are",
        "Exit code 1 when it does not answer, or when too much of what it gets is refused.",
        "  errlock status\n"
        "  errlock status -c errlock.yaml --watch\n"
        "  errlock status --url http://localhost:13134 --token-file jane.token --json",
    )  # fmt: skip
    add_collector_options(parser)
    add_json_option(parser)
    parser.add_argument("--watch", action="store_true", help="again and again, until Ctrl-C")
    parser.set_defaults(run=run)


@telling("status")
def run(args: argparse.Namespace) -> int:
    """Run the command."""
    import msgspec

    from ..control.messages import Status

    client = client_of(args)
    while True:
        status = client.ask("/v1/status", Status)
        if args.watch and sys.stdout.isatty():
            sys.stdout.write(_CLEAR)
        if args.json:
            whole = msgspec.json.encode(status)
            out((whole if args.watch else msgspec.json.format(whole)).decode())
        else:
            for line in lines(status):
                sys.stdout.write(f"{line}\n")
        if not args.watch:
            return 1 if status.degraded else 0
        sys.stdout.flush()
        time.sleep(_WATCH_EVERY)


def lines(status: Status) -> list[str]:
    """A status for people, nothing in it that a terminal would act upon; the worst comes first."""
    colours = has_colours(sys.stdout)
    found = []
    if status.degraded:
        text = f"degraded: {status.refused_share:.0%} of the last minute's documents were refused"
        found.append(paint(text, "red", colours))
    found.append(f"errlock {escape(status.version)}: {status.state} since {_time(status.started)}")
    found.append("")
    for route in status.routes:
        steps = (route.receivers, route.processors, route.exporters)
        chain = " -> ".join(", ".join(ids) for ids in steps if ids)
        found.append(escape(f"{route.id}: {chain}"))
    found.append("")
    rows: list[tuple[str, ...]] = [
        ("destination", "health", "queued", "oldest", "in/s", "out/s", "last error")
    ]
    rows += [_row(each) for each in status.destinations]
    found += table([tuple(escape(cell) for cell in row) for row in rows])
    return found


def _row(status: DestinationStatus) -> tuple[str, ...]:
    queued = f"{status.queued_documents} ({_size(status.queued_bytes)})"
    return (
        status.id,
        status.health,
        queued if status.queued_documents else "0",
        _span(status.oldest_age) if status.queued_documents else "-",
        f"{status.accepted_per_second:g}",
        f"{status.delivered_per_second:g}",
        status.last_error or "-",
    )


def _size(size: int) -> str:
    for unit, length in _UNITS:
        if size >= length:
            return f"{size / length:.1f} {unit}"
    return f"{size} B"


def _span(seconds: float) -> str:
    """A span of time, to the two units that matter: `3m 4s`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days}d", f"{hours}h", f"{minutes}m", f"{rest}s"]
    first = next((i for i, part in enumerate(parts) if part[0] != "0"), 3)
    return " ".join(parts[first : first + 2])


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
