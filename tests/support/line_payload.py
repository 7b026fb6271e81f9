"""A small payload: one JSON text a document, without anything that a protocol adds."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import msgspec

from errlock.pipeline.payloads.digest import keyed_digest
from errlock.pipeline.payloads.document import Document, DocumentType, Payload, Protocol, Tree


class Line(Document):
    """A document that is one JSON text."""

    __slots__ = ("_event_id", "_text", "_trace_id")

    def __init__(
        self,
        type_: DocumentType = "event",
        tree: Tree = None,
        *,
        parents: tuple[Document, ...] = (),
        trace_id: str | None = None,
        event_id: str | None = None,
    ) -> None:
        super().__init__(type_, parents)
        self._text = msgspec.json.encode(tree)
        self._trace_id = trace_id
        self._event_id = event_id

    @property
    def tree(self) -> Tree:
        return msgspec.json.decode(self._text)  # type: ignore[no-any-return]  # JSON is a tree

    @tree.setter
    def tree(self, tree: Tree) -> None:
        self._text = msgspec.json.encode(tree)

    @property
    def size(self) -> int:
        return len(self._text)

    @property
    def trace_id(self) -> str | None:
        return self._trace_id

    @property
    def event_id(self) -> str | None:
        return self._event_id

    def digest(self) -> str:
        return keyed_digest(self._text)

    def copy(self, parents: tuple[Document, ...]) -> Line:
        other = copy(self)
        other.parents = parents
        return other


class Lines(Payload):
    """A payload of such documents."""

    __slots__ = ("protocol",)

    def __init__(self, *documents: Document, protocol: Protocol = "sentry") -> None:
        super().__init__("shop", 0.0)
        self.protocol = protocol
        self.documents = list(documents)

    def encode(self) -> bytes:
        return b"\n".join(msgspec.json.encode(document.tree) for document in self.alive)

    @property
    def reader(self) -> Callable[[bytes], Lines]:
        return lambda _: self.copy()

    def copy(self) -> Lines:
        copies: dict[int, Document] = {}
        for document in self.documents:
            parents = tuple(copies[id(parent)] for parent in document.parents)
            copies[id(document)] = document.copy(parents)
        other = Lines(*copies.values(), protocol=self.protocol)
        other.project, other.received = self.project, self.received
        return other


def events(number: int = 1, *, size: int = 0) -> Lines:
    """A payload of so many events, each of about `size` bytes."""
    return Lines(*(Line("event", "x" * size) for _ in range(number)))
