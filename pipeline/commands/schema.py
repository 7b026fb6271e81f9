"""`errlock schema`: the JSON Schema of the configuration, for editors."""

from __future__ import annotations

import argparse
import json

from ..terminal import out
from .options import Commands, add_command


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "schema", "print the JSON Schema of the configuration, for editors", "",
        "  errlock schema > errlock.schema.json\n"
        "  # first line of errlock.yaml, for editors with the YAML language server:\n"
        "  # yaml-language-server: $schema=./errlock.schema.json",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from ..config.schema import config_schema

    out(json.dumps(config_schema(args.registry), indent=2))
    return 0
