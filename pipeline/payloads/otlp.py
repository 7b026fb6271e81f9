"""OTLP requests as payloads: logs, traces, metrics.

What the protocol does not name (unknown fields, wrong wire types) is removed on arrival and
counted as repaired; so is all but the last of attributes with the same key, when it is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

from google.protobuf.message import DecodeError, Message

from ..errors import BrokenDocument, RefusedPayload
from . import json
from .document import Document, Payload, Tree
from .otlp_bounds import check_json, check_protobuf
from .otlp_documents import Around, OtlpDocument, Record, Repairs, write_around
from .otlp_json import JsonReader, NotOtlp, encode_json
from .otlp_signals import SHAPES, Shape, Signal, count_unknown, prune
from .otlp_tree import write

# What SDKs call a service that was given no name.
NO_NAME = "unknown_service"
# A record takes two bytes on the wire and some hundred in memory. Batches of SDKs and collectors
# have thousands.
MAX_DOCUMENTS = 100_000


class OtlpRequest(Payload):
    """One export request. Contexts and documents stand in the order of the request.

    A document's parents are `(scope, resource)` or `(metric, scope, resource)`. Resources, scopes
    and metrics that hold no documents are not contexts and do not go out.
    """

    __slots__ = ("_repairs", "_untouched", "signal")
    protocol = "otlp"

    def __init__(self, signal: Signal, project: str, received: float) -> None:
        self._repairs = Repairs()
        # The request as protobuf while no document of it is changed or lost.
        self._untouched: bytes | None = None
        super().__init__(project, received)
        self.signal: Signal = signal

    @classmethod
    def decode(
        cls, body: bytes, signal: Signal, project: str | None = None, received: float | None = None
    ) -> OtlpRequest:
        """Read protobuf. Raises RefusedPayload: 400 `malformed`, 413 `too_many`.

        `project` is by default the `service.name` of the first resource; see `split`.
        """
        check_protobuf(body, SHAPES[signal].request)
        try:
            message = SHAPES[signal].request.FromString(body)
        except DecodeError:  # its text quotes
            raise _malformed("protobuf") from None
        message.DiscardUnknownFields()
        self = cls._of(message, signal, project, received)
        if len(self.encode()) != len(body):
            self._repairs.count = count_unknown(SHAPES[signal].request.FromString(body))
        return self

    @classmethod
    def decode_json(
        cls, body: bytes, signal: Signal, project: str | None = None, received: float | None = None
    ) -> OtlpRequest:
        """Read OTLP's JSON. Otherwise as `decode`."""
        check_json(body)
        message = SHAPES[signal].request()
        reader = JsonReader()
        try:
            tree, mended = json.decode(body)
            reader.message(message, tree)
        except (NotOtlp, BrokenDocument):
            raise _malformed("JSON") from None
        self = cls._of(message, signal, project, received)
        self._repairs.count = mended + reader.ignored
        return self

    @classmethod
    def from_trees(
        cls,
        signal: Literal["logs", "traces"],
        resource: dict[str, Tree],
        scope: dict[str, Tree],
        records: Sequence[Tree],
        *,
        project: str,
        received: float,
    ) -> OtlpRequest:
        """A request of one resource and one scope, for conversions. Raises BrokenDocument."""
        shape = SHAPES[signal]
        message = shape.request()
        around = shape.resources(message).add()
        write_around(around, "resource", resource)
        within = shape.levels[0].children(around).add()
        write_around(within, "scope", scope)
        for record in records:
            write(shape.levels[1].children(within).add(), record)
        return cls._of(message, signal, project, received)

    @classmethod
    def _of(
        cls, message: Message, signal: Signal, project: str | None, received: float | None
    ) -> OtlpRequest:
        """A payload around a message that nobody else has and that has no unknown fields."""
        shape = SHAPES[signal]
        self = cls(signal, project or "", time.time() if received is None else received)
        resources = shape.resources(message)
        prune(resources, shape.levels)
        for resource in resources:
            self._add(shape, resource, 0, ())
        self._untouched = message.SerializeToString()
        if project is None:
            self.project = self._services()[0] if self.contexts else NO_NAME
        return self

    def _add(
        self, shape: Shape, message: Message, depth: int, parents: tuple[Document, ...]
    ) -> None:
        """Add a context and all that it holds."""
        level = shape.levels[depth]
        context = level.document(level.kind, message, self._repairs, parents)
        self.contexts.append(context)
        parents = (context, *parents)
        if level is shape.levels[-1]:
            records = level.children(message)
            if len(self.documents) + len(records) > MAX_DOCUMENTS:
                raise RefusedPayload(413, "too_many", f"more than {MAX_DOCUMENTS} records")
            self.documents += [
                Record(shape.record, record, self._repairs, parents) for record in records
            ]
        else:
            for child in level.children(message):
                self._add(shape, child, depth + 1, parents)

    def _services(self) -> list[str]:
        """The service names of the resources, in order."""
        return [
            context.service_name or NO_NAME
            for context in self.contexts
            if context.type == "resource" and isinstance(context, Around)
        ]

    @property
    def repaired(self) -> int:
        """Grows while trees are looked at, for all copies together."""
        return self._repairs.count

    @repaired.setter
    def repaired(self, count: int) -> None:
        self._repairs.count = count

    def encode(self) -> bytes:
        """The request as protobuf."""
        if self._untouched is not None and not self._touched():
            return self._untouched
        return self._put_together().SerializeToString()

    def encode_json(self) -> bytes:
        """The request in OTLP's JSON, on one line."""
        return encode_json(self._put_together())

    def _touched(self) -> bool:
        return any(
            document.dropped is not None
            or (isinstance(document, OtlpDocument) and document.changed)
            for documents in (self.contexts, self.documents)
            for document in documents
        )

    def _put_together(self) -> Message:
        """A new request with copies of what still goes out."""
        shape = SHAPES[self.signal]
        request = shape.request()
        made: dict[Document, Any] = {}
        last: tuple[Document, ...] = ()
        into = None
        for document in self.documents:
            if document.lost is None and isinstance(document, OtlpDocument):
                if document.parents is not last:
                    last, into = document.parents, shape.resources(request)
                    for level, context in zip(shape.levels, reversed(last), strict=True):
                        into = level.children(_made(context, into, made))
                assert into is not None
                document.copy_into(into.add())
        return request

    def split(self) -> list[OtlpRequest]:
        """One payload a service name, each with that as its project, in order of appearance.

        To be called before anything else is done with the payload, which is not to be used any
        more: the parts have its documents.
        """
        names = self._services()
        if len(set(names)) < 2:
            return [self]
        parts: dict[str, OtlpRequest] = {}
        homes: dict[Document, OtlpRequest] = {}
        services = iter(names)
        for context in self.contexts:
            if not context.parents:
                name = next(services)
                if name not in parts:
                    parts[name] = OtlpRequest(self.signal, name, self.received)
                homes[context] = parts[name]
            homes[(context, *context.parents)[-1]].contexts.append(context)
        for document in self.documents:
            homes[document.parents[-1]].documents.append(document)
        return list(parts.values())

    def copy(self) -> OtlpRequest:
        """The same content to go another way: nothing is copied but the list of documents."""
        other = OtlpRequest(self.signal, self.project, self.received)
        other._repairs, other._untouched = self._repairs, self._untouched
        copies: dict[Document, Document] = {}
        parents: dict[tuple[Document, ...], tuple[Document, ...]] = {}

        def copied(of: tuple[Document, ...]) -> tuple[Document, ...]:
            if of not in parents:
                parents[of] = tuple(copies[parent] for parent in of)
            return parents[of]

        for context in self.contexts:
            copies[context] = context.copy(copied(context.parents))
        other.contexts = list(copies.values())
        other.documents = [document.copy(copied(document.parents)) for document in self.documents]
        return other


def _malformed(encoding: str) -> RefusedPayload:
    return RefusedPayload(400, "malformed", f"the body is not an OTLP request in {encoding}")


def _made(context: Document, into: Any, made: dict[Document, Any]) -> Any:
    """The message of a context in a new request."""
    if context not in made:
        made[context] = into.add()
        assert isinstance(context, OtlpDocument)
        context.copy_into(made[context])
    return made[context]
