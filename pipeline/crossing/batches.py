"""Logs in envelopes that backends take: a request of OTLP may be too much for one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import BrokenDocument
from ..payloads.document import Document, Tree

if TYPE_CHECKING:
    from ..payloads.envelope_documents import Content

# What a resource says of all its records stands in each log, so that little becomes much. Relay
# takes 12 MiB in a container (max_container_size), errlock 10,000 elements. A log of more than
# 2 MiB (max_log_size) is refused with all that are with it: that one goes alone.
MOST_LOGS, MOST_BYTES = 5000, 2 << 20


@dataclass(slots=True)
class Batch:
    """The logs of one envelope, and the documents that they were made of."""

    logs: list[Content] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    _size: int = 0

    def has_room(self, log: Content) -> bool:
        """Whether another one fits in."""
        return len(self.logs) < MOST_LOGS and self._size + log.size <= MOST_BYTES

    def add(self, document: Document, log: Content) -> None:
        """Put one in."""
        self.logs.append(log)
        self.documents.append(document)
        self._size += log.size


def batches(
    logs: Iterable[tuple[Document, dict[str, Tree]]], left_out: list[Document]
) -> list[Batch]:
    """Logs in their order; `left_out` gets the documents whose logs JSON cannot hold."""
    from ..payloads.envelope_documents import Content

    found: list[Batch] = []
    for document, tree in logs:
        try:
            log = Content.of(tree, "object")
        except BrokenDocument:
            left_out.append(document)
            continue
        if not found or not found[-1].has_room(log):
            found.append(Batch())
        found[-1].add(document, log)
    return found
