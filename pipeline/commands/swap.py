"""`errlock swap`: a standby in the place of another exporter."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..terminal import err, out
from .options import Commands, add_command, add_json_option, as_text
from .talking import add_collector_options, add_why_option, client_of, out_answer, telling

if TYPE_CHECKING:
    from ..control.status import RouteStatus


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "swap", "have a standby get what another exporter would have got, or undo it",
        "What waits for the other one stays there: see `errlock replay`.",
        "  errlock swap sentry sentry/standby -c errlock.yaml\n"
        "  errlock swap sentry/standby sentry -c errlock.yaml       back",
    )  # fmt: skip
    parser.add_argument("from_", metavar="FROM", type=as_text, help="the id of an exporter")
    parser.add_argument(
        "to", metavar="TO", type=as_text, help="the id of its standby, or the other way round"
    )
    add_why_option(parser)
    add_collector_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


@telling("swap")
def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from ..control.messages import SwapOrder, Swapped

    order = SwapOrder(from_=args.from_, to=args.to, why=args.why)
    swapped = client_of(args).ask("/v1/swap", Swapped, order)
    if args.json:
        out_answer(swapped)
    else:
        for route in swapped.routes:
            out(f"{route.id}: {', '.join(gets(route))}")
    if swapped.not_written is not None:
        err(f"it could not be written down ({swapped.not_written}): only until the collector ends")
        return 1
    return 0


def gets(route: RouteStatus) -> list[str]:
    """Who gets what comes in, in words."""
    instead = {each.instead_of: each for each in route.stand_ins}
    return [
        f"{instead[id_].id} instead of {id_} ({instead[id_].cause})" if id_ in instead else id_
        for id_ in route.exporters
    ]
