"""OpenTelemetry's exceptions to Sentry's error events.

Fields after the event payload pages of develop.sentry.dev and OpenTelemetry's semantic conventions
for exceptions; getsentry/develop, pull request 837, set the aim. Pure: trees in, trees out, nothing
changed in place, nothing looked up.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TypeAlias

from ..payloads.document import Tree
from . import stacktraces
from .conventions import (
    CLIENT,
    CONTEXTS,
    ENVIRONMENT,
    EVENT_LEVELS,
    EXCEPTION,
    LANGUAGES,
    METHOD,
    QUERY,
    SERVER,
    URL,
    USER,
    USER_AGENT,
    Unused,
    is_ip,
    level,
    release,
    tags_and_rest,
)
from .raised import Frame, Raised, from_values, line_of, text_of, to_values

Object: TypeAlias = dict[str, Tree]
Seen: TypeAlias = Mapping[str, Tree]

_CLIENT_SPANS = (3, 4)  # CLIENT and PRODUCER: their http.* tells of the request that was made
_FATAL = 21
_ID = re.compile(r"[0-9a-f]{32}")


def is_exception(attributes: Tree) -> bool:
    """Whether attributes tell of an exception: any of type, message and stack trace."""
    return isinstance(attributes, dict) and any(
        isinstance(attributes.get(name), str) and attributes[name] for name in EXCEPTION[:3]
    )


def log_record_to_event(resource: Seen, scope: Seen, record: Seen) -> Object | None:
    """The error event of a log record that carries an exception; None for one that does not."""
    if not is_exception(record.get("attributes")):
        return None
    time = record.get("time_unix_nano") or record.get("observed_time_unix_nano")
    severity = record.get("severity_number")
    handled = not (isinstance(severity, int) and severity >= _FATAL)
    unused = Unused(record.get("attributes"))
    message = unused.peek("exception.message") or unused.peek("exception.type")
    event = _event(resource, unused, record, time, handled)
    event["level"] = level(severity, record.get("severity_text"), EVENT_LEVELS, "error")
    if isinstance(scope.get("name"), str) and scope.get("name"):
        event["logger"] = scope["name"]
    body = record.get("body")
    if isinstance(body, str) and body not in ("", message):
        event["logentry"] = {"formatted": body}
    _finish(event, unused, {} if isinstance(body, (str, type(None))) else {"body": body})
    return event


def span_to_events(resource: Seen, scope: Seen, span: Seen) -> list[Object]:
    """The error events of the exceptions that were recorded on a span."""
    found = span.get("events")
    return [
        _span_event(resource, scope, span, recorded)
        for recorded in (found if isinstance(found, list) else ())
        if isinstance(recorded, dict) and is_exception(recorded.get("attributes"))
    ]


def _span_event(resource: Seen, scope: Seen, span: Seen, recorded: Seen) -> Object:
    own = recorded.get("attributes")
    around = span.get("attributes")
    unused = Unused(
        {
            **(around if isinstance(around, dict) else {}),
            **(own if isinstance(own, dict) else {}),
        }
    )
    outgoing = span.get("kind") in _CLIENT_SPANS
    event = _event(resource, unused, span, recorded.get("time_unix_nano"), True, not outgoing)
    event["level"] = "error"
    name = span.get("name")
    if isinstance(name, str) and name:
        event["transaction"] = name
    if isinstance(scope.get("name"), str) and scope.get("name"):
        event["logger"] = scope["name"]
    trace = event["contexts"]["trace"] if isinstance(event["contexts"], dict) else None
    if isinstance(trace, dict) and span.get("parent_span_id"):
        trace["parent_span_id"] = span["parent_span_id"]
    _finish(event, unused, {})
    return event


def _event(
    resource: Seen,
    unused: Unused,
    ids: Seen,
    time: Tree,
    handled: bool,
    incoming: bool = True,
) -> Object:
    """What error events of both origins have in common; takes from `unused` what it carries."""
    about = Unused(resource.get("attributes"))
    language = about.peek("telemetry.sdk.language")
    if unused.value("exception.escaped") in (True, "True", "true"):
        handled = False
    stack = unused.text("exception.stacktrace") or ""
    platform, raised, read = _raised(unused, stack, LANGUAGES.get(language))
    event: Object = {
        "platform": platform,
        "exception": {"values": to_values(raised, handled)},
        "sdk": {"name": "errlock", "settings": {"infer_ip": "never"}},
        **origin(about),
    }
    if isinstance(time, int):
        event["timestamp"] = time / 1e9
    contexts = _contexts(about)
    trace = {name: ids[name] for name in ("trace_id", "span_id") if ids.get(name)}
    if "trace_id" in trace:
        contexts["trace"] = trace
    event["contexts"] = contexts
    if stack and not read:
        event["extra"] = {EXCEPTION[2]: stack}
    event["event_id"] = _event_id(event, ids, time)
    _return_home(event, unused)
    if user := _user(unused):
        event["user"] = user
    if incoming and (request := _request(unused)):
        event["request"] = request
    return event


def _return_home(event: Object, unused: Unused) -> None:
    """Give an event that was Sentry's before it was OpenTelemetry's what it had then."""
    given = unused.text("sentry.event_id")
    if given and _ID.fullmatch(given):
        event["event_id"] = given
    for name in ("transaction", "dist"):
        if value := unused.text(f"sentry.{name}"):
            event[name] = value


def _raised(unused: Unused, stack: str, platform: str | None) -> tuple[str, Raised, bool]:
    """The exception by its stack text where that can be read, else by its attributes."""
    type_, message = unused.text("exception.type"), unused.text("exception.message")
    found = stacktraces.parse(stack, platform) if stack else None
    if found is None:
        module, _, name = (type_ or "Error").rpartition(".")
        if platform not in ("python", "java"):
            module, name = "", type_ or "Error"
        raised = Raised(name, message or "", module or None)
        return platform or "other", raised, False
    platform, raised = found
    # The text says it whole (SDKs shorten the attributes); the attributes say it when the text
    # begins in a way of its own.
    if type_ and _bare(type_) != _bare(raised.type) and not (message and message == raised.value):
        raised.type, raised.module = type_, None
        if platform in ("python", "java"):
            module, _, raised.type = type_.rpartition(".")
            raised.module = module or None
        raised.value = message if message is not None else raised.value
    elif type_ and raised.module is None and platform == "python":
        module = type_.removesuffix(raised.type).rstrip(".")
        raised.module = module if module not in ("", "builtins") and module != type_ else None
    return platform, raised, True


def _bare(type_: str) -> str:
    """The last part of a type's name, whichever way its parts are joined."""
    return (
        type_.replace("$", ".")
        .replace("+", ".")
        .replace("\\", ".")
        .replace("::", ".")
        .rpartition(".")[2]
    )


