"""`errlock replay`: send to one exporter what another one has not got, or had."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, get_args

from ..payloads.document import DocumentType
from ..terminal import err, out
from .options import Commands, add_command, add_json_option, as_text, check_window, point_in_time
from .talking import add_collector_options, add_why_option, client_of, out_answer, telling

if TYPE_CHECKING:
    from ..control.client import Client
    from ..control.messages import Job

_LOOK_EVERY = 0.3  # seconds
_RUNNING = ("waiting", "running")


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "replay", "send to one exporter what another one has not got, or had",
        "What waits for FROM goes to TO, under the policy in force for TO. It waits for FROM as\n"
        "before, or with --move does not. With --delivered: what FROM has got, as far back as\n"
        "service.retain_delivered says. Nothing is given to TO twice. Ctrl-C leaves it running.",
        "  errlock replay sentry sentry/standby -c errlock.yaml --policy strict --move\n"
        "  errlock replay sentry sentry/standby --delivered --since 6h --types event\n"
        "  errlock replay sentry sentry/standby --stop",
    )  # fmt: skip
    parser.add_argument("from_", metavar="FROM", type=as_text, help="the id of an exporter")
    parser.add_argument("to", metavar="TO", type=as_text, help="the id of another one")
    parser.add_argument(
        "--since", type=point_in_time, default=0.0, metavar="TIME",
        help="received since: 2026-11-26T12:00Z, or 6h for that long ago",
    )  # fmt: skip
    parser.add_argument("--until", type=point_in_time, metavar="TIME", help="received before")
    parser.add_argument(
        "--types", type=_types, default=[], metavar="TYPE,...",
        help="only such documents: event,transaction",
    )  # fmt: skip
    parser.add_argument(
        "--project", action="append", type=as_text, default=[],
        help="only of this project; repeatable",
    )  # fmt: skip
    parser.add_argument("--policy", choices=["strict"], help="a stricter policy on top")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--delivered", action="store_true", help="what was delivered and kept")
    what.add_argument("--move", action="store_true", help="what TO takes waits for FROM no more")
    parser.add_argument("--stop", action="store_true", help="stop what runs from FROM to TO")
    parser.add_argument("--detach", action="store_true", help="do not wait for its end")
    add_why_option(parser)
    add_collector_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


@telling("replay")
def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from ..control.messages import Job, ReplayOrder

    if args.until is not None:
        check_window(args.since, args.until)
    client = client_of(args)
    if args.stop:
        return _stop(client, args)
    order = ReplayOrder(
        from_=args.from_, to=args.to, delivered=args.delivered, since=args.since, until=args.until,
        types=args.types, projects=args.project, policy=args.policy, move=args.move, why=args.why,
    )  # fmt: skip
    job = client.ask("/v1/replays", Job, order)
    if not args.detach:
        job = _followed(client, job)
    if args.json:
        out_answer(job)
    else:
        out(_told(job))
        if args.delivered and job.state == "done" and not job.total:
            err(
                f"of what {args.from_} got nothing is kept that was asked for and that {args.to} "
                "has not had: see service.retain_delivered"
            )
    return 1 if job.state in ("failed", "stopped") else 0


def _stop(client: Client, args: argparse.Namespace) -> int:
    """Stop what runs from one to the other. Exit code 1 when nothing does."""
    from ..control.messages import Job, Jobs, PlainOrder

    running = [
        job
        for job in client.ask("/v1/replays", Jobs).replays
        if (job.from_, job.to) == (args.from_, args.to) and job.state in _RUNNING
    ]
    for job in running:
        stopped = client.ask(f"/v1/replays/{job.id}/stop", Job, PlainOrder(why=args.why))
        if args.json:
            out_answer(stopped)
        else:
            out(_told(stopped))
    if not running:
        err(f"errlock replay: no replay runs from {args.from_} to {args.to}")
    return 0 if running else 1


def _followed(client: Client, job: Job) -> Job:
    """The job when it has ended, with a bar on a terminal meanwhile."""
    from rich.console import Console
    from rich.progress import Progress

    from ..control.messages import Job

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(f"{job.from_} -> {job.to}", total=None)
        while job.state in _RUNNING:
            time.sleep(_LOOK_EVERY)
            job = client.ask(f"/v1/replays/{job.id}", Job)
            bar.update(task, total=job.total or None, completed=job.done)
    return job


def _told(job: Job) -> str:
    text = f"{job.from_} -> {job.to}: {job.state}, {job.done} of {job.total} payloads"
    text += f", {job.documents} documents"
    if job.moved:
        text += f", {job.moved} moved"
    if job.sent:
        text += f", {job.sent} just sent to {job.from_}"
    if job.linkable:
        text += f", {job.linkable} payloads with pseudonyms that {job.from_} has too"
    if job.damaged:
        text += f", {job.damaged} payloads could not be read"
    return text + (f" ({job.trouble})" if job.trouble else "")


def _types(text: str) -> list[str]:
    """Types of documents. Raises ArgumentTypeError."""
    known, named = get_args(DocumentType), text.split(",")
    if unknown := sorted(set(named) - set(known)):
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(unknown)}; there are {', '.join(known)}"
        )
    return named
