"""`errlock exposure`: what left, to whom, and whether the record of it can be trusted."""

from __future__ import annotations

from ..options import Commands, add_command
from . import code, merge, report, rotate_list, search, trace, verify


def register(commands: Commands) -> None:
    """Add the command and its actions."""
    parser = add_command(commands, "exposure", "what left, and whether the record can be trusted")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for action in (merge, report, search, rotate_list, code, trace, verify):
        action.register(actions)
