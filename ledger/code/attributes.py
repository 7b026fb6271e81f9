"""What attributes disclose, by the names of OpenTelemetry's semantic conventions.

https://opentelemetry.io/docs/specs/semconv/registry/attributes/ , read in 2026-11, with the names
that older SDKs write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import names
from .outline import Attributes
from .sections import Mention
from .sql import shape

_HOST = re.compile(r"(?i)[a-z][a-z0-9+.-]{1,20}://(?:[^/?#\s@]*@)?([a-z0-9_.-]{1,253})")


def of_attributes(found: Attributes) -> Iterator[Mention]:
    """The names in them, but for exceptions."""
    database = found.db_system_name or found.db_system
    statement = found.db_query or found.db_statement
    if statement:
        yield from of_statement(statement, database or "")
    for peer in (found.server_address, found.peer_name):
        if peer and not names.is_removed(peer):
            if database:
                yield Mention("host", names.host(peer), "database")
            elif name := names.internal(peer):
                yield Mention("host", name, "peer")
    for url in (found.url_full, found.http_url, found.url):
        if url:
            yield from of_url(url)
    if found.host_name and not names.is_removed(found.host_name):
        yield Mention("host", names.host(found.host_name), "server")
    if found.http_route:
        yield from of_route(found.http_route, found.method or found.old_method or "")
    path = found.file_path or found.old_file_path
    if path and not names.is_removed(path):
        yield Mention("file", names.file(path))


def of_statement(text: str, database: str) -> Iterator[Mention]:
    """The shape of a statement."""
    if found := shape(text):
        yield Mention("sql", found, names.system(database))


def of_url(text: str) -> Iterator[Mention]:
    """Its host, if that is a name within one's own network."""
    host = _HOST.match(text)
    if host is not None and (name := names.internal(host[1])):
        yield Mention("host", name, "url")


def of_route(text: str, method: str = "") -> Iterator[Mention]:
    """A path as the program declares it, with or without the method before it."""
    before, _, path = text.rpartition(" ")
    if path.startswith("/"):
        yield Mention("route", names.route(path), names.method(before or method))
