"""The documents of an OTLP request: records, and the resources, scopes and metrics around them.

A document is a piece of a request's bytes, read when somebody looks; one that was changed has a
message of its own.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from google.protobuf.message import Message

from ..errors import BrokenDocument
from .digest import keyed_digest
from .document import Document, DocumentType, Tree
from .otlp_tree import DATA, METRIC, TreeReader, rewrite, write


class Repairs:
    """How many sloppy places of a request were mended: counted for all its copies together."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Content:
    """What a document says: one for all copies that nobody changed, however far it was read."""

    __slots__ = ("_message", "_type", "decisions", "raw", "tree")

    def __init__(
        self,
        type_: type[Message],
        raw: bytes | None = None,
        message: Message | None = None,
        tree: Tree = None,
    ) -> None:
        """Either of bytes as they came in, or of a new message."""
        self._type = type_
        self._message: Any = message
        self.raw = raw  # None: it does not go out as it came in
        self.tree = tree  # None: nobody has looked
        self.decisions: dict[str, object] = {}

    @property
    def message(self) -> Any:
        """To be read only. Made anew each time from what came in, which takes less memory."""
        return self._type.FromString(self.raw) if self.raw is not None else self._message

    def own_message(self) -> Any:
        """A message of the caller's own."""
        if self.raw is not None:
            return self._type.FromString(self.raw)
        message = self._type()
        message.CopyFrom(self._message)
        return message

    def empty_message(self) -> Any:
        """A new one of the same kind."""
        return self._type()

    def replace(self, message: Message) -> None:
        """Let another message go out instead of what came in, from every copy."""
        self._message, self.raw = message, None


class OtlpDocument(Document):
    """A part of a request."""

    __slots__ = ("_content", "_repairs")

    def __init__(
        self,
        type_: DocumentType,
        content: Content,
        repairs: Repairs,
        parents: tuple[Document, ...] = (),
    ) -> None:
        super().__init__(type_, parents)
        self._content = content
        self._repairs = repairs
        self.decisions = content.decisions

    @property
    def raw(self) -> bytes | None:
        """Its fields as they came in; None when it was changed."""
        return self._content.raw

    @property
    def changed(self) -> bool:
        """Whether it goes out as something else than what came in."""
        return self._content.raw is None

    @property
    def encoded(self) -> bytes:
        """Its fields as they go out."""
        raw = self._content.raw
        found: bytes = self._content.message.SerializeToString() if raw is None else raw
        return found

    @property
    def tree(self) -> Tree:
        """The message as docs/architecture.md shows it. Raises BrokenDocument."""
        content = self._content
        if content.tree is None:
            reader, message = TreeReader(), content.message
            tree = self._read(message, reader)
            # What the tree does not show is not judged, so it must not go out: all but the last
            # of what stands twice.
            if reader.mended:
                content.replace(self._written(tree))
                self._repairs.count += reader.mended
            elif content.raw is not None and message.ByteSize() != len(content.raw):
                content.replace(message)
            content.tree = tree
        return content.tree

    @tree.setter
    def tree(self, tree: Tree) -> None:
        """Raises BrokenDocument where the protocol has no room for what the tree says."""
        if not isinstance(tree, dict):
            raise BrokenDocument("a document is not an object")
        message = self._written(tree)
        self._content = Content(type(message), message=message, tree=tree)

    @property
    def event_id(self) -> str | None:
        """Nothing in OTLP has one."""
        return None

    def copy(self, parents: tuple[Document, ...]) -> Self:
        """Shares content and decisions."""
        other = type(self)(self.type, self._content, self._repairs, parents)
        self.share_fate(other)
        return other

    def digest(self) -> str:
        """See `Document.digest`."""
        return keyed_digest(self._content.message.SerializeToString(deterministic=True))

    @abstractmethod
    def _read(self, message: Any, reader: TreeReader) -> dict[str, Tree]:
        """The tree of a message."""

    @abstractmethod
    def _written(self, tree: dict[str, Tree]) -> Message:
        """A new message made of a tree."""


class Record(OtlpDocument):
    """A log record, a span, a data point."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """Bytes of its message."""
        raw = self._content.raw
        size: int = self._content.message.ByteSize() if raw is None else len(raw)
        return size

    @property
    def trace_id(self) -> str | None:
        """An id of zeros or of another length is none (W3C Trace Context)."""
        found: bytes = b"" if self.type == "data_point" else self._content.message.trace_id
        return found.hex() if len(found) == 16 and any(found) else None

    def _read(self, message: Any, reader: TreeReader) -> dict[str, Tree]:
        return reader.message(message)

    def _written(self, tree: dict[str, Tree]) -> Message:
        old = self._content.tree
        known = isinstance(old, dict)
        message: Message = self._content.own_message() if known else self._content.empty_message()
        rewrite(message, old if isinstance(old, dict) else {}, tree)
        return message


class Around(OtlpDocument):
    """A resource or a scope. Its message is the one around it, which also has the schema_url."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """Bytes of the resource or scope itself."""
        message = self._content.message
        size: int = getattr(message, self.type).ByteSize()
        return size + len(message.schema_url)

    @property
    def trace_id(self) -> str | None:
        """It may belong to many."""
        return None

    @property
    def project(self) -> str:
        """See `Document.project`: the name of the resource's service."""
        tree = self.tree if self.type == "resource" else None
        attributes = tree.get("attributes") if isinstance(tree, dict) else None
        if isinstance(attributes, dict):
            return str(attributes.get("service.name"))
        return super().project

    def _read(self, message: Any, reader: TreeReader) -> dict[str, Tree]:
        tree = reader.message(getattr(message, self.type))
        if message.schema_url:
            tree["schema_url"] = message.schema_url
        return tree

    def _written(self, tree: dict[str, Tree]) -> Message:
        message: Message = self._content.empty_message()
        write_around(message, self.type, tree)
        return message


def write_around(message: Any, name: str, tree: dict[str, Tree]) -> None:
    """Fill a new message around a resource or a scope. Raises BrokenDocument."""
    inner = dict(tree)
    write(message, {"schema_url": inner.pop("schema_url", None)})
    getattr(message, name).SetInParent()
    write(getattr(message, name), inner)


def write_record(message: Any, tree: Tree) -> None:
    """Fill a new log record, span or metric; a metric's data, its points included, is in its tree.

    Raises BrokenDocument.
    """
    if message.DESCRIPTOR.full_name == METRIC and isinstance(tree, dict):
        tree = dict(tree)
        for name in DATA & tree.keys():
            getattr(message, name).SetInParent()
            write(getattr(message, name), tree.pop(name))
    write(message, tree)


class Metric(OtlpDocument):
    """What the points of a metric share, without the kind of its data."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """Of its texts: the points count for themselves."""
        message = self._content.message
        size: int = len(message.name) + len(message.description) + len(message.unit)
        for pair in message.metadata:
            size += pair.ByteSize()
        return size

    @property
    def trace_id(self) -> str | None:
        """It may belong to many."""
        return None

    def _read(self, message: Any, reader: TreeReader) -> dict[str, Tree]:
        return reader.message(message)

    def _written(self, tree: dict[str, Tree]) -> Message:
        message: Message = self._content.empty_message()
        write(message, tree)
        return message


CONTEXTS: dict[DocumentType, type[OtlpDocument]] = {
    "resource": Around,
    "scope": Around,
    "otlp_metric": Metric,
}
