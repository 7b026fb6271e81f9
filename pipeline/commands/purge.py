"""`errlock purge`: destroy what waits for an exporter."""

from __future__ import annotations

import argparse

from ..terminal import err, out, size
from .options import Commands, add_command, add_json_option, as_text
from .talking import add_collector_options, add_why_option, client_of, out_answer, telling
from .trust import confirmed


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "purge", "destroy what waits for an exporter",
        "You are told how much that is and asked to type the exporter's id. What waits for others\n"
        "stays. What is destroyed stays counted.",
        "  errlock purge sentry -c errlock.yaml --why 'replayed to the standby'",
    )  # fmt: skip
    parser.add_argument("destination", metavar="ID", type=as_text, help="the id of an exporter")
    parser.add_argument("--yes", action="store_true", help="do not ask, for scripts")
    add_why_option(parser)
    add_collector_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


@telling("purge")
def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from ..control.messages import Purged, PurgeOrder

    client = client_of(args)
    id_ = args.destination
    if not args.yes:
        asked = client.ask("/v1/purge", Purged, PurgeOrder(destination=id_))
        err(f"{asked.documents} documents ({size(asked.bytes)}) wait for {id_}")
        if not confirmed(id_, "to destroy them"):
            err("errlock purge: nothing was destroyed")
            return 1
    order = PurgeOrder(destination=id_, confirm=id_, why=args.why)
    purged = client.ask("/v1/purge", Purged, order, timeout=600)
    if args.json:
        out_answer(purged)
    else:
        out(f"{id_}: {purged.documents} documents destroyed ({size(purged.bytes)})")
    if purged.traces:
        err(
            "errlock purge: traces are left on the disk, because somebody reads queue.db: "
            "purge again"
        )
    return 1 if purged.traces else 0
