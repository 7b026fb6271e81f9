"""Whether what a configuration lets into memory fits into it."""

from __future__ import annotations

from ...delivery.options import MEMORY_QUEUE
from ..config import Config
from ..host.memory import in_flight, memory_limit

_MIB = 1024 * 1024


def too_much(config: Config) -> str | None:
    """What to say when it does not; None: nothing.

    What is in flight takes several times its size, and the process itself takes some.
    """
    most, limit = _most(config), memory_limit()
    if most <= limit / 2:
        return None
    return (
        f"max_bytes_in_flight and queues in memory let in {most // _MIB} MiB, more than half of "
        f"the {limit // _MIB} MiB that this process may use: it may be killed under load"
    )


def _most(config: Config) -> int:
    """Bytes that the bounds of receivers, of judgement and of queues in memory let in."""
    service = config.service
    most = in_flight(service.max_bytes_in_flight)
    for receiver in config.receivers.values():
        if hasattr(receiver, "max_bytes_in_flight"):  # a file is read line by line
            most += in_flight(receiver.max_bytes_in_flight)
    if service.folder is None:
        for exporter in config.exporters.values():
            size = exporter.delivery.sending_queue.queue_size
            most += MEMORY_QUEUE if size is None else size
    return most
