"""What Sentry's documents disclose of the code that sent them, read from the bytes that go out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Raw

from ...pipeline.payloads import json
from ...pipeline.payloads.envelope_documents import EnvelopeDocument
from ...policy.forks import whole
from . import names
from .attributes import of_attributes, of_route, of_statement, of_url
from .lenient import lenient
from .names import OTHER
from .outline import AllBreadcrumbs, Attributes, Breadcrumb, Named, Outline, Sdk, Span, Telemetry
from .sections import Mention, Remembered, pack
from .stacks import of_group

_MOST_CALLS = 1000  # breadcrumbs, and spans, of a document: more are not read
# The name of a transaction that is a URL is not one that the program gave.
_RAW_NAME = "url"

_LONGEST_REMEMBERED = 4000  # characters of a statement

T = TypeVar("T")

_read_outline = msgspec.json.Decoder(Outline).decode
_read_telemetry = msgspec.json.Decoder(Telemetry).decode
_read_sdk = msgspec.json.Decoder(Sdk).decode
_read_object = msgspec.json.Decoder(dict[str, Raw]).decode
_read_text = msgspec.json.Decoder(str).decode


class _Program(NamedTuple):
    """What mostly is the same for all that one process sends."""

    modules: bytes
    sdk: bytes
    server_name: str | None
    release: str | None
    runtime: Named | None
    os: Named | None


class SentryReader:
    """Reads documents. Safe from every thread."""

    def __init__(self) -> None:
        self._remembered = Remembered()

    def pieces(self, document: EnvelopeDocument) -> list[bytes]:
        """What one discloses; what it says twice, twice. Raises BrokenDocument."""
        whole.pause()
        found: list[bytes] = []
        if document.type in ("event", "transaction"):
            data = document.encode()
            outline = _parsed(data, Outline, _read_outline)
            if outline is not None:
                # What is remembered of a document is at most as long as all of it.
                found += self._of_program(outline, len(data))
                found += self._of_stacks(outline, len(data))
                self._add_crumbs(outline.breadcrumbs, found)
                self._add(_of_calls(outline), found)
        elif document.type in ("span", "log"):
            telemetry = _parsed(document.encode(), Telemetry, _read_telemetry)
            if telemetry is not None:
                self._add((*_of_spans([telemetry]), *_of_typed(telemetry.attributes)), found)
        return found

    def _of_program(self, outline: Outline, size: int) -> tuple[bytes, ...]:
        runtime, system = None, None
        if (contexts := outline.contexts) is not None:
            runtime, system = contexts.runtime, contexts.os
        modules, sdk = bytes(outline.modules), bytes(outline.sdk)
        about = _Program(modules, sdk, outline.server_name, outline.release, runtime, system)
        found = self._remembered.get(about)
        if found is None:
            found = self._remembered.keep(about, size, _pieces_of_program(about))
        return found

    def _of_stacks(self, outline: Outline, size: int) -> tuple[bytes, ...]:
        groups = outline.exception, outline.threads, outline.stacktrace
        found = self._remembered.get(groups)
        if found is None:
            made = pack(chain.from_iterable(map(of_group, groups)))
            found = self._remembered.keep(groups, size, made)
        return found

    def _add_crumbs(
        self, crumbs: AllBreadcrumbs | tuple[Breadcrumb | None, ...] | None, pieces: list[bytes]
    ) -> None:
        listed = crumbs.values if isinstance(crumbs, AllBreadcrumbs) else crumbs
        for each in (listed or ())[-_MOST_CALLS:]:
            if each is None:
                continue
            if each.category == "query" and each.message:
                text = each.message[:_LONGEST_REMEMBERED]
                found = self._remembered.get(text)
                if found is None:
                    found = self._remembered.keep(text, len(text), pack(of_statement(text, "")))
                pieces += found
            if each.data is not None and each.data.url:
                self._add(of_url(each.data.url), pieces)

    def _add(self, mentions: Iterable[Mention], pieces: list[bytes]) -> None:
        for each in mentions:
            found = self._remembered.get(each)
            if found is None:
                found = self._remembered.keep(each, len(each.name), pack([each]))
            pieces += found


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


def _pieces_of_program(about: _Program) -> tuple[bytes, ...]:
    parts = (
        _packages(about.modules, about.sdk),
        _of_server(about.server_name),
        _of_release(about.release),
        _of_platform(about.runtime),
        _of_platform(about.os),
    )
    return tuple(chain.from_iterable(map(pack, parts)))


def _of_server(text: str | None) -> Iterator[Mention]:
    if text and not names.is_removed(text):
        yield Mention("host", names.host(text), "server")


def _of_release(text: str | None) -> Iterator[Mention]:
    if text and not names.is_removed(text):
        name, at, version = text.rpartition("@")
        yield Mention("release", names.package(name) if at else OTHER, names.version(version))


def _of_platform(about: Named | None) -> Iterator[Mention]:
    if about is None:
        return
    if about.name and not names.is_removed(about.name):
        found = names.package(about.name.replace(" ", "-"))
        yield Mention("platform", found, names.version(about.version or ""))
    if about.kernel_version:
        yield Mention("platform", "kernel", names.version(about.kernel_version))


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
    yield from _of_spans(outline.spans or ())


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
