"""`errlock validate`: whether a configuration can run."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ..errors import ConfigError, Problem
from ..terminal import err, out
from .options import Commands, add_command, add_config_options, add_json_option, read_config

if TYPE_CHECKING:
    from ..config import Config


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "validate", "check a configuration without starting anything",
        "Reads it, decodes every component and builds the pipelines, as `run` would.\n"
        "Every problem is told at once. Exit code 2 when there are any.",
        "  errlock validate -c errlock.yaml\n"
        "  errlock validate -c base.yaml -c production.yaml --set service.storage=memory",
    )  # fmt: skip
    add_config_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command. Without --json, ConfigError is for the caller to tell."""
    from ..collector.expiry import invalid_now

    try:
        config = read_config(args)
        build_once(config)
    except ConfigError as error:
        if not args.json:
            raise
        out(json.dumps({"valid": False, "problems": _plain(error.problems)}, indent=2))
        return 2
    warnings = [*config.warnings, *invalid_now(config)]
    if args.json:
        told = {"warnings": _plain(warnings), "operators": _operators(config)}
        out(json.dumps({"valid": True, **told}, indent=2))
        return 0
    for warning in warnings:
        err(f"warning: {warning}")
    for name, pipeline in config.service.pipelines.items():
        roles = (pipeline.receivers, pipeline.processors, pipeline.exporters)
        out(f"{name}: " + " -> ".join(", ".join(ids) or "(nothing)" for ids in roles))
    for operator, exporters in _operators(config).items():
        out(f"operator {operator}: {', '.join(exporters)}")
    out("valid")
    return 0


def _operators(config: Config) -> dict[str, list[str]]:
    """The exporters of each operator: what one word of distrust would mean."""
    found: dict[str, list[str]] = {}
    for id_, options in config.exporters.items():
        for operator in sorted(options.operators):
            found.setdefault(operator, []).append(id_)
    return found


def build_once(config: Config) -> None:
    """Build the graph and let it go: what only shows there is found. Raises ConfigError."""
    from ...delivery.clock import Clock
    from ...delivery.store import MemoryStore
    from ..counters import Counters
    from ..graph.graph import Surroundings, build

    with ThreadPoolExecutor(1) as executor:
        build(config, Surroundings(Counters(), executor, MemoryStore(), Clock()))


def _plain(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [{"path": p.path, "message": p.message, "place": p.place} for p in problems]
