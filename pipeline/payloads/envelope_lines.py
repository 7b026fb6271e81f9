"""Envelopes as lines of text: in base64, or as the `file` exporter writes them.

That is JSON

    {"project": …, "received": …, "headers": {…}, "items": [{"headers": {…}, "json": …}, …]}

where an item's content stands in `json`, or in `text` when it is no JSON (`base64` when it is no
text either).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from ..errors import UNREADABLE, RefusedPayload
from .document import Payload
from .envelope import Envelope
from .envelope_framing import line_at


class _Item(msgspec.Struct):
    headers: dict[str, msgspec.Raw]
    json: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    text: str | None = None
    base64: str | None = None


class _EnvelopeLine(msgspec.Struct):
    headers: msgspec.Raw
    items: list[_Item]
    project: str | None = None


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


def write_envelope(envelope: Payload) -> bytes:
    """An envelope as a line of JSON, without its line feed."""
    body = envelope.encode()
    headers, at = line_at(body, 0)
    items = b",".join(_written_items(body, at))
    about = msgspec.json.encode({"project": envelope.project, "received": envelope.received})
    return b'%b,"headers":%b,"items":[%b]}' % (about[:-1], headers, items)


def _written_items(body: bytes, at: int) -> Iterator[bytes]:
    """The items of an encoded envelope, which always have their lengths."""
    while at < len(body):
        header, at = line_at(body, at)
        headers = msgspec.json.decode(header)
        data = body[at : at + headers.pop("length")]
        at += len(data) + 1
        form, content = _written_content(data)
        yield b'{"headers":%b,"%b":%b}' % (msgspec.json.encode(headers), form, content)


def _written_content(data: bytes) -> tuple[bytes, bytes]:
    """How an item's content is written, and that: JSON as it is but for white space."""
    with suppress(*UNREADABLE):
        msgspec.json.decode(data)
        return b"json", msgspec.json.format(data, indent=-1)
    with suppress(UnicodeDecodeError):
        return b"text", msgspec.json.encode(data.decode())
    return b"base64", msgspec.json.encode(base64.b64encode(data).decode())
