"""A document that is nothing but a tree, for tests of processors."""

from __future__ import annotations

from typing import Any

from errlock.pipeline.payloads.digest import keyed_digest
from errlock.pipeline.payloads.document import Document, DocumentType, Tree


class PlainDocument(Document):
    """Holds a tree; belongs to no payload."""

    def __init__(self, type_: DocumentType, tree: Any, parents: tuple[Document, ...] = ()) -> None:
        super().__init__(type_, parents)
        self._tree: Tree = tree

    @property
    def tree(self) -> Tree:
        return self._tree

    @tree.setter
    def tree(self, tree: Tree) -> None:
        self._tree = tree

    @property
    def size(self) -> int:
        return len(str(self._tree))

    @property
    def trace_id(self) -> str | None:
        return None

    @property
    def event_id(self) -> str | None:
        return None

    def digest(self) -> str:
        return keyed_digest(str(self._tree).encode())

    def copy(self, parents: tuple[Document, ...]) -> Document:
        return PlainDocument(self.type, self._tree, parents)
