"""Envelopes as lines of text: in base64, or as the `file` exporter writes them."""

from __future__ import annotations

import base64
import binascii

import msgspec

from ..errors import RefusedPayload
from .envelope import Envelope


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
