"""Slots: the places of documents in which a sender can put text, and how it gets there."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .encodings import Encoding, Planted

# `text`: a string. The others hold names and values: an object, a list of pairs, an object of
# `{"value", "type"}` (Sentry's logs, spans and metrics), a list of OTLP attributes.
# `bytes` is a string in OTLP's bytes; `statsd` a line of metrics with tags.
Shape = Literal["text", "bytes", "statsd", "object", "pairs", "typed", "attributes"]
Reads = Literal["all", "shapes", "names"]
_NOTE = "note"  # the innocent name that a text gets where values have names


@dataclass(frozen=True, slots=True)
class Slot:
    """One place in one kind of document.

    `reads` is what can be asked for there. `shapes`, in lines of source code: what has a shape of
    its own. `names`, where a protocol has names of code, of hosts and words of its own: of these
    only secrets and e-mail addresses.
    """

    document: str
    name: str
    path: tuple[str | int, ...]
    shape: Shape = "text"
    reads: Reads = "all"

    @property
    def id(self) -> str:
        """`event/exception.value`."""
        return f"{self.document}/{self.name}"

    def takes(self, encoding: Encoding) -> bool:
        """Whether the encoding can stand here."""
        if self.shape in ("text", "bytes", "statsd"):
            return encoding.need not in ("structure", "name")
        return True

    def plant(self, document: Any, encoding: Encoding, planted: Planted) -> None:
        """Put it there, in a document of this kind."""
        *way, last = self.path
        for step in way:
            document = document[step]
        text = encoding.write(planted)
        if self.shape in _AS_TEXT:
            document[last] = _AS_TEXT[self.shape](text)
            return
        add = _ADD[self.shape]
        target = document[last]
        if encoding.need == "name":
            add(target, text, "yes")
        elif encoding.need != "structure":
            add(target, _NOTE, text)
        else:
            add(target, "step", planted.marker)
            add(target, planted.key, _structure(encoding, text))


def _structure(encoding: Encoding, text: str) -> Any:
    if encoding.name == "field number":
        return int(text)
    return [text] if encoding.name == "field in list" else text


def _to_object(target: Any, name: str, value: Any) -> None:
    target[name] = value


def _to_pairs(target: Any, name: str, value: Any) -> None:
    target.append([name, value])


def _to_typed(target: Any, name: str, value: Any) -> None:
    types = {str: "string", int: "integer", list: "array"}
    target[name] = {"value": value, "type": types[type(value)]}


def _to_attributes(target: Any, name: str, value: Any) -> None:
    if isinstance(value, list):
        wrapped: Any = {"arrayValue": {"values": [{"stringValue": each} for each in value]}}
    elif isinstance(value, int):
        wrapped = {"intValue": str(value)}
    else:
        wrapped = {"stringValue": value}
    target.append({"key": name, "value": wrapped})


_AS_TEXT: dict[Shape, Callable[[str], str]] = {
    "text": lambda text: text,
    "bytes": lambda text: base64.b64encode(text.encode()).decode(),  # as OTLP's JSON has bytes
    "statsd": lambda text: f"cart.size:3|g|#region:north,note:{text}|T1763900000",
}
_ADD: dict[Shape, Callable[[Any, str, Any], None]] = {
    "object": _to_object, "pairs": _to_pairs, "typed": _to_typed, "attributes": _to_attributes,
}  # fmt: skip
