"""`errlock demo`: real SDK traffic going in, and what came out, side by side."""

from __future__ import annotations

import argparse

from ..terminal import err
from .options import Commands, add_command


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "demo", "show real SDK traffic going in and what came out")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    err("errlock demo: not in this version yet")
    return 2
