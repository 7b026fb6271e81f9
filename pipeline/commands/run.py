"""`errlock run`: the collector."""

from __future__ import annotations

import argparse
import asyncio
import logging
from typing import TYPE_CHECKING

from ..terminal import err, table
from .options import Commands, add_command, add_config_options, read_config

if TYPE_CHECKING:
    from ..collector import Collector
    from ..config import Config

_log = logging.getLogger("errlock.run")


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "run", "start the collector",
        "Without -c: Sentry and OTLP receivers on localhost, the balanced policy, and a local\n"
        "store of what came out. SIGINT and SIGTERM stop it: receivers close, queues drain.",
        "  errlock run\n"
        "  errlock run -c errlock.yaml\n"
        "  errlock run -c errlock.yaml --set service.telemetry.logs.level=debug",
    )  # fmt: skip
    add_config_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from ..collector import serve
    from ..logs import configure_logging

    config = read_config(args)
    logs = config.service.telemetry.logs
    configure_logging(logs.level, logs.encoding)
    for warning in config.warnings:
        _log.warning("%s", warning)

    def announce(_collector: Collector) -> None:
        for line in greeting(config):
            err(line)

    return asyncio.run(serve(config, announce))


def greeting(config: Config) -> list[str]:
    """How to point an SDK at this collector, and where to look at what came out."""
    rows: list[tuple[str, ...]] = []
    used = {id_ for pipeline in config.service.pipelines.values() for id_ in pipeline.receivers}
    for id_, receiver in config.receivers.items():
        if id_ in used:
            rows += [(id_, *row) for row in _door(id_.partition("/")[0], receiver)]
    for id_, exporter in config.exporters.items():
        if id_.partition("/")[0] == "local":
            path = getattr(exporter.component, "path", None) or config.service.storage
            rows.append((id_, "what came out", str(path)))
    metrics = config.service.telemetry.metrics
    if metrics.level != "none":
        rows.append(("metrics", "Prometheus", f"http://{metrics.endpoint}/metrics"))
    if config.service.health.endpoint:
        rows.append(("health", "state", f"http://{config.service.health.endpoint}/"))
    return ["errlock is running. Ctrl-C stops it.", *(f"  {line}" for line in table(rows))]


def _door(type_: str, receiver: object) -> list[tuple[str, str]]:
    """What to set in an SDK for a receiver."""
    if type_ == "sentry":
        endpoint = getattr(receiver, "endpoint", "")
        return [("Sentry SDKs", f"SENTRY_DSN=http://errlock@{endpoint}/1")]
    if type_ == "otlp":
        protocols = getattr(receiver, "protocols", None)
        return [
            (f"OpenTelemetry ({name})", f"OTEL_EXPORTER_OTLP_ENDPOINT=http://{door.endpoint}")
            for name in ("grpc", "http")
            if (door := getattr(protocols, name, None)) is not None
        ]
    return []
