"""The documents of an OTLP request: records, and the resources, scopes and metrics around them.

A document is a message in a parsed request that nobody changes; one that was changed has a
message of its own.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from google.protobuf.message import Message

from ..errors import BrokenDocument
from .digest import keyed_digest
from .document import Document, DocumentType, Tree
from .otlp_tree import TreeReader, write


class Repairs:
    """How many sloppy places of a request were mended: counted for all its copies together."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class OtlpDocument(Document):
    """A part of a request. `changed` says whether it is something else than what came in."""

    __slots__ = ("_message", "_repairs", "_tree", "changed")

    def __init__(
        self,
        type_: DocumentType,
        message: Message,
        repairs: Repairs,
        parents: tuple[Document, ...] = (),
    ) -> None:
        super().__init__(type_, parents)
        self._message: Any = message
        self._repairs = repairs
        self._tree: Tree = None  # None: nobody has looked
        self.changed = False

    @property
    def tree(self) -> Tree:
        """The message as docs/architecture.md shows it. Raises BrokenDocument."""
        if self._tree is None:
            reader = TreeReader()
            tree = self._read(reader)
            if reader.mended:
                # What the tree does not show is not judged, so it must not go out.
                self._message, self.changed = self._written(tree), True
                self._repairs.count += reader.mended
            self._tree = tree
        return self._tree

    @tree.setter
    def tree(self, tree: Tree) -> None:
        """Raises BrokenDocument where the protocol has no room for what the tree says."""
        if not isinstance(tree, dict):
            raise BrokenDocument("a document is not an object")
        self._message, self._tree, self.changed = self._written(tree), tree, True

    @property
    def event_id(self) -> str | None:
        """Nothing in OTLP has one."""
        return None

    def copy(self, parents: tuple[Document, ...]) -> OtlpDocument:
        """Shares message, tree and decisions."""
        other = type(self)(self.type, self._message, self._repairs, parents)
        other._tree, other.changed = self._tree, self.changed
        self.share_fate(other)
        return other

    def digest(self) -> str:
        """See `Document.digest`."""
        return keyed_digest(self._message.SerializeToString(deterministic=True))

    @abstractmethod
    def copy_into(self, target: Any) -> None:
        """Fill a new message with this part alone, not with the parts inside it."""

    @abstractmethod
    def _read(self, reader: TreeReader) -> dict[str, Tree]:
        """The tree of the message."""

    @abstractmethod
    def _written(self, tree: dict[str, Tree]) -> Message:
        """A new message made of a tree."""


class Record(OtlpDocument):
    """A log record, a span, a data point."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """Bytes of its message."""
        size: int = self._message.ByteSize()
        return size

    @property
    def trace_id(self) -> str | None:
        """An id of zeros or of another length is none (W3C Trace Context)."""
        found: bytes = b"" if self.type == "data_point" else self._message.trace_id
        return found.hex() if len(found) == 16 and any(found) else None

    def copy_into(self, target: Any) -> None:
        """Copy it whole."""
        target.CopyFrom(self._message)

    def _read(self, reader: TreeReader) -> dict[str, Tree]:
        return reader.message(self._message)

    def _written(self, tree: dict[str, Tree]) -> Message:
        message: Message = type(self._message)()
        write(message, tree)
        return message


class Around(OtlpDocument):
    """A resource or a scope. Its message is the one around it, which also has the schema_url."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """Bytes of the resource or scope itself."""
        size: int = getattr(self._message, self.type).ByteSize()
        return size + len(self._message.schema_url)

    @property
    def trace_id(self) -> str | None:
        """It may belong to many."""
        return None

    @property
    def service_name(self) -> str:
        """The `service.name` of a resource as it is now; empty when it has none."""
        name = ""
        for pair in self._message.resource.attributes:
            if pair.key == "service.name":
                name = pair.value.string_value
        return name

    def copy_into(self, target: Any) -> None:
        """Copy it with its schema_url."""
        if self._message.HasField(self.type):
            getattr(target, self.type).CopyFrom(getattr(self._message, self.type))
        target.schema_url = self._message.schema_url

    def _read(self, reader: TreeReader) -> dict[str, Tree]:
        tree = reader.message(getattr(self._message, self.type))
        if self._message.schema_url:
            tree["schema_url"] = self._message.schema_url
        return tree

    def _written(self, tree: dict[str, Tree]) -> Message:
        message: Message = type(self._message)()
        write_around(message, self.type, tree)
        return message


def write_around(message: Any, name: str, tree: dict[str, Tree]) -> None:
    """Fill a new message around a resource or a scope. Raises BrokenDocument."""
    inner = dict(tree)
    write(message, {"schema_url": inner.pop("schema_url", None)})
    getattr(message, name).SetInParent()
    write(getattr(message, name), inner)


class Metric(OtlpDocument):
    """What the points of a metric share. The kind of its data stays what it is."""

    __slots__ = ()

    @property
    def size(self) -> int:
        """Of its texts: the points count for themselves."""
        message = self._message
        size: int = len(message.name) + len(message.description) + len(message.unit)
        for pair in message.metadata:
            size += pair.ByteSize()
        return size

    @property
    def trace_id(self) -> str | None:
        """It may belong to many."""
        return None

    def copy_into(self, target: Any) -> None:
        """Copy it without the points."""
        message = self._message
        target.name, target.unit = message.name, message.unit
        target.description = message.description
        target.metadata.MergeFrom(message.metadata)
        _copy_kind(message, target)

    def _read(self, reader: TreeReader) -> dict[str, Tree]:
        return reader.message(self._message)

    def _written(self, tree: dict[str, Tree]) -> Message:
        message: Message = type(self._message)()
        write(message, tree)
        _copy_kind(self._message, message)
        return message


def data_points(metric: Any) -> Any:
    """The points of a Metric message, whatever their kind; empty when it has no data."""
    kind = metric.WhichOneof("data")
    return getattr(metric, kind).data_points if kind else ()


def _copy_kind(source: Any, target: Any) -> None:
    """Give a metric the kind of another's data, with temporality and so on, without the points."""
    kind = source.WhichOneof("data")
    data, new = getattr(source, kind), getattr(target, kind)
    new.SetInParent()
    for field in data.DESCRIPTOR.fields:
        if not field.is_repeated:
            setattr(new, field.name, getattr(data, field.name))
