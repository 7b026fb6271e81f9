"""`errlock print-config`: the configuration as it counts."""

from __future__ import annotations

import argparse
import json

from ..terminal import out
from .options import Commands, add_command, add_config_options, read_config


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "print-config", "print the configuration with all defaults filled in",
        "`${...}` is expanded; secrets are shown as [REDACTED].",
        "  errlock print-config                                    what runs without any file\n"
        "  errlock print-config -c errlock.yaml --format json",
    )  # fmt: skip
    add_config_options(parser)
    parser.add_argument("--format", choices=["yaml", "json"], default="yaml")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    import yaml

    from ..config.written import config_as_written

    written = config_as_written(read_config(args))
    if args.format == "json":
        out(json.dumps(written, indent=2))
    else:
        out(yaml.safe_dump(written, sort_keys=False, allow_unicode=True).rstrip())
    return 0
