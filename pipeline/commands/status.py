"""`errlock status`: how a running collector is."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..terminal import err, escape, has_colours, moment, out, paint, size, span, table
from .options import Commands, add_command, add_json_option
from .swap import gets
from .talking import add_collector_options, client_of, telling

if TYPE_CHECKING:
    from ..control.client import Client
    from ..control.status import DestinationStatus, Status

_WATCH_EVERY = 2.0  # seconds
_NEARLY = 0.8  # of what may be connected: where others make room there are some less
_CLEAR = "\x1b[H\x1b[2J"
_HEAD = (
    "destination", "operator", "trust", "health", "queued", "oldest", "in/s", "out/s", "last error",
)  # fmt: skip
_COLOURS = {"held": "yellow", "distrusted": "red"}
# Reasons that docs/operating.md explains: somebody has to mend something.
_LOST = (
    "damaged", "expired", "invalid", "queue_full", "retries_exhausted", "shutdown", "unroutable",
)  # fmt: skip
_NOTHING_TAKEN = {
    "full": "nothing is taken: the disk of service.storage is full",
    "io": "nothing is taken: service.storage cannot be written",
    "damaged": "nothing is taken: the queues in service.storage are damaged",
    "hangs": "nothing is taken: the disk of service.storage does not answer",
    "gone": "nothing is taken until it is started again: the queues in service.storage are gone",
}


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "status", "show what a running collector does, and how its destinations are",
        "Exit code 1 when it does not answer, when nothing that comes in can be stored, or when\n"
        "too much of it is refused: what is wrong now. Gaps of its record are shown, and stay.",
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
    from ..control.status import Status

    client = client_of(args)
    status = client.ask("/v1/status", Status)
    if not args.watch:
        _show(args, status)
        return 1 if status.degraded or status.storage_fault is not None else 0
    clear = _CLEAR if sys.stdout.isatty() else ""
    while True:
        sys.stdout.write(clear)
        _show(args, status)
        sys.stdout.flush()
        time.sleep(_WATCH_EVERY)
        status = _answered(client, clear)


def _answered(client: Client, clear: str) -> Status:
    """What it says; waits for a collector that is started again, and says so."""
    from ..control.client import NoAnswer
    from ..control.status import Status

    while True:
        try:
            return client.ask("/v1/status", Status)
        except NoAnswer as error:
            sys.stdout.write(clear)  # what it said last does not count
            sys.stdout.flush()
            err(f"errlock status: the collector at {error.at} does not answer: {error}")
        time.sleep(_WATCH_EVERY)


def _show(args: argparse.Namespace, status: Status) -> None:
    import msgspec

    if args.json:
        whole = msgspec.json.encode(status)
        out((whole if args.watch else msgspec.json.format(whole)).decode())
    else:
        for line in lines(status):
            sys.stdout.write(f"{line}\n")


def lines(status: Status) -> list[str]:
    """A status for people, nothing in it that a terminal would act upon; the worst comes first."""
    colours = has_colours(sys.stdout)
    started = moment(status.started)
    found = [
        *_of_everything(status, colours),
        f"errlock {escape(status.version)}: {status.state} since {started}",
        *_of_its_record(status, colours),
        "",
    ]
    for route in status.routes:
        steps = (route.receivers, route.processors, gets(route))
        chain = " -> ".join(", ".join(ids) for ids in steps if ids)
        found.append(escape(f"{route.id}: {chain}"))
    found.append("")
    rows: list[tuple[str, ...]] = [_HEAD, *map(_row, status.destinations)]
    found += table([tuple(escape(cell) for cell in row) for row in rows])
    for each in status.destinations:
        if each.trust.state != "trusted":
            found.append(paint(_said(each), _COLOURS[each.trust.state], colours))
        if lost := _lost(each):
            found.append(paint(escape(lost), "yellow", colours))
    for id_, documents in status.unclaimed.items():
        text = escape(f"{documents} documents wait for {id_}, which is not configured")
        found.append(paint(text, "yellow", colours))
    return [*found, *_of_fleet(status, colours)]


def _of_everything(status: Status, colours: bool) -> Iterator[str]:
    """What concerns all that comes in."""
    if status.storage_fault is not None:
        yield paint(_NOTHING_TAKEN[status.storage_fault], "red", colours)
    if status.degraded:
        text = f"degraded: {status.refused_share:.0%} of the last minute's documents were refused"
        yield paint(text, "red", colours)
    if status.trust_fault is not None:
        yield paint(status.trust_fault, "red", colours)
    for each in status.receivers:
        if each.connections > _NEARLY * each.max_connections:
            text = f"{each.id} has {each.connections} connections over {each.transport}, and may "
            yield paint(escape(f"{text}have {each.max_connections}"), "yellow", colours)
    if status.strict:
        text = "the policy is tightened: everything passes the strict profile as well"
        yield paint(text, "yellow", colours)


def _of_its_record(status: Status, colours: bool) -> Iterator[str]:
    """The journal, the keyrings that it is told of, and the copies of what was delivered."""
    if status.journal is not None and status.journal.head is not None:
        yield f"journal: {status.journal.head}"
        if status.journal.send_failed is not None:
            text = f"its head could not be sent away: {status.journal.send_failed}"
            yield paint(text, "yellow", colours)
        if status.journal.gaps:
            text = f"gaps that it has since then: {status.journal.gaps}, the last one: "
            yield paint(f"{text}{status.journal.last_gap}", "yellow", colours)
    for keyring in status.keyrings:
        if keyring.trouble is not None:
            yield paint(escape(f"keyring {keyring.id}: {keyring.trouble}"), "red", colours)
    if status.copies is not None and status.copies.lost:
        since = "now" if status.copies.oldest is None else moment(status.copies.oldest)
        text = f"what was delivered can be replayed since {since} only: {status.copies.lost} copies"
        yield paint(f"{text} went before their time, to make room", "yellow", colours)


def _of_fleet(status: Status, colours: bool) -> Iterator[str]:
    """Who follows, and how following goes."""
    if status.fleet is not None:
        late = [each.name for each in status.fleet.followers if each.version < status.fleet.version]
        followers = len(status.fleet.followers)
        yield f"followed by {followers}, {followers - len(late)} of them up to date"
        if status.fleet.release_lost is not None:
            text = f"the last release is published no more: {status.fleet.release_lost}"
            yield paint(text, "red", colours)
    following = status.following
    if following is not None and following.fresh:
        age = "" if following.age is None else f", seen {span(following.age)} ago"
        yield f"follows a control document: version {following.version}{age}"
    elif following is not None:
        text = f"no valid control document: {following.trouble or 'none yet'}; everything is held"
        yield paint(text, "red", colours)


def _row(status: DestinationStatus) -> tuple[str, ...]:
    queued = f"{status.queued_documents} ({size(status.queued_bytes)})"
    return (
        status.id,
        ", ".join(status.operators) or "-",
        status.trust.state,
        status.health,
        queued if status.queued_documents else "0",
        span(status.oldest_age) if status.queued_documents else "-",
        f"{status.accepted_per_second:g}",
        f"{status.delivered_per_second:g}",
        status.last_error or "-",
    )


def _lost(status: DestinationStatus) -> str:
    """What a destination should have got and did not; empty: nothing."""
    counts = {reason: status.dropped[reason] for reason in _LOST if reason in status.dropped}
    if not counts:
        return ""
    reasons = ", ".join(f"{amount} {reason}" for reason, amount in counts.items())
    noun = "document" if sum(counts.values()) == 1 else "documents"
    return f"{sum(counts.values())} {noun} for {status.id} lost since the start: {reasons}"


def _said(status: DestinationStatus) -> str:
    """Who said what about a destination, when and why."""
    trust = status.trust
    by = f" by {trust.by}" if trust.by else ""
    ago = span(max(0.0, time.time() - trust.since))
    why = f": {trust.why}" if trust.why else ""
    # What lifts it is a word about the same name.
    about = "" if trust.about in ("", status.id) else f", said of {trust.about}"
    return f"{status.id} is {trust.state}{by}{about} since {moment(trust.since)} ({ago}){why}"
