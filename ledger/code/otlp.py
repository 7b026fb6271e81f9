"""What OTLP's requests disclose of the code that sent them, read from the bytes that go out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from ...pipeline.crossing.conventions import LANGUAGES
from ...pipeline.payloads.document import Document, DocumentType, Tree
from ...pipeline.payloads.otlp import OtlpRequest
from ...pipeline.payloads.otlp_documents import OtlpDocument
from ...pipeline.payloads.otlp_signals import SHAPES
from ...pipeline.payloads.otlp_tree import TreeReader
from ...policy.forks import whole
from . import names
from .attributes import of_attributes
from .lenient import lenient
from .names import OTHER
from .outline import Attributes, Named, Record, Resource, ResourceAttributes
from .sections import Mention, Remembered, pack
from .texts import TraceReader
from .wire import RAISED, AttributeReader

_MOST_VALUES = 500  # different ones, of a request
_MOST_EXCEPTIONS = 1000  # records with exceptions, of a request
_RAISED = re.compile(b"|".join(re.escape(each.encode()) for each in sorted(RAISED)))
_RECORDS: dict[str, Any] = {"otlp_span": Span, "log_record": LogRecord}


class OtlpReader:
    """Reads requests. Safe from every thread."""

    def __init__(self) -> None:
        self._remembered = Remembered()
        self._attributes = AttributeReader()
        self._traces = TraceReader(self._remembered)

    def pieces(self, request: OtlpRequest) -> Iterator[tuple[DocumentType, bytes, int]]:
        """What its records disclose: their type, a piece, and in how many it is."""
        if not request.count_alive:
            return
        shape = SHAPES[request.signal]
        type_ = shape.record
        for context, count in request.shared():
            for piece in self._of_context(context):
                yield type_, piece, count
        body = request.encode()
        values = self._attributes.attributes(body, shape)
        for (key, value), count in values.most_common(_MOST_VALUES):
            if key not in RAISED:
                for piece in self._of_value(key, value):
                    yield type_, piece, count
        if any(key in RAISED for key, _ in values):
            platform = _platform(request)
            for document in _with_exceptions(request, body):
                for piece in dict.fromkeys(self._of_exceptions(document, platform)):
                    yield type_, piece, 1

    def _of_context(self, context: Document) -> tuple[bytes, ...]:
        """Raises BrokenDocument."""
        assert isinstance(context, OtlpDocument)
        key = (context.type, context.encoded)
        found = self._remembered.get(key)
        if found is None:
            made = pack(_of_context(context.type, context.tree))
            found = self._remembered.keep(key, len(key[1]), made)
        return found

    def _of_value(self, key: str, value: str) -> tuple[bytes, ...]:
        found = self._remembered.get((key, value))
        if found is None:
            read = lenient({key: value}, Attributes)
            made = pack(of_attributes(read) if read is not None else ())
            found = self._remembered.keep((key, value), len(value), made)
        return found

    def _of_exceptions(self, document: OtlpDocument, platform: str | None) -> Iterator[bytes]:
        whole.pause()
        message = _RECORDS[document.type].FromString(document.encoded)
        record = lenient(TreeReader().message(message), Record) or Record()
        for each in (record, *(record.events or ())):
            found = each.attributes if each is not None else None
            if found is not None and (found.type or found.stacktrace):
                yield from self._traces.pieces(found.type or "", found.stacktrace or "", platform)


def _platform(request: OtlpRequest) -> str | None:
    """What the last resource that says so was written for."""
    platform = None
    for context, _ in request.shared():
        resource = lenient(context.tree, Resource) if context.type == "resource" else None
        if resource is not None and resource.attributes is not None:
            platform = LANGUAGES.get(resource.attributes.sdk_language or "", platform)
    return platform


def _with_exceptions(request: OtlpRequest, body: bytes) -> list[OtlpDocument]:
    """The records that tell of exceptions, as far as they go out."""
    found: list[Document]
    if request.buffer is not None:
        found = request.at([each.start() for each in _RAISED.finditer(body)])
    else:
        found = [each for each in request.alive if _is_raised(each)]
    records = [each for each in found if isinstance(each, OtlpDocument) and each.type in _RECORDS]
    return records[:_MOST_EXCEPTIONS]


def _is_raised(document: Document) -> bool:
    return isinstance(document, OtlpDocument) and _RAISED.search(document.encoded) is not None


def _of_context(type_: str, tree: Tree) -> Iterator[Mention]:
    if type_ == "resource":
        resource = lenient(tree, Resource)
        if resource is not None and resource.attributes is not None:
            yield from _of_resource(resource.attributes)
    elif type_ == "scope":
        named = lenient(tree, Named)
        if named is not None:
            yield from _program("package", named.name, named.version)


def _of_resource(about: ResourceAttributes) -> Iterator[Mention]:
    if about.host_name and not names.is_removed(about.host_name):
        yield Mention("host", names.host(about.host_name), "server")
    if about.service_version and not names.is_removed(about.service_version):
        name = names.package(about.service_name) if about.service_name else OTHER
        yield Mention("release", name, names.version(about.service_version))
    yield from _program("package", about.sdk_name, about.sdk_version)
    yield from _program("package", about.distro_name, about.distro_version)
    yield from _program("platform", about.runtime_name, about.runtime_version)
    yield from _program("platform", about.os_name or about.os_type, about.os_version)


def _program(kind: names.Kind, name: str | None, version: str | None) -> Iterator[Mention]:
    if name and not names.is_removed(name):
        yield Mention(kind, names.package(name.replace(" ", "-")), names.version(version or ""))
