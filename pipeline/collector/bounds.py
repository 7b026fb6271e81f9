"""Whether what a configuration lets in fits into memory, and into the files that may be open."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ...delivery.options import MEMORY_QUEUE
from ..config import Config
from ..host.memory import in_flight, memory_limit
from ..host.open_files import files_allowed, most_connections

_MIB = 1024 * 1024


def warnings(config: Config) -> list[str]:
    """What to say about a configuration that lets in more than fits."""
    return [text for text in (too_much(config), too_many(config)) if text is not None]


def too_many(config: Config) -> str | None:
    """What to say of bounds that let connections take the files that everything else needs; None:
    nothing.
    """
    most = sum(_connections(list(config.receivers.values())))
    files = files_allowed()
    if most <= files * 3 // 4:
        return None
    return (
        f"max_connections let in {most} connections, and this process may open {files} files "
        "(ulimit -n, or LimitNOFILE): none may be left for operators, exporters and storage"
    )


def _connections(part: object) -> Iterator[int]:
    """How many connections each endpoint within this part of a configuration may have."""
    if isinstance(part, list):
        for each in part:
            yield from _connections(each)
    elif isinstance(part, msgspec.Struct):
        for name in part.__struct_fields__:
            if name == "max_connections":
                yield most_connections(getattr(part, name))
            else:
                yield from _connections(getattr(part, name))


def too_much(config: Config) -> str | None:
    """What to say of bounds that let in more bytes than there is memory for; None: nothing.

    They are held against half of it: what is in flight takes several times its size in memory, and
    the process itself takes some.
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