def raise_points(event: Seen) -> str:
    """What tells an exception from another one: what each of its chain says, and where it arose.

    Not the whole stack: a traceback grows on its way outwards, so that an inner log record has
    less of it than the span that it leaves.
    """
    exception = event.get("exception")
    values = exception.get("values") if isinstance(exception, dict) else None
    raised = from_values(values) if isinstance(values, list) else None
    extra = event.get("extra")
    parts: list[Tree] = [extra.get(EXCEPTION[2]) if isinstance(extra, dict) else None]
    for found in raised.walk() if raised else ():
        newest: Frame = found.frames[-1] if found.frames else {}
        place = text_of(newest, "abs_path", "filename", "module")
        parts += [_bare(found.type), found.value, text_of(newest, "function"), place]
        parts.append(line_of(newest))
    return json.dumps(parts, default=repr)


def _event_id(event: Seen, ids: Seen, time: Tree) -> str:
    """The same for a span event and a log record of one exception, wherever they are converted.

    Without a trace the time stands in for it.
    """
    parts = [ids.get("trace_id") or time, ids.get("span_id"), raise_points(event)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def origin(about: Unused) -> Object:
    """What all documents of a resource have in common."""
    origin = {
        "release": release(about),
        "environment": about.text(*ENVIRONMENT),
        "server_name": about.text(*SERVER),
    }
    return {name: value for name, value in origin.items() if value}


def _contexts(about: Unused) -> Object:
    contexts: Object = {}
    for context, fields in CONTEXTS.items():
        found: Object = {
            name: value for name, names in fields.items() if (value := about.text(*names))
        }
        if found:
            contexts[context] = found
    if left := about.left():
        contexts["otel"] = {"resource": left}
    return contexts


def _user(unused: Unused) -> Object:
    user: Object = {name: value for name, names in USER.items() if (value := unused.text(*names))}
    if any(is_ip(unused.peek(name)) for name in CLIENT):
        user["ip_address"] = unused.text(*CLIENT)
    return user


def _request(unused: Unused) -> Object:
    request: Object = {}
    if not any(unused.peek(name) for name in (*URL, *METHOD, "url.path")):
        return request
    url = unused.text(*URL)
    if url is None and unused.peek("url.path"):
        host = unused.text("server.address")
        port = unused.text("server.port")
        place = f"{unused.text('url.scheme') or 'http'}://{host}{f':{port}' if port else ''}"
        url = f"{place if host else ''}{unused.text('url.path')}"
    fields = {"url": url, "method": unused.text(*METHOD), "query_string": unused.text(*QUERY)}
    request.update({name: value for name, value in fields.items() if value})
    headers = unused.headers()
    if agent := unused.text(*USER_AGENT):
        headers.setdefault("User-Agent", agent)
    if headers:
        request["headers"] = headers
    return request


def _finish(event: Object, unused: Unused, extra: Object) -> None:
    """Put what no field has taken into tags, or beside them where it is too long for one."""
    tags, rest = tags_and_rest(unused.left())
    if tags:
        event["tags"] = tags
    before = event.get("extra")
    extra = {**(before if isinstance(before, dict) else {}), **rest, **extra}
    if extra:
        event["extra"] = extra
