"""What can be asked of a request's bytes without making a message of each message in them.

Schemas are made of the protocol's own, so that a later version of it is followed without a change
here. In the *folded* one, every repeated message is a single one. Protobuf merges what comes more
than once (https://protobuf.dev/programming-guides/encoding/#last-one-wins), so that a request
becomes a handful of messages, whatever it holds, and yet all of it is read and held to the
protocol: tags, lengths, depth, UTF-8, wire types. The *paired* one is folded but for attributes:
they are bytes, and as many as there are. In the *shallow* one, only what is around the records are
messages, and all that is in these is bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from .document import DocumentType
from .otlp_signals import Shape

_Edit = Callable[[str, DescriptorProto], None]


class Holder(NamedTuple):
    """A kind of message that holds records, itself or in others."""

    message: type[Message]
    kind: DocumentType | None  # the context that it is; None: it belongs to the one around it
    holders: dict[int, Holder]  # by field number
    records: dict[int, type[Message]]
    # Fields that the protocol allows once, and those that it allows one of.
    once: tuple[tuple[str, ...], ...]


class Shared(NamedTuple):
    """What some records share: a resource, a scope, a metric."""

    kind: DocumentType
    message: type[Message]
    own: bytes  # its fields that hold no records
    records: int


class Outline(NamedTuple):
    """What is known of a request before anything of it is looked at."""

    records: int  # how many there are
    services: list[str]  # the `service.name` of each resource, as it stands there
    shared: list[Shared]  # in the order of the request


def all_is_known(body: bytes, shape: Shape) -> bool:
    """Whether all that stands in a request is named by the protocol, with the right wire type.

    Raises DecodeError for what protobuf would not read.
    """
    message = _folded(shape).FromString(body)
    size = message.ByteSize()
    message.DiscardUnknownFields()
    return message.ByteSize() == size


def outline(body: bytes, shape: Shape) -> Outline | None:
    """None: in the messages around the records something stands there twice, or they hold none.

    To be asked of what is known to be valid.
    """
    request = _shallow(shape).FromString(body)
    shared: list[Shared] = []
    services = [_service(each.resource) for each in getattr(request, shape.path[0])]
    count = _count(request, holder(shape), shared)
    return Outline(count, services, shared) if count >= 0 else None


def _service(resources: Any) -> str:
    name = ""
    for resource in resources:
        for pair in Resource.FromString(resource).attributes:
            if pair.key == "service.name":
                name = pair.value.string_value
    return name


def pairs(body: bytes, shape: Shape) -> list[bytes]:
    """Every attribute of a request as it stands there: of resources, records, and all in these.

    Not those within values of others: see `pairs_within`. To be asked of what is known to be valid.
    """
    found: list[bytes] = []
    _add_pairs(_paired(shape).FromString(body), found)
    return found


def pairs_within(pair: bytes) -> list[bytes]:
    """The attributes in the value of an attribute. Otherwise as `pairs`."""
    found: list[bytes] = []
    _add_pairs(_paired_pair().FromString(pair), found)
    return found


def _add_pairs(message: Any, found: list[bytes]) -> None:
    pairs, inner = _places(message.DESCRIPTOR)
    for name in pairs:
        found += getattr(message, name)[:]
    for name in inner:
        if message.HasField(name):
            _add_pairs(getattr(message, name), found)


@cache
def _places(type_: Any) -> tuple[list[str], list[str]]:
    """The fields of a paired message that are attributes, and those that may have some in them."""
    pairs = [f.name for f in type_.fields if f.is_repeated and f.type == f.TYPE_BYTES]
    return pairs, [f.name for f in type_.fields if f.message_type is not None]


def _count(message: Any, within: Holder, shared: list[Shared]) -> int:
    """The records in a message, which is left without them; -1 when it is irregular."""
    for names in within.once:
        if sum([len(getattr(message, name)) for name in names]) > 1:
            return -1
    place, count = len(shared), 0
    fields = message.DESCRIPTOR.fields_by_number
    for number in within.records:
        name = fields[number].name
        count += len(getattr(message, name))
        message.ClearField(name)
    for number, inner in within.holders.items():
        name = fields[number].name
        for each in getattr(message, name):
            found = _count(each, inner, shared)
            if found <= 0:
                return -1
            count += found
        message.ClearField(name)
    if within.kind is not None:
        own = message.SerializeToString()
        shared.insert(place, Shared(within.kind, within.message, own, count))
    return count


@cache
def holder(shape: Shape) -> Holder:
    """How the requests of a signal are built, down to the records."""
    return _holder(shape.request.DESCRIPTOR, shape.path, (None, *shape.kinds))


def _holder(type_: Any, path: tuple[str, ...], kinds: tuple[DocumentType | None, ...]) -> Holder:
    oneof = type_.oneofs_by_name.get(path[0])
    fields = [type_.fields_by_name[path[0]]] if oneof is None else list(oneof.fields)
    last = len(path) == 1
    return Holder(
        GetMessageClass(type_),
        kinds[0],
        {} if last else {f.number: _holder(_type(f), path[1:], kinds[1:]) for f in fields},
        {f.number: GetMessageClass(_type(f)) for f in fields} if last else {},
        tuple(_groups(type_).values()),
    )


def _type(field: FieldDescriptor) -> Any:
    assert field.message_type is not None
    return field.message_type


def _groups(type_: Any) -> dict[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    for field in type_.fields:
        if not field.is_repeated:
            oneof = field.containing_oneof
            name = field.name if oneof is None else oneof.name
            groups[name] = (*groups.get(name, ()), field.name)
    return groups


@cache
def _folded(shape: Shape) -> type[Message]:
    return _derived(shape.request, _fold)


def _fold(_name: str, message: DescriptorProto) -> None:
    for field in message.field:
        # Numbers stay as they are: there are repeated ones, which are packed.
        if field.type in (field.TYPE_MESSAGE, field.TYPE_STRING, field.TYPE_BYTES):
            field.label = field.LABEL_OPTIONAL
        # In a oneof, a later field would take away an earlier one and what is unknown in it.
        _alone(field)
    del message.oneof_decl[:]


@cache
def _paired(shape: Shape) -> type[Message]:
    return _derived(shape.request, _fold_around_pairs)


@cache
def _paired_pair() -> type[Message]:
    return _derived(KeyValue, _fold_around_pairs)


def _fold_around_pairs(name: str, message: DescriptorProto) -> None:
    _fold(name, message)
    for field in message.field:
        if field.type_name[1:] == KeyValue.DESCRIPTOR.full_name:
            field.label, field.type = field.LABEL_REPEATED, field.TYPE_BYTES
            field.ClearField("type_name")


@cache
def _shallow(shape: Shape) -> type[Message]:
    around = set(_around(holder(shape)))

    def flatten(name: str, message: DescriptorProto) -> None:
        if name not in around:
            return
        for field in message.field:
            # Of a single field protobuf would show the last only.
            field.label = field.LABEL_REPEATED
            _alone(field)
            if field.type == field.TYPE_STRING or (
                field.type == field.TYPE_MESSAGE and field.type_name[1:] not in around
            ):
                field.type = field.TYPE_BYTES
                field.ClearField("type_name")
        del message.oneof_decl[:]

    return _derived(shape.request, flatten)


def _around(within: Holder) -> list[str]:
    names = [within.message.DESCRIPTOR.full_name]
    for inner in within.holders.values():
        names += _around(inner)
    return names


def _alone(field: FieldDescriptorProto) -> None:
    field.ClearField("oneof_index")
    field.ClearField("proto3_optional")


def _derived(type_: type[Message], edit: _Edit) -> type[Message]:
    """The same message in a schema of its own, in which every message was edited."""
    pool = DescriptorPool()
    _add(type_.DESCRIPTOR.file, pool, edit, set())
    return GetMessageClass(pool.FindMessageTypeByName(type_.DESCRIPTOR.full_name))


def _add(file: Any, pool: DescriptorPool, edit: _Edit, done: set[str]) -> None:
    if file.name in done:
        return
    done.add(file.name)
    for needed in file.dependencies:
        _add(needed, pool, edit, done)
    copy = FileDescriptorProto()
    file.CopyToProto(copy)
    for message in copy.message_type:
        _edit_all(f"{copy.package}.{message.name}", message, edit)
    pool.Add(copy)


def _edit_all(name: str, message: DescriptorProto, edit: _Edit) -> None:
    edit(name, message)
    for inner in message.nested_type:
        _edit_all(f"{name}.{inner.name}", inner, edit)
