"""Whether everything that a configuration has listen can listen: at each place only one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..http.endpoints import split_endpoint
from .decoding import Decoder
from .interpolation import BROKEN, Broken
from .service import PipelineOptions, ServiceOptions
from .yaml import Path, show_path

# Every address of a family.
_ALL = {"0.0.0.0", "::"}  # noqa: S104  nothing is bound here
_ADDRESSES = {None: _ALL, "localhost": {"127.0.0.1", "::1"}}  # no host: every interface


def check_endpoints(
    receivers: Mapping[str, Any],
    pipelines: Mapping[str, PipelineOptions],
    service: ServiceOptions | Broken,
    decoder: Decoder,
) -> None:
    """Report each endpoint that another one takes already to the decoder.

    What is not in use is not looked at, nor is what only this machine's names can tell.
    """
    taken: list[tuple[Path, int, frozenset[str]]] = []
    for path, endpoint in _endpoints(receivers, pipelines, service):
        try:
            host, port = split_endpoint(endpoint)
        except ValueError:
            continue  # told elsewhere
        if not port:
            continue  # the system chooses one
        addresses = frozenset(_ADDRESSES.get(host, {host or ""}))
        for other, its_port, its_addresses in taken:
            if its_port == port and _overlap(addresses, its_addresses):
                decoder.report(path, f"{show_path(other)} is the same: only one can listen there")
                break
        else:
            taken.append((path, port, addresses))


def _endpoints(
    receivers: Mapping[str, Any],
    pipelines: Mapping[str, PipelineOptions],
    service: ServiceOptions | Broken,
) -> Iterator[tuple[Path, str]]:
    """Those of the service first: what is told is where a receiver is in their way."""
    if not isinstance(service, Broken):
        if service.health.endpoint:
            yield ("service", "health", "endpoint"), service.health.endpoint
        if service.control.endpoint:
            yield ("service", "control", "endpoint"), service.control.endpoint
        metrics = service.telemetry.metrics
        if metrics.level != "none":
            yield ("service", "telemetry", "metrics", "endpoint"), metrics.endpoint
        if service.publish.signing_key is not None:
            yield ("service", "publish", "endpoint"), service.publish.endpoint
    used = {id_ for pipeline in pipelines.values() for id_ in pipeline.receivers}
    for id_, receiver in receivers.items():
        if id_ in used and receiver is not BROKEN:
            for within, endpoint in receiver.endpoints():
                yield ("receivers", id_, *within), endpoint


def _overlap(some: frozenset[str], others: frozenset[str]) -> bool:
    return any(
        one == other or ((":" in one) == (":" in other) and bool({one, other} & _ALL))
        for one in some
        for other in others
    )
