"""Lines of documents: cut out of chunks, told apart, and envelopes made of them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Literal

import msgspec

from ..pipeline.errors import RefusedPayload
from ..pipeline.payloads.envelope import Envelope

Format = Literal["auto", "event", "envelope", "otlp-logs", "otlp-traces", "otlp-metrics"]

_BOM = b"\xef\xbb\xbf"


class Lines:
    """Cuts chunks into lines: None for one that is too long. Blank lines are left out."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._begun = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """The lines that end in this chunk."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._add(data[start:end])
            start = end + 1
            yield from self.end()
        self._add(data[start:])

    def end(self) -> Iterator[bytes | None]:
        """The line that was begun, as there is no more of it."""
        line, too_long = bytes(self._begun).strip().removeprefix(_BOM), self._too_long
        self._begun.clear()
        self._too_long = False
        if line or too_long:
            yield None if too_long else line

    def _add(self, data: bytes) -> None:
        if self._too_long or len(self._begun) + len(data) > self._longest:
            self._too_long = True
            self._begun.clear()
        else:
            self._begun += data


def seen_format(line: bytes) -> Format:
    """What a line looks like: by its first character, and by the names in an object."""
    if not line.startswith(b"{"):
        return "envelope"
    try:
        names = _names(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "event"  # whose reader mends what can be mended
    if "resourceLogs" in names:
        return "otlp-logs"
    if "resourceSpans" in names:
        return "otlp-traces"
    if "resourceMetrics" in names:
        return "otlp-metrics"
    return "envelope" if "items" in names and "headers" in names else "event"


class _Item(msgspec.Struct):
    headers: dict[str, msgspec.Raw]
    json: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    text: str | None = None
    base64: str | None = None


class _EnvelopeLine(msgspec.Struct):
    headers: msgspec.Raw
    items: list[_Item]
    project: str | None = None


_names = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_envelope_line = msgspec.json.Decoder(_EnvelopeLine).decode


def read_envelope(line: bytes, project: str, received: float) -> Envelope:
    """An envelope from a line of either form. Raises RefusedPayload."""
    if line.startswith(b"{"):
        try:
            found = _envelope_line(line)
            parts = [bytes(found.headers), *(part for item in found.items for part in _item(item))]
        except (msgspec.MsgspecError, ValueError, RecursionError):  # their texts may quote
            raise RefusedPayload(400, "malformed", "not a line of the file exporter") from None
        return Envelope.decode(b"\n".join(parts) + b"\n", found.project or project, received)
    try:
        body = base64.b64decode(line, validate=True)
    except binascii.Error:
        raise RefusedPayload(400, "malformed", "not base64") from None
    return Envelope.decode(body, project, received)


def _item(item: _Item) -> tuple[bytes, bytes]:
    """The header and the content of an item, as they stand in an envelope."""
    if not isinstance(item.json, msgspec.UnsetType):
        data = bytes(item.json)
    elif item.text is not None:
        data = item.text.encode()
    else:
        data = base64.b64decode(item.base64 or "", validate=True)
    headers = {**item.headers, "length": len(data)}
    return msgspec.json.encode(headers), data
