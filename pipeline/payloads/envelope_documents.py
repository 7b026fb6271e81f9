"""The documents of a Sentry envelope: items, elements of container items, and headers.

Sources: https://develop.sentry.dev/sdk/foundations/envelopes/ and …/envelopes/envelope-items/,
read in 2026-11.
"""

from __future__ import annotations

import re
from typing import Literal

from ..errors import BrokenDocument
from . import json
from .digest import keyed_digest
from .document import Document, DocumentType, Tree

# What item types are, and how their content is written. Types that are not listed are `unknown`:
# replays, profiles, crash reports, and what nobody has invented yet.
Form = Literal["object", "json", "text", "discarded"]
ITEM_TYPES: dict[str, tuple[DocumentType, Form]] = {
    "event": ("event", "object"),
    "transaction": ("transaction", "object"),
    "span": ("span", "object"),
    "otel_span": ("span", "object"),
    "log": ("log", "object"),
    "otel_log": ("log", "object"),
    "trace_metric": ("metric", "object"),
    "statsd": ("metric", "text"),
    "metric_buckets": ("metric", "json"),
    "metric_meta": ("metric", "object"),
    "check_in": ("check_in", "object"),
    "feedback": ("feedback", "object"),
    "user_report": ("user_report", "object"),
    "raw_security": ("raw_security", "json"),
    "nel": ("raw_security", "json"),
    "session": ("session", "object"),
    "sessions": ("sessions", "object"),
    "client_report": ("client_report", "object"),
}
# Attachments up to this size that are text are judged; all others are `unknown`.
TEXT_ATTACHMENT_LIMIT = 1024 * 1024
_TEXT_TYPE = re.compile(r"text/|application/(json|xml|yaml|x-yaml|javascript|x-ndjson|x-sh)\b")
_NO_TYPE = ("", "application/octet-stream")
_ATTACHMENT_TYPES = ("event.attachment", "event.view_hierarchy", "unreal.context", "unreal.logs")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_ID = re.compile(r"[0-9a-f]{32}")

CONTAINER_TYPE = "application/vnd.sentry.items."
HARMLESS_CONTENT_TYPES = frozenset(
    {
        "application/json", "text/plain", "application/octet-stream",
        *(f"{CONTAINER_TYPE}{kind}+json" for kind in
          ("log", "span", "span.v2", "trace-metric", "trace_metric")),
    }
)  # fmt: skip
EVENT_TYPES = ("event", "transaction", "feedback")


def hex_id(value: object) -> str | None:
    """32 lower-case hex digits, when this is a UUID with or without dashes."""
    if not isinstance(value, str) or len(value) > 36:
        return None
    text = value.replace("-", "").lower()
    return text if _ID.fullmatch(text) else None


def attachment_kind(headers: dict[str, Tree], data: bytes) -> tuple[DocumentType, Form]:
    """Whether an attachment is text that can be judged."""
    kind = headers.get("attachment_type", "event.attachment")
    type_ = headers.get("content_type", "")
    if (
        kind in _ATTACHMENT_TYPES
        and isinstance(type_, str)
        and (type_ in _NO_TYPE or _TEXT_TYPE.match(type_))
        and len(data) <= TEXT_ATTACHMENT_LIMIT
        and is_text(data)
    ):
        return "attachment", "text"
    return "unknown", "discarded"


def is_text(data: bytes) -> bool:
    """Whether this is UTF-8 without the control characters that text does not have."""
    try:
        return _CONTROL.search(data.decode()) is None
    except UnicodeDecodeError:
        return False


class Content:
    """What an item holds: bytes until somebody looks. Copies of a document share it."""

    __slots__ = (
        "_broken", "_bytes", "_digest", "_tree", "_trusted", "_undecoded", "form", "repairs",
        "size",
    )  # fmt: skip

    def __init__(self, form: Form, data: bytes | None, tree: Tree = None) -> None:
        self.form: Form = form
        self.size = len(data or b"")
        self.repairs = 0
        self._broken: str | None = None
        self._digest = keyed_digest(data or b"") if form == "discarded" else None
        self._bytes = b"" if form == "discarded" else data
        self._tree = tree
        self._undecoded = data is not None
        self._trusted = False

    @classmethod
    def of(cls, tree: Tree, form: Form) -> Content:
        """Content that was made here."""
        content = cls(form, None, tree)
        content.size = len(content.encode())
        return content

    @property
    def tree(self) -> Tree:
        """The decoded content. Raises BrokenDocument."""
        if self._undecoded:
            try:
                self._tree, repairs = self._decode(self._bytes or b"")
            except BrokenDocument as broken:
                self._broken, repairs = str(broken), 0
                self._digest = keyed_digest(self._bytes or b"")
            if repairs or self._broken:
                self._bytes = None
            self.repairs += repairs
            self._undecoded = False
        if self._broken is not None:
            raise BrokenDocument(self._broken)
        return self._tree

    def encode(self) -> bytes:
        """The content as bytes: as they came in when nothing was changed or mended.

        Raises BrokenDocument, for what cannot be read too: nothing goes out that nobody could
        have looked at.
        """
        if self._trusted and self._undecoded and self._bytes is not None:
            return self._bytes
        tree = self.tree
        if self.form == "discarded":
            raise BrokenDocument("discarded")
        if self.form == "object" and not isinstance(tree, dict):
            raise BrokenDocument("not an object")
        if self._bytes is None:
            if self.form == "text":
                self._bytes = tree.encode() if isinstance(tree, str) else b""
            else:
                self._bytes = json.encode(tree)
        return self._bytes

    def digest(self) -> str:
        """A keyed digest of what came in, or of what it was changed to."""
        return self._digest or keyed_digest(self.encode())

    @property
    def unread(self) -> bytes | None:
        """An object's bytes while nobody has looked."""
        return self._bytes if self._undecoded and self.form == "object" else None

    def trust(self) -> None:
        """Take it that the bytes are a JSON object: somebody has made sure."""
        self._trusted = True

    def may_hold(self, needles: tuple[bytes, ...]) -> bool:
        """Whether the bytes have one of these; True when there are none to look at."""
        data = self._bytes
        return data is None or any(needle in data for needle in needles)

    def _decode(self, data: bytes) -> tuple[Tree, int]:
        if self.form == "discarded":
            return b"", 0
        if self.form == "text":
            try:
                return data.decode(), 0
            except UnicodeDecodeError:
                raise BrokenDocument("not UTF-8") from None
        tree, repairs = json.decode(data)
        if self.form == "object" and not isinstance(tree, dict):
            raise BrokenDocument("not an object")
        return tree, repairs


