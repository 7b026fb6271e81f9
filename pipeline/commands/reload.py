"""`errlock reload`: have a running collector read its configuration again."""

from __future__ import annotations

import argparse

from ..terminal import err, out
from .options import Commands, add_command, add_json_option
from .talking import add_collector_options, client_of, out_answer, telling

_PATIENCE = 120.0  # seconds: what is old drains first


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "reload", "have a running collector read its configuration again",
        "It switches without a gap, and says what changed. When something is wrong with the new\n"
        "configuration the old one goes on, and the exit code is 1. SIGHUP does the same.",
        "  errlock reload -c errlock.yaml",
    )  # fmt: skip
    add_collector_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


@telling("reload")
def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from ..control.messages import PlainOrder, Reloaded

    done = client_of(args).ask("/v1/reload", Reloaded, PlainOrder(), timeout=_PATIENCE)
    if args.json:
        out_answer(done)
        return 0
    for line in done.changes:
        out(line)
    if not done.changes:
        err("nothing has changed")
    return 0
