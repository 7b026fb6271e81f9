"""Sentry envelopes: the payload class.

Format: https://develop.sentry.dev/sdk/foundations/envelopes/ , read in 2026-11.

What policies see besides the items: the envelope's headers (without the DSN and its key), and of
each item the headers that are not of a known, harmless form, as a context of type `envelope` with
the tree `{"headers": {…}, "container": {…}}` (`container`: what a container item has beside its
elements).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from typing import Any
from uuid import uuid4

from ..errors import BrokenDocument, RefusedPayload
from . import envelope_framing as framing
from . import json
from .document import Document, DocumentType, Payload, Tree
from .envelope_documents import (
    CONTAINER_TYPE,
    EVENT_TYPES,
    HARMLESS_CONTENT_TYPES,
    ITEM_TYPES,
    Content,
    EnvelopeDocument,
    Form,
    Item,
    attachment_kind,
    hex_id,
)

AttachmentKind = Callable[[dict[str, Tree], bytes], tuple[DocumentType, Form]]


class Envelope(Payload):
    """A Sentry envelope."""

    __slots__ = ("_repaired", "dsn", "headers")

    protocol = "sentry"

    def __init__(self, project: str, received: float, headers: Mapping[str, Tree]) -> None:
        """An envelope without items."""
        dsn = headers.get("dsn")
        self.dsn = dsn if isinstance(dsn, str) else None  # the sender's, to know it by
        kept = {key: value for key, value in headers.items() if key != "dsn"}
        trace = kept.get("trace")
        if isinstance(trace, dict):
            kept["trace"] = {key: value for key, value in trace.items() if key != "public_key"}
        self.headers = EnvelopeDocument("envelope", Content.of(kept, "object"))
        super().__init__(project, received)
        self.contexts.append(self.headers)

    @property
    def project(self) -> str:
        """See `Payload`. It is its documents', too."""
        return self.headers.project

    @project.setter
    def project(self, name: str) -> None:
        self.headers.project = name

    @property
    def repaired(self) -> int:
        """Places that were mended in what was looked at so far."""
        return self._repaired + sum(each.repairs for each in self.items)

    @repaired.setter
    def repaired(self, count: int) -> None:
        self._repaired = count

    @property
    def items(self) -> list[EnvelopeDocument]:
        """The documents, as what they are here."""
        return [each for each in self.documents if isinstance(each, EnvelopeDocument)]

    @classmethod
    def decode(cls, body: bytes, project: str, received: float) -> Envelope:
        """Read an envelope. Items are decoded later. Raises RefusedPayload (400, 413)."""
        return cls._read(body, project, received, attachment_kind)

    @classmethod
    def _read(
        cls,
        body: bytes,
        project: str,
        received: float,
        attachments: AttachmentKind,
        *,
        ours: bool = False,
    ) -> Envelope:
        frames = framing.read(body, ours=ours)
        envelope = cls(project, received, frames.headers)
        envelope.repaired = frames.repairs
        for frame in frames.items:
            if not envelope._take_container(frame, ours=ours):
                envelope._take_single(frame, attachments)
        envelope._link_to_event()
        return envelope

    @classmethod
    def restore(cls, body: bytes, project: str, received: float) -> Envelope:
        """Read what `encode` wrote: every document of it is there again, and goes out as it is.

        There may be more than anybody may send: what a conversion made came in another form.
        Raises RefusedPayload when it was damaged.
        """
        envelope = cls._read(
            body, project, received, lambda headers, data: ("attachment", "text"), ours=True
        )
        for each in envelope.items:
            each.trust_raw()
        return envelope

    @classmethod
    def from_event(
        cls, event: bytes | Mapping[str, Any], project: str = "", received: float | None = None
    ) -> Envelope:
        """An envelope with one event (or transaction). Without an event id it gets one.

        The mapping is left as it is; what JSON has no word for is written as text. Raises
        RefusedPayload (400) when the event cannot be read or written.
        """
        try:
            data = event if isinstance(event, bytes) else json.encode(event)
            content = Content("object", data)
            tree = content.tree
        except BrokenDocument as broken:
            raise RefusedPayload(400, "broken", f"the event is {broken}") from None
        assert isinstance(tree, dict)
        headers: dict[str, Tree] = {"event_id": hex_id(tree.get("event_id")) or uuid4().hex}
        envelope = cls(project, time.time() if received is None else received, headers)
        kind = "transaction" if tree.get("type") == "transaction" else "event"
        envelope._append(Item(kind), content)
        return envelope

    def add(
        self, type_: str, tree: Tree, headers: Mapping[str, Tree] | None = None
    ) -> EnvelopeDocument:
        """Add an item of a known type; the content of an attachment is text."""
        beside = dict(headers or {})
        item = Item(type_, _take_content_type(beside))
        form = "text" if type_ == "attachment" else ITEM_TYPES[type_][1]
        context = self._context(item, beside, {})
        document = self._append(item, Content.of(tree, form), context)
        self._link_to_event()
        return document

    def add_container(
        self, type_: str, elements: Iterable[Content], content_type: str
    ) -> list[EnvelopeDocument]:
        """Add a container item (`log`, `span`, `trace_metric`) with these objects."""
        item = Item(type_, content_type, container=True)
        return [self._append(item, element) for element in elements]

    def encode(self, *, sent_at: float | None = None, public_key: str | None = None) -> bytes:
        """The envelope without what is lost; what turns out to be unreadable is dropped.

        `sent_at` (seconds since the epoch) replaces the sender's; `public_key` goes into the
        trace header, if there is one, because the key must be that of the DSN it is sent to.
        """
        contents: dict[int, bytes] = {}
        for each in self._alive_items():
            try:
                contents[id(each)] = each.encode()
            except BrokenDocument:
                each.dropped = "unsupported" if each.type == "unknown" else "broken"
        lines = [json.encode(self._outgoing_headers(sent_at, public_key))]
        for _, group in groupby(self._alive_items(), key=lambda each: id(each.item)):
            documents = list(group)
            lines += _lines(documents, [contents[id(each)] for each in documents])
        return b"\n".join(lines) + b"\n"

    @property
    def reader(self) -> Callable[[bytes], Envelope]:
        """See `Payload.reader`."""
        return partial(Envelope.restore, project=self.project, received=self.received)

    def copy(self) -> Envelope:
        """See `Payload.copy`."""
        other = Envelope.__new__(Envelope)
        other.headers = self.headers.copy(())
        Payload.__init__(other, self.project, self.received)
        other.manifest = self.manifest
        other._repaired = self._repaired
        other.dsn = self.dsn
        copies: dict[int, Document] = {id(self.headers): other.headers}

        def copied(document: Document) -> Document:
            if id(document) not in copies:
                parents = tuple(copied(parent) for parent in document.parents)
                copies[id(document)] = document.copy(parents)
            return copies[id(document)]

        other.contexts.extend(copied(each) for each in self.contexts)
        other.documents.extend(copied(each) for each in self.documents)
        return other

    def _alive_items(self) -> list[EnvelopeDocument]:
        return [each for each in self.items if each.lost is None]

    def _outgoing_headers(self, sent_at: float | None, public_key: str | None) -> dict[str, Tree]:
        tree = self.headers.tree
        headers = dict(tree) if isinstance(tree, dict) else {}
        if sent_at is not None:
            moment = datetime.fromtimestamp(sent_at, UTC).isoformat(timespec="milliseconds")
            headers["sent_at"] = moment.replace("+00:00", "Z")
        trace = headers.get("trace")
        if isinstance(trace, dict) and public_key is not None:
            headers["trace"] = {**trace, "public_key": public_key}
        return headers

    def _take_single(self, frame: framing.Frame, attachments: AttachmentKind) -> None:
        headers = dict(frame.headers)
        headers.pop("item_count", None)
        if frame.type == "attachment":
            type_, form = attachments(headers, frame.payload)
        else:
            type_, form = ITEM_TYPES.get(frame.type, ("unknown", "discarded"))
        item = Item(frame.type, _take_content_type(headers))
        context = self._context(item, headers, {}) if type_ != "unknown" else None
        self._append(item, Content(form, frame.payload), context, type_)

    def _take_container(self, frame: framing.Frame, *, ours: bool) -> bool:
        """Append the elements of a container item. False: it is none, or not a readable one."""
        headers = dict(frame.headers)
        content_type = headers.get("content_type")
        named = isinstance(content_type, str) and content_type.startswith(CONTAINER_TYPE)
        if frame.type not in ITEM_TYPES or not (named or frame.type in ("log", "trace_metric")):
            return False
        found = framing.elements(frame.payload, ours=ours)
        if found is None:
            return False
        parts, others, repairs = found
        if not ours and len(self.documents) + len(parts) > framing.MAX_ELEMENTS:
            raise framing.too_many_elements()
        self._repaired += repairs
        headers.pop("item_count", None)
        item = Item(frame.type, _take_content_type(headers), container=True)
        item.take_settings(others)
        context = self._context(item, headers, others)
        for part in parts:
            self._append(item, Content("object", part), context)
        return True

    def _append(
        self,
        item: Item,
        content: Content,
        context: EnvelopeDocument | None = None,
        type_: Any = None,
    ) -> EnvelopeDocument:
        parents = (self.headers,) if context is None else (self.headers, context)
        if type_ is None:
            type_ = "attachment" if item.type == "attachment" else ITEM_TYPES[item.type][0]
        document = EnvelopeDocument(type_, content, item, parents)
        self.documents.append(document)
        return document

    def _context(
        self, item: Item, headers: dict[str, Tree], others: dict[str, Tree]
    ) -> EnvelopeDocument | None:
        """The context for what an item has beside its content, where there is anything."""
        tree: dict[str, Tree] = {}
        if headers:
            tree["headers"] = headers
        if others:
            tree["container"] = others
        if not tree:
            return None
        item.has_context = True
        context = EnvelopeDocument("envelope", Content.of(tree, "object"), None, (self.headers,))
        self.contexts.append(context)
        return context

    def _link_to_event(self) -> None:
        """Attachments and user reports do not go out without the event beside them."""
        event = next((each for each in self.documents if each.type in EVENT_TYPES), None)
        for each in self.documents:
            if (
                event is not None
                and each.type in ("attachment", "user_report")
                and event not in each.parents
            ):
                each.parents = (*each.parents, event)


def _take_content_type(headers: dict[str, Tree]) -> str | None:
    """Take the content type out of an item's headers when it is one that tells nothing."""
    content_type = headers.get("content_type")
    if isinstance(content_type, str) and content_type in HARMLESS_CONTENT_TYPES:
        del headers["content_type"]
        return content_type
    return None


def _lines(documents: list[EnvelopeDocument], contents: list[bytes]) -> list[bytes]:
    """The header and the content of one item, from all of its documents."""
    item = documents[0].item
    assert item is not None
    tree = documents[0].parents[1].tree if item.has_context else None
    beside = tree if isinstance(tree, dict) else {}
    extra, others = beside.get("headers"), beside.get("container")
    headers: dict[str, Tree] = {"type": item.type}
    if item.content_type is not None:
        headers["content_type"] = item.content_type
    if isinstance(extra, dict):
        headers = {**extra, **headers}
    content = contents[0]
    if item.container:
        settings = item.settings()
        content = framing.container(
            contents, {**others, **settings} if isinstance(others, dict) else settings
        )
        headers["item_count"] = len(contents)
    headers["length"] = len(content)
    return [json.encode(headers), content]
