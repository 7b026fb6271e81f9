"""Says of what cannot be had which part of the configuration wants it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...delivery.store import StoreFailed
from ..errors import refused_by_system


@contextmanager
def named(part: str) -> Iterator[None]:
    """Raise what an endpoint or a file is refused with as an OSError that names this part."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno or 0, refused_by_system(error), part) from None


@contextmanager
def storage_named() -> Iterator[None]:
    """Raise what the queues are refused with as an OSError that names `service.storage`."""
    try:
        yield
    except StoreFailed as failure:
        raise OSError(0, f"the queues cannot be used ({failure.kind})", "service.storage") from None
