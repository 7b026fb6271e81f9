"""What Sentry's documents disclose of the code that sent them, read from the bytes that go out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec
from msgspec import Raw

from ...pipeline.payloads import json
from ...pipeline.payloads.envelope_documents import EnvelopeDocument
from . import names
from .attributes import of_attributes, of_route, of_statement, of_url
from .lenient import lenient
from .names import OTHER
from .outline import AllBreadcrumbs, Attributes, Breadcrumb, Named, Outline, Sdk, Span, Telemetry
from .sections import Mention, Remembered, pack
from .stacks import of_thrown, thrown

_MOST_CALLS = 1000  # breadcrumbs, and spans, of a document: more are not read
# The name of a transaction that is a URL is not one that the program gave.
_RAW_NAME = "url"

T = TypeVar("T")

_read_outline = msgspec.json.Decoder(Outline).decode
_read_telemetry = msgspec.json.Decoder(Telemetry).decode
_read_sdk = msgspec.json.Decoder(Sdk).decode
_read_object = msgspec.json.Decoder(dict[str, Raw]).decode
_read_text = msgspec.json.Decoder(str).decode


class SentryReader:
    """Reads documents. Safe from every thread."""

    def __init__(self) -> None:
        self._remembered = Remembered()

    def sections(self, document: EnvelopeDocument) -> Iterator[bytes]:
        """What one discloses, each name in one section. Raises BrokenDocument."""
        if document.type in ("event", "transaction"):
            outline = _parsed(document.encode(), Outline, _read_outline)
            if outline is not None:
                yield from self._event(outline)
        elif document.type in ("span", "log"):
            found = _parsed(document.encode(), Telemetry, _read_telemetry)
            if found is not None:
                yield pack([*_of_spans([found]), *_of_typed(found.attributes)])

    def _event(self, outline: Outline) -> Iterator[bytes]:
        section = self._remembered.section
        modules, sdk = bytes(outline.modules), bytes(outline.sdk)
        if modules or sdk:
            yield section((modules, sdk), len(modules) + len(sdk), lambda: _packages(modules, sdk))
        raised = thrown(outline.exception, outline.threads, outline.stacktrace)
        if raised:
            yield section(raised, sum(100 * len(each.calls) for each in raised) + 100,
                          lambda: of_thrown(raised))  # fmt: skip
        around = _around(outline)
        if any(around):
            yield section(around, sum(map(len, around)), lambda: _of_surroundings(*around))
        calls = list(_of_calls(outline))
        if calls:
            yield pack(calls)


def _parsed(data: bytes, type_: type[T], read: Callable[[bytes], T]) -> T | None:
    """What stands in a document, whatever types it has."""
    try:
        return read(data)
    except (msgspec.MsgspecError, RecursionError):
        return lenient(json.decode(data)[0], type_)


def _packages(modules: bytes, sdk: bytes) -> Iterator[Mention]:
    """Each with its version, where that is disclosed."""
    found: dict[str, str] = {}
    for name, version in _members(modules):
        found[names.package(name)] = version
    sent = _parsed(sdk, Sdk, _read_sdk) if sdk else None
    if sent is not None:
        for each in (Named(sent.name, sent.version), *(sent.packages or ())):
            if each is not None and each.name:
                # `pypi:sentry-sdk` is the module `sentry-sdk`.
                name = names.package(each.name)
                if name.partition(":")[2] not in found:
                    found[name] = each.version or ""
    for name, version in found.items():
        yield Mention("package", name, names.version(version))


def _members(modules: bytes) -> Iterator[tuple[str, str]]:
    try:
        members = _read_object(modules) if modules else {}
    except (msgspec.MsgspecError, RecursionError):
        return
    for name, raw in members.items():
        try:
            yield name, _read_text(raw)
        except msgspec.MsgspecError:
            yield name, ""


def _around(outline: Outline) -> tuple[str, ...]:
    """What mostly is the same for all that one process sends."""
    contexts = outline.contexts
    found = [outline.server_name or "", outline.release or ""]
    for each in (contexts.runtime, contexts.os) if contexts is not None else ():
        program = each or Named()
        found += [program.name or "", program.version or "", program.kernel_version or ""]
    return tuple(found)


def _of_surroundings(server: str, release: str, *programs: str) -> Iterator[Mention]:
    if server and not names.is_removed(server):
        yield Mention("host", names.host(server), "server")
    if release and not names.is_removed(release):
        name, at, version = release.rpartition("@")
        yield Mention("release", names.package(name) if at else OTHER, names.version(version))
    for place in range(0, len(programs), 3):
        name, version, kernel = programs[place : place + 3]
        if name:
            yield Mention("platform", names.package(name.replace(" ", "-")), names.version(version))
        if kernel:
            yield Mention("platform", "kernel", names.version(kernel))


def _of_calls(outline: Outline) -> Iterator[Mention]:
    """Routes, hosts and statements."""
    request, info, contexts = outline.request, outline.transaction_info, outline.contexts
    if outline.transaction and (info is None or info.source != _RAW_NAME):
        method = request.method if request is not None else None
        yield from of_route(outline.transaction, method or "")
    if request is not None and request.url:
        yield from of_url(request.url)
    if contexts is not None and contexts.trace is not None and contexts.trace.data is not None:
        yield from of_attributes(contexts.trace.data)
    crumbs = outline.breadcrumbs
    crumbs = crumbs.values if isinstance(crumbs, AllBreadcrumbs) else crumbs
    yield from _of_breadcrumbs(crumbs or ())
    yield from _of_spans(outline.spans or ())


def _of_breadcrumbs(crumbs: Iterable[Breadcrumb | None]) -> Iterator[Mention]:
    for each in list(crumbs)[-_MOST_CALLS:]:
        if each is None:
            continue
        if each.message and each.category == "query":
            yield from of_statement(each.message, "")
        if each.data is not None and each.data.url:
            yield from of_url(each.data.url)


def _of_typed(raw: Raw) -> Iterator[Mention]:
    """Attributes of a log, or of the second version of spans: each is an object."""
    typed = json.decode(bytes(raw))[0] if raw else None
    if isinstance(typed, dict):
        plain = {key: each.get("value") for key, each in typed.items() if isinstance(each, dict)}
        found = lenient(plain, Attributes)
        if found is not None:
            yield from of_attributes(found)


def _of_spans(spans: Iterable[Span | None]) -> Iterator[Mention]:
    for each in list(spans)[:_MOST_CALLS]:
        if each is None:
            continue
        data = each.data
        if data is not None:
            yield from of_attributes(data)
        if each.description and each.op and each.op.startswith("db"):
            told = data is not None and (data.db_query or data.db_statement)
            if not told:
                database = data and (data.db_system_name or data.db_system)
                yield from of_statement(each.description, database or "")
