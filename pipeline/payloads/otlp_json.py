"""OTLP's JSON, which is not protobuf's.

Trace and span ids are hex digits, enums are integers, 64-bit integers are decimal strings, unknown
members are ignored, names are lowerCamelCase and nothing else.
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding and, for all that it does not say,
https://protobuf.dev/programming-guides/json/. What real senders write differently and what can
only mean one thing is taken: integers as numbers, enums as names.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from typing import Any

import msgspec
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from .otlp_tree import HEX_FIELDS

_INTEGERS = {
    FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32,
    FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64, FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_FIXED64,
}  # fmt: skip
_64_BITS = {
    FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64,
    FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64,
}  # fmt: skip
_DIGITS = re.compile(r"-?\d{1,20}", re.ASCII)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class NotOtlp(Exception):  # noqa: N818  a fact about data
    """The JSON is not a message of this kind. The text names the kind of damage only."""


class JsonReader:
    """Fills messages from decoded JSON; `ignored` counts the members that nobody knows."""

    __slots__ = ("ignored",)

    def __init__(self) -> None:
        self.ignored = 0

    def message(self, target: Message, json: Any) -> None:
        """Fill a new message. Raises NotOtlp.

        `json` is nested 128 deep at most (json.MAX_DEPTH): less than the 100 messages within
        each other that protobuf reads.
        """
        if not isinstance(json, dict):
            raise NotOtlp("an object is missing")
        fields = _fields(target.DESCRIPTOR)
        for name, value in json.items():
            found = fields.get(name)
            if found is None:
                self.ignored += 1
            elif value is not None:  # null is absence
                self._field(target, *found, value)

    def _field(
        self,
        target: Message,
        field: FieldDescriptor,
        scalar: Callable[[Any], Any] | None,
        value: Any,
    ) -> None:
        try:
            if not field.is_repeated:
                if scalar is not None:
                    setattr(target, field.name, scalar(value))
                else:
                    child = getattr(target, field.name)
                    child.SetInParent()
                    self.message(child, value)
                return
            if not isinstance(value, list):
                raise NotOtlp("an array is missing")
            into = getattr(target, field.name)
            if scalar is not None:
                into.extend([scalar(each) for each in value])
                return
            for each in value:
                self.message(into.add(), {} if each is None else each)
        except (TypeError, ValueError, OverflowError):  # texts that quote the value
            raise NotOtlp("a value has the wrong type or range") from None


def encode_message(message: Message) -> dict[str, Any]:
    """A message as what a JSON encoder takes. Fields that are not set are left out."""
    fields = _encoders(message.DESCRIPTOR)
    json: dict[str, Any] = {}
    for field, value in message.ListFields():
        name, convert = fields[field]
        json[name] = value if convert is None else convert(value)
    return json


def encode_json(message: Message) -> bytes:
    """A message in OTLP's JSON, on one line."""
    return msgspec.json.encode(encode_message(message))


_FIELDS: dict[Any, dict[str, tuple[FieldDescriptor, Callable[[Any], Any] | None]]] = {}
_ENCODERS: dict[Any, dict[FieldDescriptor, tuple[str, Callable[[Any], Any] | None]]] = {}


def _fields(type_: Any) -> dict[str, tuple[FieldDescriptor, Callable[[Any], Any] | None]]:
    found = _FIELDS.get(type_)
    if found is None:
        found = _FIELDS[type_] = {
            field.json_name: (field, None if field.message_type else _decoder(field))
            for field in type_.fields
        }
    return found


def _decoder(field: FieldDescriptor) -> Callable[[Any], Any]:
    """What makes a scalar of its JSON. Raises TypeError or ValueError."""
    if field.type in _INTEGERS:
        return _integer
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _hex if field.name in HEX_FIELDS else _base64
    if field.type == FieldDescriptor.TYPE_STRING:
        return _string
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _boolean
    if field.enum_type is not None:
        numbers = {value.name: value.number for value in field.enum_type.values}
        return lambda json: numbers[json] if json in numbers else _integer(json)
    return _double


def _integer(json: Any) -> int:
    if isinstance(json, str) and _DIGITS.fullmatch(json):
        return int(json)
    if isinstance(json, float) and json.is_integer():
        return int(json)
    if isinstance(json, bool) or not isinstance(json, int):
        raise TypeError
    return json


def _double(json: Any) -> float:
    if isinstance(json, str):
        if json in _SPECIAL:
            return _SPECIAL[json]
        if not _NUMBER.fullmatch(json):
            raise ValueError
    elif isinstance(json, bool) or not isinstance(json, (int, float)):
        raise TypeError
    return float(json)


def _boolean(json: Any) -> bool:
    if not isinstance(json, bool):
        raise TypeError
    return json


def _string(json: Any) -> str:
    if not isinstance(json, str):
        raise TypeError
    return json


def _hex(json: Any) -> bytes:
    return bytes.fromhex(_string(json))


def _base64(json: Any) -> bytes:
    """Standard or URL-safe, with or without padding."""
    text = _string(json).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise ValueError from None


def _encoders(type_: Any) -> dict[FieldDescriptor, tuple[str, Callable[[Any], Any] | None]]:
    found = _ENCODERS.get(type_)
    if found is None:
        found = _ENCODERS[type_] = {
            field: (field.json_name, _encoder(field)) for field in type_.fields
        }
    return found


def _encoder(field: FieldDescriptor) -> Callable[[Any], Any] | None:
    """What makes JSON of a field's value. None: it is JSON already."""
    one: Callable[[Any], Any] | None = None
    if field.message_type is not None:
        one = encode_message
    elif field.type in _64_BITS:
        one = str
    elif field.type == FieldDescriptor.TYPE_BYTES:
        one = bytes.hex if field.name in HEX_FIELDS else _to_base64
    elif field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        one = _to_number
    if not field.is_repeated:
        return one
    return list if one is None else lambda values: [one(value) for value in values]


def _to_base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _to_number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
