"""OTLP messages as trees, and back: what docs/architecture.md calls "Trees".

Which fields there are comes from the protobuf descriptors, so that a field which a later version
of the protocol adds is judged too, without a change here. The messages are those of
opentelemetry-proto 1.x (https://github.com/open-telemetry/opentelemetry-proto). Messages are only
read; writing always makes new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from ..errors import BrokenDocument
from .document import Tree

MAX_DEPTH = 64  # values within values
# protobuf reads 100 messages within each other; the way to a value takes at most 9 of them, an
# array 2 and a map 3. What we write, others must be able to read.
MAX_MESSAGES = 90
ARRAY_MESSAGES = 2
MAP_MESSAGES = 3

# Bytes that stand in trees and in JSON as hex digits (OTLP, "JSON Protobuf Encoding").
HEX_FIELDS = frozenset({"trace_id", "span_id", "parent_span_id"})
# A metric's data is not in its tree: its points are documents of their own, and the rest of it is
# an enum and a flag.
DATA = frozenset({"gauge", "sum", "histogram", "exponential_histogram", "summary"})
METRIC = "opentelemetry.proto.metrics.v1.Metric"

_Convert = Callable[["TreeReader", Any], Tree]


class TreeReader:
    """Reads messages; `mended` counts what was left out of the trees.

    That is all but the last of attributes with the same key, and references into a string table
    that only profiles have. What left something out must go out as its tree says.
    """

    __slots__ = ("mended",)

    def __init__(self) -> None:
        self.mended = 0

    def message(self, message: Message) -> dict[str, Tree]:
        """The fields that are set, by their protobuf names. Raises BrokenDocument."""
        fields = _fields(message.DESCRIPTOR)
        tree: dict[str, Tree] = {}
        for field, value in message.ListFields():
            found = fields.get(field)
            if found is not None:
                name, convert = found
                tree[name] = value if convert is None else convert(self, value)
        return tree

    def attributes(self, pairs: Iterable[KeyValue], depth: int = 0) -> dict[str, Tree]:
        """A list of pairs as a dict. Of several with one key the last counts."""
        tree: dict[str, Tree] = {}
        count = 0
        for pair in pairs:
            count += 1
            value = pair.value
            # Most are texts, and most others are numbers: neither is asked for its kind.
            tree[pair.key] = value.string_value or value.int_value or self.value(value, depth)
            if pair.key_strindex:
                self.mended += 1
        self.mended += count - len(tree)
        return tree

    def value(self, value: AnyValue, depth: int = 0) -> Tree:
        """The plain value; None where there is none. Raises BrokenDocument: nested too deep."""
        kind = value.WhichOneof("value")
        if kind == "string_value":
            return value.string_value
        if kind == "array_value":
            return [self.value(each, _deeper(depth)) for each in value.array_value.values]
        if kind == "kvlist_value":
            return self.attributes(value.kvlist_value.values, _deeper(depth))
        if kind == "string_value_strindex":
            self.mended += 1
            return None
        plain: Tree = getattr(value, kind) if kind is not None else None
        return plain


def _deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise BrokenDocument("a value is nested too deeply")
    return depth + 1


def write(message: Message, tree: Tree) -> None:
    """Fill a new message from its tree. None and absence are the same.

    Raises BrokenDocument where the protocol has no room for what the tree says.
    """
    rewrite(message, {}, tree)


def rewrite(message: Message, old: dict[str, Tree], new: Tree) -> None:
    """Make a message that says `old` say `new`. What is the same object in both stays as it is.

    Raises BrokenDocument where the protocol has no room for what the tree says.
    """
    if not isinstance(new, dict):
        raise BrokenDocument("a message is not an object")
    names = _names(message.DESCRIPTOR)
    for name in old:
        if new.get(name) is None:
            message.ClearField(name)
    try:
        for name, value in new.items():
            was = old.get(name)
            if value is not None and value is not was:
                _rewrite_field(message, names[name], was, value)
    except KeyError:
        raise BrokenDocument("a field that the protocol does not have") from None
    except (TypeError, ValueError):
        raise BrokenDocument("a field has a value of the wrong type") from None


def _rewrite_field(message: Message, field: FieldDescriptor, old: Tree, new: Tree) -> None:
    if old is not None:
        if _are_pairs(field) and _rewrite_values(getattr(message, field.name), old, new):
            return
        message.ClearField(field.name)
    _write_field(message, field, new)


def _rewrite_values(pairs: Any, old: Tree, new: Tree) -> bool:
    """Put values into pairs that stand as in `old`. False: their keys are others, nothing is done.

    Most changes are of a value or two, and making a message of each pair takes longest.
    """
    if not isinstance(old, dict) or not isinstance(new, dict) or list(old) != list(new):
        return False
    for index, (was, value) in enumerate(zip(old.values(), new.values(), strict=True)):
        if value is not was:
            pair = pairs[index]
            pair.ClearField("value")
            if value is not None:
                write_value(pair.value, value)
    return True


def _are_pairs(field: FieldDescriptor) -> bool:
    type_ = field.message_type
    return type_ is not None and type_.full_name == KeyValue.DESCRIPTOR.full_name


def _write_field(message: Message, field: FieldDescriptor, value: Any) -> None:
    type_ = field.message_type
    if field.is_repeated:
        target = getattr(message, field.name)
        if type_ is None:
            target.extend(_list(value))
        elif _are_pairs(field):
            _write_pairs(target, value, 0)
        else:
            for each in _list(value):
                write(target.add(), each)
    elif type_ is None:
        if field.name in HEX_FIELDS:
            value = bytes.fromhex(value)
        elif type(value) is bytes and field.type != FieldDescriptor.TYPE_BYTES:
            raise TypeError  # protobuf would take it for UTF-8
        setattr(message, field.name, value)
    elif type_.full_name == AnyValue.DESCRIPTOR.full_name:
        write_value(getattr(message, field.name), value)
    else:
        child = getattr(message, field.name)
        child.SetInParent()
        write(child, value)


def _list(value: Tree) -> list[Tree]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _write_pairs(target: Any, tree: Tree, messages: int) -> None:
    if not isinstance(tree, dict):
        raise TypeError
    for key, value in tree.items():
        pair = target.add()
        pair.key = key
        if value is not None:
            write_value(pair.value, value, messages)


def write_value(target: AnyValue, value: Tree, messages: int = 0) -> None:
    """Fill a new AnyValue from the plain value; `messages` are those that it stands in.

    Raises BrokenDocument when nested too deeply, TypeError or ValueError for what it cannot hold.
    """
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, bytes):
        target.bytes_value = value
    elif isinstance(value, list):
        target.array_value.SetInParent()
        messages = nested(messages, ARRAY_MESSAGES)
        for each in value:
            write_value(target.array_value.values.add(), each, messages)
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        _write_pairs(target.kvlist_value.values, value, nested(messages, MAP_MESSAGES))
    elif value is not None:
        raise TypeError


def nested(messages: int, more: int) -> int:
    """How many messages stand within each other with these. Raises BrokenDocument: too many."""
    if messages + more > MAX_MESSAGES:
        raise BrokenDocument("a value is nested too deeply")
    return messages + more


# Made on first use, one a message type: a handful for the life of the process.
_FIELDS: dict[Any, dict[FieldDescriptor, tuple[str, _Convert | None]]] = {}
_NAMES: dict[Any, dict[str, FieldDescriptor]] = {}


def _fields(type_: Any) -> dict[FieldDescriptor, tuple[str, _Convert | None]]:
    found = _FIELDS.get(type_)
    if found is None:
        found = {field: (name, _converter(field)) for name, field in _names(type_).items()}
        _FIELDS[type_] = found
    return found


def _names(type_: Any) -> dict[str, FieldDescriptor]:
    found = _NAMES.get(type_)
    if found is None:
        left_out = DATA if type_.full_name == METRIC else frozenset()
        found = {field.name: field for field in type_.fields if field.name not in left_out}
        _NAMES[type_] = found
    return found


def _converter(field: FieldDescriptor) -> _Convert | None:
    type_ = field.message_type
    if type_ is None:
        if field.is_repeated:
            return lambda reader, values: list(values)
        return (lambda reader, value: value.hex()) if field.name in HEX_FIELDS else None
    if _are_pairs(field):
        return TreeReader.attributes
    if type_.full_name == AnyValue.DESCRIPTOR.full_name:
        return TreeReader.value
    if field.is_repeated:
        return lambda reader, values: [reader.message(value) for value in values]
    return TreeReader.message
