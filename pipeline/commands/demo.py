"""`errlock demo`: real SDK traffic going in, and what came out, side by side."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..terminal import err, out
from .options import Commands, add_command, add_json_option

_WIDTH = 150  # columns, where there is no terminal to ask


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "demo", "show real SDK traffic going in and what came out, side by side",
        "Starts a collector of its own on free ports of localhost, lets a small shop with\n"
        "sentry-sdk and opentelemetry-sdk fail against it, and shows both sides. Leaves nothing.",
        "  errlock demo\n"
        "  errlock demo --svg demo.svg",
    )  # fmt: skip
    add_json_option(parser)
    parser.add_argument("--svg", metavar="FILE", type=Path, help="draw the tables into a picture")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from ..demo.show import ShopError, as_json, show, sides

    try:
        found = sides()
    except ShopError as failure:
        err(f"errlock demo: {failure}")
        return 1
    if args.json:
        out(as_json(found))
        return 0
    from rich.console import Console

    with Path(os.devnull).open("w") as nowhere:
        console = Console(
            record=args.svg is not None,
            file=nowhere if args.svg else None,
            width=_WIDTH if args.svg else None,
        )
        show(found, console)
        if args.svg:
            console.save_svg(str(args.svg), title="errlock demo")
            err(f"drawn into {args.svg}")
    return 0
