"""OTLP requests as payloads: logs, traces, metrics.

A request stays the bytes that came in until somebody asks for its documents. What the protocol
does not name (unknown fields, wrong wire types) is removed on arrival and counted as repaired; so
is all but the last of attributes with the same key, when it is looked at.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence, Set
from functools import partial

from google.protobuf.message import DecodeError, Message

from ..errors import BrokenDocument, RefusedPayload
from . import json
from .document import Document, DocumentType, Payload, Tree
from .otlp_bounds import check_json, check_protobuf
from .otlp_documents import write_around, write_record
from .otlp_json import JsonReader, NotOtlp, encode_json
from .otlp_made import Made
from .otlp_parts import IsClean, Sieve
from .otlp_received import Received
from .otlp_schema import Outline, all_is_known, outline
from .otlp_signals import SHAPES, Signal, count_unknown, prune

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

    __slots__ = (
        "_contexts",
        "_documents",
        "_made",
        "_received",
        "signal",
    )
    protocol = "otlp"

    def __init__(self, signal: Signal, project: str, received: float, request: Received) -> None:
        """For the class methods below: made of a request that was checked."""
        self._made = Made(request)
        super().__init__(project, received)
        self.signal: Signal = signal
        self._received = request
        # Everything, once somebody asked for everything.
        self._documents: list[Document] | None = None
        self._contexts: list[Document] | None = None

    @classmethod
    def decode(
        cls, body: bytes, signal: Signal, project: str | None = None, received: float | None = None
    ) -> OtlpRequest:
        """Read protobuf. Raises RefusedPayload: 400 `malformed`, 413 `too_many`.

        `project` is by default the `service.name` of the first resource; see `split`.
        """
        type_ = SHAPES[signal].request
        try:
            known = all_is_known(body, SHAPES[signal])
            if known:
                check_protobuf(body, type_, known=True)
                found = outline(body, SHAPES[signal])
                if found is not None:
                    return cls._of_bytes(body, found, signal, project, received)
            check_protobuf(body, type_)
            message = type_.FromString(body)
        except DecodeError:  # its text quotes
            raise _malformed("protobuf") from None
        unknown = 0 if known else count_unknown(message)
        message.DiscardUnknownFields()
        self = cls._of(message, signal, project, received)
        self.repaired = unknown
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
        self.repaired = mended + reader.ignored
        return self

    @classmethod
    def from_trees(
        cls,
        signal: Signal,
        resource: dict[str, Tree],
        scope: dict[str, Tree],
        records: Sequence[Tree],
        *,
        project: str,
        received: float,
    ) -> OtlpRequest:
        """A request of one resource and one scope, for conversions. Raises BrokenDocument.

        `records`: log records, spans, or metrics that have their data under its field's name.
        """
        shape = SHAPES[signal]
        message = shape.request()
        around = getattr(message, shape.path[0]).add()
        write_around(around, "resource", resource)
        within = getattr(around, shape.path[1]).add()
        write_around(within, "scope", scope)
        for record in records:
            write_record(getattr(within, shape.path[2]).add(), record)
        return cls._of(message, signal, project, received)

    @classmethod
    def _of(
        cls, message: Message, signal: Signal, project: str | None, received: float | None
    ) -> OtlpRequest:
        """A payload of a message that nobody else has and that has no unknown fields."""
        shape = SHAPES[signal]
        prune(message, shape.path)
        body = message.SerializeToString()
        found = outline(body, shape)
        assert found is not None  # protobuf writes nothing twice
        return cls._of_bytes(body, found, signal, project, received)

    @classmethod
    def _of_bytes(
        cls,
        body: bytes,
        found: Outline,
        signal: Signal,
        project: str | None,
        received: float | None,
    ) -> OtlpRequest:
        if found.records > MAX_DOCUMENTS:
            raise RefusedPayload(413, "too_many", f"more than {MAX_DOCUMENTS} records")
        if project is None:
            project = (found.services[0] if found.services else "") or NO_NAME
        if received is None:
            received = time.time()
        return cls(signal, project, received, Received(body, SHAPES[signal], found))

    @property
    def count(self) -> int:
        """See `Payload.count`."""
        return self._received.outline.records

    @property
    def count_alive(self) -> int:
        """See `Payload.count_alive`."""
        dropped = self._made.dropped
        return len(self.alive) if dropped is None else self.count - dropped

    @property
    def types(self) -> Counter[DocumentType]:
        """See `Payload.types`."""
        alive = self.count_alive
        return Counter({self._received.shape.record: alive} if alive else {})

    @property
    def size(self) -> int:
        """Bytes of the request as received, what its documents share among them."""
        return len(self._received.body)

    @property
    def buffer(self) -> bytes | None:
        """The request as protobuf, as `encode` gives it while no document is changed or lost.

        None: some are.
        """
        return None if self._made.touched else self._received.body

    def at(self, offsets: Sequence[int]) -> list[Document]:
        """See `Payload.at` and `Made.at`."""
        return self._made.at(offsets)

    def sift(self, ends: Sequence[int], numbers: Set[int], is_clean: IsClean) -> list[int]:
        """See `Payload.sift`."""
        received = self._received
        return Sieve(received.layout, received.shape.record, is_clean).places(ends, numbers)

    @property
    def made(self) -> list[Document]:
        """See `Payload.made`."""
        return self._made.so_far

    @property
    def documents(self) -> list[Document]:
        """All records. Makes those that were not made yet."""
        if self._documents is None:
            self._documents = self._made.records()
        return self._documents

    @documents.setter
    def documents(self, documents: list[Document]) -> None:
        self._documents = documents

    @property
    def contexts(self) -> list[Document]:
        """All contexts. Makes those that were not made yet."""
        if self._contexts is None:
            self._contexts = self._made.contexts()
        return self._contexts

    @contexts.setter
    def contexts(self, contexts: list[Document]) -> None:
        self._contexts = contexts

    def shared(self) -> list[tuple[Document, int]]:
        """See `Made.shared`."""
        return self._made.shared()

    @property
    def repaired(self) -> int:
        """Grows while trees are looked at, for all copies together."""
        return self._made.repairs.count

    @repaired.setter
    def repaired(self, count: int) -> None:
        self._made.repairs.count = count

    def encode(self) -> bytes:
        """See `Made.encode`."""
        return self._made.encode()

    def encode_json(self) -> bytes:
        """The request in OTLP's JSON, on one line."""
        return encode_json(self._received.shape.request.FromString(self.encode()))

    def split(self) -> list[OtlpRequest]:
        """One payload a service name, each with that as its project, in order of appearance.

        To be called before anything else is done with the payload, which is not to be used any
        more.
        """
        names = [name or NO_NAME for name in self._received.outline.services]
        if len(set(names)) < 2:
            return [self]
        bodies: dict[str, list[bytes]] = {name: [] for name in names}
        outermost = [each for each in self._received.layout.containers if each.parent < 0]
        for name, each in zip(names, outermost, strict=True):
            bodies[name].append(self._received.body[each.start : each.end])
        parts = [self._part(name, b"".join(pieces)) for name, pieces in bodies.items()]
        parts[0].repaired = self.repaired
        return parts

    def _part(self, name: str, body: bytes) -> OtlpRequest:
        found = outline(body, self._received.shape)
        assert found is not None  # the whole has one
        return self._of_bytes(body, found, self.signal, name, self.received)

    @property
    def reader(self) -> Callable[[bytes], OtlpRequest]:
        """See `Payload.reader`."""
        read = OtlpRequest._restored
        return partial(read, signal=self.signal, project=self.project, received=self.received)

    @classmethod
    def _restored(cls, body: bytes, signal: Signal, project: str, received: float) -> OtlpRequest:
        """Of bytes that `encode` wrote: all that stands in them is known."""
        found = outline(body, SHAPES[signal])
        if found is None:  # a scope may have lost all its records
            return cls.decode(body, signal, project, received)
        return cls._of_bytes(body, found, signal, project, received)

    def copy(self) -> OtlpRequest:
        """The same content to go another way: nothing is copied but the documents made so far."""
        other = OtlpRequest(self.signal, self.project, self.received, self._received)
        other.manifest = self.manifest
        other._made = self._made.copy()
        return other


def _malformed(encoding: str) -> RefusedPayload:
    return RefusedPayload(400, "malformed", f"the body is not an OTLP request in {encoding}")
