"""The parts of Sentry's documents that tell of code. All else is skipped when they are read.

Those that are equal disclose the same, so what is known of one is known of all.

Fields: https://develop.sentry.dev/sdk/data-model/event-payloads/ , read in 2026-11.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec
from msgspec import Raw, field

_NOTHING = Raw(b"")

Text: TypeAlias = "str | None"


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A call in a stack trace."""

    filename: Text = None
    module: Text = None
    in_app: bool | None = None
    lineno: int | None = None
    pre_context: tuple[Text, ...] | None = None
    context_line: Text = None
    post_context: tuple[Text, ...] | None = None


class Stacktrace(msgspec.Struct, frozen=True, gc=False):
    """Its calls, the oldest first."""

    frames: tuple[Frame | None, ...] | None = None


class Raised(msgspec.Struct, frozen=True, gc=False):
    """An exception or a thread."""

    type: Text = None
    module: Text = None
    stacktrace: Stacktrace | None = None


class AllRaised(Raised, frozen=True, gc=False):
    """Several in an object, or the only one."""

    values: tuple[Raised | None, ...] | None = None


class Attributes(msgspec.Struct, frozen=True, gc=False):
    """Of a span: the semantic conventions, and Sentry's own."""

    url: Text = None
    url_full: Text = field(name="url.full", default=None)
    http_url: Text = field(name="http.url", default=None)
    http_route: Text = field(name="http.route", default=None)
    method: Text = field(name="http.request.method", default=None)
    old_method: Text = field(name="http.method", default=None)
    server_address: Text = field(name="server.address", default=None)
    peer_name: Text = field(name="net.peer.name", default=None)
    host_name: Text = field(name="host.name", default=None)
    db_system: Text = field(name="db.system", default=None)
    db_system_name: Text = field(name="db.system.name", default=None)
    db_query: Text = field(name="db.query.text", default=None)
    db_statement: Text = field(name="db.statement", default=None)
    file_path: Text = field(name="code.file.path", default=None)
    old_file_path: Text = field(name="code.filepath", default=None)


class CrumbData(msgspec.Struct, frozen=True, gc=False):
    """Of a request that was made."""

    url: Text = None


class Breadcrumb(msgspec.Struct, frozen=True, gc=False):
    """What happened before."""

    category: Text = None
    message: Text = None
    data: CrumbData | None = None


class AllBreadcrumbs(msgspec.Struct, frozen=True, gc=False):
    """Several in an object."""

    values: tuple[Breadcrumb | None, ...] | None = None


class Span(msgspec.Struct, frozen=True, gc=False):
    """A part of a transaction."""

    op: Text = None
    description: Text = None
    data: Attributes | None = None


class Telemetry(Span, frozen=True, gc=False):
    """A log, or a span that is a document of its own."""

    attributes: Raw = _NOTHING  # each an object with its value


class Named(msgspec.Struct, frozen=True, gc=False):
    """A program, and which of it."""

    name: Text = None
    version: Text = None
    kernel_version: Text = None


class Trace(msgspec.Struct, frozen=True, gc=False):
    """What a transaction is as a span."""

    data: Attributes | None = None


class Contexts(msgspec.Struct, frozen=True, gc=False):
    """What it ran on."""

    runtime: Named | None = None
    os: Named | None = None
    trace: Trace | None = None


class TransactionInfo(msgspec.Struct, frozen=True, gc=False):
    """Where a transaction's name is from."""

    source: Text = None


class Request(msgspec.Struct, frozen=True, gc=False):
    """The request that was being answered."""

    url: Text = None
    method: Text = None


class Sdk(msgspec.Struct, frozen=True, gc=False):
    """What sent it."""

    name: Text = None
    version: Text = None
    packages: tuple[Named | None, ...] | None = None


class Outline(msgspec.Struct, frozen=True, gc=False):
    """An event or a transaction. What is mostly the same in many is not read at once."""

    server_name: Text = None
    release: Text = None
    transaction: Text = None
    transaction_info: TransactionInfo | None = None
    request: Request | None = None
    contexts: Contexts | None = None
    modules: Raw = _NOTHING
    sdk: Raw = _NOTHING
    exception: AllRaised | tuple[Raised | None, ...] | None = None
    threads: AllRaised | tuple[Raised | None, ...] | None = None
    stacktrace: Stacktrace | None = None
    breadcrumbs: AllBreadcrumbs | tuple[Breadcrumb | None, ...] | None = None
    spans: tuple[Span | None, ...] | None = None


class ResourceAttributes(msgspec.Struct, frozen=True, gc=False):
    """What a program says of itself and of what it runs on."""

    host_name: Text = field(name="host.name", default=None)
    service_name: Text = field(name="service.name", default=None)
    service_version: Text = field(name="service.version", default=None)
    sdk_name: Text = field(name="telemetry.sdk.name", default=None)
    sdk_version: Text = field(name="telemetry.sdk.version", default=None)
    sdk_language: Text = field(name="telemetry.sdk.language", default=None)
    distro_name: Text = field(name="telemetry.distro.name", default=None)
    distro_version: Text = field(name="telemetry.distro.version", default=None)
    runtime_name: Text = field(name="process.runtime.name", default=None)
    runtime_version: Text = field(name="process.runtime.version", default=None)
    os_name: Text = field(name="os.name", default=None)
    os_type: Text = field(name="os.type", default=None)
    os_version: Text = field(name="os.version", default=None)


class Resource(msgspec.Struct, frozen=True, gc=False):
    """Of an OTLP request."""

    attributes: ResourceAttributes | None = None


class RaisedAttributes(msgspec.Struct, frozen=True, gc=False):
    """Of a record or a span's event: an exception."""

    type: Text = field(name="exception.type", default=None)
    stacktrace: Text = field(name="exception.stacktrace", default=None)


class SpanEvent(msgspec.Struct, frozen=True, gc=False):
    """What happened within a span."""

    attributes: RaisedAttributes | None = None


class Record(msgspec.Struct, frozen=True, gc=False):
    """A log record or a span of OTLP, as far as it tells of exceptions."""

    attributes: RaisedAttributes | None = None
    events: tuple[SpanEvent | None, ...] | None = None