class Item:
    """What an item of an envelope is, apart from its content. Documents of a container share it."""

    __slots__ = (
        "container",
        "content_type",
        "has_context",
        "infer_ip",
        "infer_user_agent",
        "type",
        "version",
    )

    def __init__(
        self, type_: str, content_type: str | None = None, *, container: bool = False
    ) -> None:
        self.type = type_  # as on the wire
        self.content_type = content_type  # a harmless one; any other is judged with the headers
        self.container = container
        # Whether its documents have a second parent: the context with what else it has.
        self.has_context = False
        # What a container asks of the backend: https://develop.sentry.dev/sdk/telemetry/logs/
        self.version: int | None = None
        self.infer_ip: bool | None = None
        self.infer_user_agent: bool | None = None

    def take_settings(self, others: dict[str, Tree]) -> None:
        """Take what a container says about itself out of what it has beside its elements."""
        version = others.get("version")
        if isinstance(version, int) and not isinstance(version, bool) and 0 <= version < 100:
            self.version = version
            del others["version"]
        asked = others.get("ingest_settings")
        if isinstance(asked, dict):
            del others["ingest_settings"]
            self.infer_ip = asked.get("infer_ip") == "auto"
            self.infer_user_agent = asked.get("infer_user_agent") == "auto"

    def settings(self) -> dict[str, Tree]:
        """The reverse of `take_settings`."""
        settings: dict[str, Tree] = {}
        if self.version is not None:
            settings["version"] = self.version
        if self.infer_ip is not None or self.infer_user_agent is not None:
            settings["ingest_settings"] = {
                "infer_ip": "auto" if self.infer_ip else "never",
                "infer_user_agent": "auto" if self.infer_user_agent else "never",
            }
        return settings


class EnvelopeDocument(Document):
    """An item, an element of a container item, or headers."""

    __slots__ = ("_content", "_project", "item")

    def __init__(
        self,
        type_: DocumentType,
        content: Content,
        item: Item | None = None,
        parents: tuple[Document, ...] = (),
    ) -> None:
        super().__init__(type_, parents)
        self._content = content
        self._project = ""  # of headers
        self.item = item  # None for headers

    @property
    def tree(self) -> Tree:
        """See `Document.tree`. Bytes for what is discarded."""
        return self._content.tree

    @tree.setter
    def tree(self, tree: Tree) -> None:
        if tree is not self._content.tree:
            before = self._content
            self._content = Content(before.form, None, tree)
            self._content.size, self._content.repairs = before.size, before.repairs

    @property
    def size(self) -> int:
        """See `Document.size`."""
        return self._content.size

    @property
    def repairs(self) -> int:
        """Places that were mended, as far as the content was looked at."""
        return self._content.repairs

    def encode(self) -> bytes:
        """The content as bytes. Raises BrokenDocument."""
        return self._content.encode()

    @property
    def raw_json(self) -> bytes | None:
        """See `Document.raw_json`."""
        return self._content.unread

    def trust_raw(self) -> None:
        """See `Document.trust_raw`."""
        self._content.trust()

    def digest(self) -> str:
        """See `Document.digest`."""
        return self._content.digest()

    def may_hold(self, *needles: bytes) -> bool:
        """Whether the bytes as received have one of these; True when there are none to look at."""
        return self._content.may_hold(needles)

    def maybe(self, *path: str) -> Tree:
        """The value at a path of object keys, or None, for broken documents too."""
        try:
            found = self.tree
        except BrokenDocument:
            return None
        for key in path:
            if not isinstance(found, dict):
                return None
            found = found.get(key)
        return found

    @property
    def project(self) -> str:
        """See `Document.project`."""
        return super().project if self.parents else self._project

    @project.setter
    def project(self, name: str) -> None:
        self._project = name

    @property
    def event_id(self) -> str | None:
        """The envelope's, which takes precedence over the document's own (specification)."""
        if self.item is None or self.type in EVENT_TYPES or self.type == "attachment":
            envelope = self.parents[0] if self.parents else self
            assert isinstance(envelope, EnvelopeDocument)
            return hex_id(envelope.maybe("event_id")) or hex_id(self.maybe("event_id"))
        return hex_id(self.maybe("event_id"))

    @property
    def trace_id(self) -> str | None:
        """Its own, else its event's, else that of the envelope's trace header."""
        for path in (("contexts", "trace", "trace_id"), ("trace_id",), ("trace", "trace_id")):
            found = hex_id(self.maybe(*path))
            if found:
                return found
        return next((parent.trace_id for parent in reversed(self.parents) if parent.trace_id), None)

    def copy(self, parents: tuple[Document, ...]) -> EnvelopeDocument:
        """See `Document.copy`."""
        other = EnvelopeDocument(self.type, self._content, self.item, parents)
        other._project = self._project
        self.share_fate(other)
        return other
