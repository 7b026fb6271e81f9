"""`errlock run`: the collector."""

from __future__ import annotations

import argparse
import gc
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from shlex import join, quote
from typing import TYPE_CHECKING

from ..terminal import err, table
from .options import Commands, add_command, add_config_options, read_config

if TYPE_CHECKING:
    from ..collector.collector import Collector
    from ..component import Receiver, ReceiverConfig
    from ..config import Config

_log = logging.getLogger("errlock.run")

# The settings that other commands find a collector by: no secret is among them.
_WHERE = ("service.storage", "service.control.endpoint")
_STACK = 8 << 20  # bytes of a thread; none of it is used before it is needed


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
    import asyncio
    import threading

    # Where threads get less (musl, a small `ulimit -s`), documents that are nested deeply end the
    # process: what reads them counts the depth, but not the bytes that it takes.
    threading.stack_size(_STACK)
    # gRPC's core writes to stderr by itself, in a form of its own, about what others send. It reads
    # this when it is loaded.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    with _loading():
        from ..collector.bounds import warnings
        from ..collector.reloading import Source
        from ..collector.serving import serve
        from ..host.open_files import allow_as_many_as_possible
        from ..logs import configure_logging

        allow_as_many_as_possible()
        source = Source(args.config, lambda: read_config(args)) if args.config else None
        config = read_config(args)
    logs = config.service.telemetry.logs
    configure_logging(logs.level, logs.encoding)
    for warning in (*config.warnings, *warnings(config)):
        _log.warning("%s", warning)

    def announce(collector: Collector) -> None:
        if logs.encoding == "json":
            _log.info("running")  # whoever reads the log reads entries
            return
        sets = [each for each in args.sets if each.partition("=")[0] in _WHERE]
        options = [*(("-c", each) for each in args.config), *(("--set", each) for each in sets)]
        named = join(word for option in options for word in option)
        for line in greeting(config, collector.graph.receivers, named):
            err(line)

    return asyncio.run(serve(config, announce, source))


@contextmanager
def _loading() -> Iterator[None]:
    """What is loaded stays: nobody looks for garbage in it.

    That would take some 50 ms each time, while no request is answered.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


def greeting(config: Config, receivers: Mapping[str, Receiver], named: str) -> list[str]:
    """How to point an SDK at these open receivers, and where to look at what came out.

    `named` are the options that name the configuration: other commands find the token by them.
    """
    rows: list[tuple[str, ...]] = []
    for id_, receiver in receivers.items():
        rows += [(id_, *row) for row in _doors(config.receivers[id_], receiver)]
    for id_, exporter in config.exporters.items():
        if id_.partition("/")[0] == "local":
            # Not imported: what runs knows components by name only.
            folder = getattr(exporter.component, "path", None) or config.service.storage
            rows.append((id_, "what came out", f"errlock local --folder {quote(str(folder))}"))
    metrics = config.service.telemetry.metrics
    if metrics.level != "none":
        rows.append(("metrics", "Prometheus", f"http://{metrics.endpoint}/metrics"))
    if config.service.health.endpoint:
        rows.append(("health", "state", f"http://{config.service.health.endpoint}/"))
    if config.service.control.endpoint:
        rows.append(("control", "operators", f"errlock status {named}".rstrip()))
    return ["errlock is running; Ctrl-C stops it.", *(f"  {line}" for line in table(rows))]


def _doors(config: ReceiverConfig, receiver: Receiver) -> list[tuple[str, str]]:
    """What to set in an SDK for a receiver: a built-in one, others are not known here."""
    port = getattr(receiver, "port", 0)
    if port and hasattr(config, "projects"):
        scheme = "https" if getattr(config, "tls", None) else "http"
        at = f"{_host(getattr(config, 'endpoint', ''))}:{port}"
        projects = getattr(config, "projects", None) or {}
        named = [
            (f"Sentry SDKs ({name})", f"SENTRY_DSN={scheme}://KEY@{at}/{project.id}")
            for name, project in projects.items()
        ]
        return named or [("Sentry SDKs", f"SENTRY_DSN={scheme}://any@{at}/1")]
    protocols = getattr(config, "protocols", None)
    found = []
    for name, protocol in (("grpc", "grpc"), ("http", "http/protobuf")):
        if port := getattr(receiver, f"{name}_port", 0):
            options = getattr(protocols, name, None) or None
            scheme = "https" if getattr(options, "tls", None) else "http"
            at = f"{_host(getattr(options, 'endpoint', ''))}:{port}"
            setting = f"OTEL_EXPORTER_OTLP_ENDPOINT={scheme}://{at}"
            found.append(("OpenTelemetry", f"{setting} OTEL_EXPORTER_OTLP_PROTOCOL={protocol}"))
    return found


def _host(endpoint: str) -> str:
    """The host under which an SDK on this machine finds an endpoint."""
    host = endpoint.rpartition(":")[0]
    return "localhost" if host in ("", "0.0.0.0", "[::]") else host  # noqa: S104  not to listen on
