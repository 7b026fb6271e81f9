"""What a field's place in a document says about its value: Sentry's and OpenTelemetry's meaning.

Each kind of field has a grammar of its own. A value that keeps to the grammar is structure and is
left alone; one that does not is text like any other, because every field is in a sender's hands.
Longer than usual: it is a table.

Sources: Sentry's event payload documentation (develop.sentry.dev/sdk/data-model/event-payloads),
the OpenTelemetry semantic conventions, the OTLP protocol buffers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind = Literal[
    "text",  # judged like any text
    "id",  # hex digits or a UUID: never touched
    "time",  # a point in time or a duration of the protocol: never touched
    "word",  # one of a short list of the protocol's words: only copies of a secret are removed
    "number",  # a number of the protocol
    "version",  # what looks like an address is a version
    "code",  # a name in a program: only secrets and e-mail addresses are seen in it
    "path",  # a file's path: as code; the home folder's owner is seen too
    "source",  # a line of source code: only literals in it are judged
    "address",  # a network address and nothing else is allowed there
    "parts",  # a list whose parts are joined elsewhere: as code
]


@dataclass(frozen=True, slots=True)
class Field:
    """How one field is judged. `class_` is what its whole value is of, if that is known.

    `code` is the class under which the strict profile takes the field as a whole, though nothing
    in it is sensitive: what teaches an attacker a system's weaknesses.
    """

    kind: Kind = "text"
    class_: str | None = None
    code: str | None = None


Fields: TypeAlias = "dict[str, Field | Fields]"

TEXT = Field()
ID = Field("id")
TIME = Field("time")
WORD = Field("word")
NUMBER = Field("number")
VERSION = Field("version")
CODE = Field("code")
PATH = Field("path", code="code.path")
SOURCE = Field("source", code="code.source_line")
HOST = Field("text", code="code.host")

# The grammars. None of them can backtrack: fixed lengths or one repetition at the end.
GRAMMARS: dict[str, re.Pattern[str]] = {
    "id": re.compile(
        r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}"
        r"-[0-9a-fA-F]{12}(?:-[0-9a-fA-F]{1,8})?"
        r"|[0-9a-fA-F]{16}|[0-9a-fA-F]{32,64}"
    ),
    "time": re.compile(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
        r" ?(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2})?)?|-?[0-9]{1,20}(?:\.[0-9]{1,9})?"
    ),
    "number": re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,9})?|0x[0-9a-fA-F]{1,32}"),
}

_FRAME: Fields = {
    "filename": PATH, "abs_path": PATH, "module": CODE, "function": CODE, "raw_function": CODE,
    "symbol": CODE, "package": PATH, "context_line": SOURCE, "pre_context": SOURCE,
    "post_context": SOURCE, "lineno": NUMBER, "colno": NUMBER, "platform": WORD, "lang": WORD,
    "image_addr": NUMBER, "instruction_addr": NUMBER, "symbol_addr": NUMBER, "addr_mode": WORD,
    "trust": WORD, "function_id": NUMBER, "source_link": CODE, "stack_start": NUMBER,
}  # fmt: skip
_STACKTRACE: Fields = {
    "frames": _FRAME, "registers": {"*": NUMBER}, "lang": WORD, "snapshot": WORD,
    "instruction_addr_adjustment": WORD,
}  # fmt: skip
_MECHANISM: Fields = {
    "type": WORD, "help_link": CODE, "source": CODE, "exception_id": NUMBER, "parent_id": NUMBER,
    "meta": {"signal": {"name": WORD, "code_name": WORD, "number": NUMBER, "code": NUMBER},
             "mach_exception": {"name": WORD}, "errno": {"name": WORD},
             "ns_error": {"domain": CODE}},
}  # fmt: skip
_EXCEPTION: Fields = {
    "type": CODE, "module": CODE, "stacktrace": _STACKTRACE, "raw_stacktrace": _STACKTRACE,
    "mechanism": _MECHANISM, "thread_id": NUMBER,
}  # fmt: skip
_THREAD: Fields = {
    "id": NUMBER, "name": CODE, "state": WORD, "stacktrace": _STACKTRACE,
    "raw_stacktrace": _STACKTRACE,
    "held_locks": {"*": {"address": NUMBER, "class_name": CODE, "package_name": CODE}},
}  # fmt: skip
_BREADCRUMB: Fields = {
    "timestamp": TIME, "type": WORD, "category": CODE, "level": WORD, "event_id": ID,
    "origin": WORD,
}  # fmt: skip
_TRACE: Fields = {
    "trace_id": ID, "span_id": ID, "parent_span_id": ID, "op": CODE, "status": WORD,
    "origin": CODE, "type": WORD, "exclusive_time": NUMBER, "client_sample_rate": NUMBER,
    "replay_id": ID, "sampled": WORD, "sample_rate": NUMBER, "sample_rand": NUMBER,
    # The dynamic sampling context of an envelope's header.
    "public_key": CODE, "release": CODE, "environment": CODE, "org_id": NUMBER,
    "user_id": Field(class_="pii.user_id"), "user_segment": TEXT,
}  # fmt: skip
_SPAN: Fields = {
    **_TRACE, "start_timestamp": TIME, "timestamp": TIME, "end_timestamp": TIME,
    "same_process_as_parent": WORD,
    "is_segment": WORD, "segment_id": ID, "profile_id": ID, "platform": WORD, "kind": WORD,
    "links": {"trace_id": ID, "span_id": ID},
}  # fmt: skip
_GEO: Fields = {
    "country_code": WORD, "country": WORD, "country_name": WORD, "continent": WORD,
    "city": Field(class_="pii.location"), "subdivision": Field(class_="pii.location"),
    "region": WORD,
    "latitude": Field(class_="pii.location"), "longitude": Field(class_="pii.location"),
    "postal_code": Field(class_="pii.location"), "lat": Field(class_="pii.location"),
    "lon": Field(class_="pii.location"),
}  # fmt: skip
_USER: Fields = {
    "id": Field(class_="pii.user_id"), "sentry_user": Field(class_="pii.user_id"),
    "email": Field(class_="pii.email"), "username": Field(class_="pii.username"),
    "name": Field(class_="pii.name"), "ip_address": Field("address", "pii.ip"),
    "geo": _GEO, "segment": CODE,
}  # fmt: skip
_SDK: Fields = {
    "name": CODE, "version": VERSION, "integrations": CODE, "features": CODE,
    "packages": {"name": CODE, "version": VERSION}, "settings": {"infer_ip": WORD},
}  # fmt: skip
_NAMED: Fields = {"name": CODE, "version": VERSION, "type": WORD, "build": VERSION}
# Cookies that are a session though their names do not say so: of frameworks, and of sites whose
# pages an application may load or imitate.
SESSION_COOKIES = (
    "symfony", "sentrysid", "sudo", "su", "fastcsrf", "mojolicious", "auth_tkt", "c_user", "xs",
    "datr", "li_at", "SAPISID", "APISID", "HSID", "SSID", "__Secure-1PSID", "__Secure-3PSID",
    "cf_clearance",
)  # fmt: skip
# Of any other cookie its name may say more (Detection.class_under).
COOKIE = Field(class_="secret.cookie")
_COOKIES: Fields = {"*": COOKIE, **dict.fromkeys(SESSION_COOKIES, Field(class_="secret.session"))}
_CONTEXTS: Fields = {
    "trace": _TRACE,
    "runtime": {**_NAMED, "raw_description": VERSION},
    "os": {**_NAMED, "kernel_version": VERSION, "raw_description": VERSION, "rooted": WORD},
    "browser": _NAMED, "client_os": _NAMED, "client_runtime": _NAMED,
    "app": {"app_name": CODE, "app_version": VERSION, "app_build": VERSION, "type": WORD,
            "app_identifier": CODE, "app_start_time": TIME, "build_type": WORD,
            "device_app_hash": ID},
    "device": {"type": WORD, "family": CODE, "model": CODE, "model_id": CODE, "arch": WORD,
               "brand": CODE,
               "manufacturer": CODE, "orientation": WORD, "boot_time": TIME, "memory_size": NUMBER,
               "free_memory": NUMBER, "usable_memory": NUMBER, "storage_size": NUMBER,
               "free_storage": NUMBER, "screen_resolution": WORD, "locale": WORD, "timezone": WORD,
               "name": Field(class_="pii.name"), "cpu_description": CODE},
    "gpu": {**_NAMED, "id": NUMBER, "vendor_id": NUMBER, "vendor_name": CODE,
            "driver_version": VERSION,
            "api_type": WORD},
    "culture": {"locale": WORD, "timezone": WORD, "calendar": WORD, "display_name": WORD},
    "response": {"type": WORD, "status_code": NUMBER, "body_size": NUMBER,
                 "cookies": _COOKIES},
    "feedback": {"contact_email": Field(class_="pii.email"), "name": Field(class_="pii.name"),
                 "associated_event_id": ID, "replay_id": ID},
    "profile": {"profile_id": ID, "profiler_id": ID}, "replay": {"replay_id": ID},
    "flags": {"values": {"flag": CODE}}, "monitor": {"slug": CODE},
}  # fmt: skip
_REQUEST: Fields = {
    "method": WORD, "api_target": WORD, "inferred_content_type": WORD, "protocol": WORD,
    "cookies": _COOKIES, "headers": {"*": TEXT}, "env": {"*": TEXT}, "query_string": {"*": TEXT},
}  # fmt: skip
_IMAGE: Fields = {
    "type": WORD, "code_id": ID, "debug_id": ID, "code_file": PATH, "debug_file": PATH,
    "image_addr": NUMBER, "image_size": NUMBER, "image_vmaddr": NUMBER, "arch": WORD,
    "uuid": ID, "checksum": ID, "cpu_type": NUMBER, "cpu_subtype": NUMBER, "name": PATH,
}  # fmt: skip
_EVENT: Fields = {
    "event_id": ID, "timestamp": TIME, "start_timestamp": TIME, "received": TIME,
    "level": WORD, "platform": WORD, "type": WORD, "version": WORD, "logger": CODE,
    "release": CODE, "dist": CODE, "environment": CODE, "site": CODE, "checksum": ID,
    "server_name": HOST, "modules": Field("version", code="code.modules"), "sdk": _SDK,
    "fingerprint": Field("parts"), "user": _USER, "request": _REQUEST,
    "sentry.interfaces.Http": _REQUEST, "sentry.interfaces.User": _USER,
    "exception": {**_EXCEPTION, "values": _EXCEPTION},
    "sentry.interfaces.Exception": {**_EXCEPTION, "values": _EXCEPTION},
    "stacktrace": _STACKTRACE, "sentry.interfaces.Stacktrace": _STACKTRACE,
    "threads": {**_THREAD, "values": _THREAD},
    "breadcrumbs": {**_BREADCRUMB, "values": _BREADCRUMB},
    "contexts": _CONTEXTS, "spans": _SPAN, "debug_meta": {"images": _IMAGE},
    "transaction_info": {"source": WORD}, "project": NUMBER, "key_id": CODE,
    "tags": {"sentry:release": CODE, "sentry:dist": CODE, "url": TEXT, "runtime": VERSION,
             "runtime.version": VERSION,
             "browser": VERSION, "browser.version": VERSION, "os": VERSION, "os.version": VERSION,
             "client_os": VERSION, "release": CODE, "environment": CODE, "*": TEXT},
    "measurements": {"*": {"value": NUMBER, "unit": WORD}}, "template": _FRAME,
    "_metrics_summary": NUMBER, "profile_id": ID,
}  # fmt: skip
_ATTRIBUTES: Fields = {
    "client.address": Field(class_="pii.ip"), "client.socket.address": Field(class_="pii.ip"),
    "http.client_ip": Field(class_="pii.ip"), "net.sock.peer.addr": Field(class_="pii.ip"),
    "net.peer.ip": Field(class_="pii.ip"), "network.peer.address": Field(class_="pii.ip"),
    "source.address": Field(class_="pii.ip"), "host.ip": Field(class_="pii.ip"),
    "host.mac": Field(class_="pii.mac"), "user.id": Field(class_="pii.user_id"),
    "user.hash": Field(class_="pii.user_id"), "user.name": Field(class_="pii.username"),
    "user.full_name": Field(class_="pii.name"), "user.email": Field(class_="pii.email"),
    "enduser.id": Field(class_="pii.user_id"), "enduser.pseudo.id": Field(class_="pii.user_id"),
    "user.geo.city": Field(class_="pii.location"), "geo.location.lat": Field(class_="pii.location"),
    "geo.location.lon": Field(class_="pii.location"),
    "geo.locality.name": Field(class_="pii.location"),
    "geo.postal_code": Field(class_="pii.location"), "device.id": Field(class_="pii.user_id"),
    "session.id": Field(class_="pii.user_id"), "session.previous_id": Field(class_="pii.user_id"),
    "service.name": CODE, "service.version": VERSION, "service.instance.id": CODE,
    "service.namespace": CODE, "deployment.environment": CODE, "deployment.environment.name": CODE,
    "telemetry.sdk.name": CODE, "telemetry.sdk.language": WORD, "telemetry.sdk.version": VERSION,
    "telemetry.distro.name": CODE, "telemetry.distro.version": VERSION,
    "process.runtime.name": CODE, "process.runtime.version": VERSION, "process.pid": NUMBER,
    "process.runtime.description": VERSION, "os.version": VERSION, "os.type": WORD,
    "host.name": HOST, "host.id": HOST, "host.arch": WORD, "container.id": ID,
    "container.image.id": CODE, "k8s.pod.uid": ID, "k8s.pod.name": CODE, "browser.brands": VERSION,
    "http.request.method": WORD, "http.method": WORD, "http.status_code": NUMBER,
    "http.response.status_code": NUMBER, "http.route": TEXT, "network.protocol.version": VERSION,
    "http.flavor": VERSION, "db.system": WORD, "db.system.name": WORD, "rpc.system": WORD,
    "messaging.system": WORD, "exception.type": CODE, "code.function": CODE,
    "code.function.name": CODE, "code.namespace": CODE, "code.filepath": PATH,
    "code.file.path": PATH, "code.lineno": NUMBER, "code.line.number": NUMBER,
    "thread.id": NUMBER, "thread.name": CODE, "sentry.release": CODE, "sentry.environment": CODE,
    "sentry.sdk.name": CODE, "sentry.sdk.version": VERSION, "sentry.trace.parent_span_id": ID,
    "server.address": HOST, "process.command_args": Field(code="code.argv"),
    "process.command_line": Field(code="code.argv"), "process.executable.path": PATH,
    "db.query.text": Field(code="code.sql"), "db.statement": Field(code="code.sql"),
}  # fmt: skip
# In Sentry's logs, spans of the second version and metrics an attribute is {"value", "type"}.
_TYPED: Fields = {
    name: {"value": field, "type": WORD, "unit": WORD} for name, field in _ATTRIBUTES.items()
}
# An attribute without a meaning of its own: its name says what its value is.
ATTRIBUTE: Fields = {"type": WORD, "unit": WORD}
_TYPED_ATTRIBUTES: Fields = {**_TYPED, "*": ATTRIBUTE}
_SENTRY_SPAN: Fields = {
    **_SPAN, "attributes": _TYPED_ATTRIBUTES, "data": _ATTRIBUTES, "event_id": ID,
    "organization_id": NUMBER, "project_id": NUMBER, "received": TIME,
    "measurements": {"*": {"value": NUMBER}},
}  # fmt: skip
_SPAN["data"] = _ATTRIBUTES
_TRACE["data"] = _ATTRIBUTES
_SESSION_ATTRS: Fields = {
    "release": CODE, "environment": CODE, "ip_address": Field("address", "pii.ip"),
    "user_agent": TEXT,
}  # fmt: skip
_SESSION: Fields = {
    "sid": ID, "did": Field(class_="pii.user_id"), "seq": NUMBER, "timestamp": TIME,
    "started": TIME, "init": WORD, "status": WORD, "errors": NUMBER, "duration": NUMBER,
    "attrs": _SESSION_ATTRS, "abnormal_mechanism": WORD,
    "aggregates": {"started": TIME, "did": Field(class_="pii.user_id")},
}  # fmt: skip
_CHECK_IN: Fields = {
    "check_in_id": ID, "monitor_slug": CODE, "status": WORD, "duration": NUMBER,
    "environment": CODE, "contexts": _CONTEXTS,
    "monitor_config": {"schedule": {"type": WORD, "value": CODE, "unit": WORD}, "timezone": WORD},
}  # fmt: skip
_EXEMPLAR: Fields = {
    "filtered_attributes": _ATTRIBUTES, "time_unix_nano": TIME, "trace_id": ID, "span_id": ID,
    "as_int": NUMBER, "as_double": NUMBER,
}  # fmt: skip
_DROPPED: Fields = {
    "dropped_attributes_count": NUMBER, "dropped_events_count": NUMBER,
    "dropped_links_count": NUMBER,
}  # fmt: skip
_OTLP_SPAN: Fields = {
    **_DROPPED,
    "trace_id": ID, "span_id": ID, "parent_span_id": ID, "trace_state": TEXT, "flags": NUMBER,
    "kind": NUMBER, "start_time_unix_nano": TIME, "end_time_unix_nano": TIME,
    "attributes": _ATTRIBUTES, "status": {"code": NUMBER},
    "events": {"time_unix_nano": TIME, "name": CODE, "attributes": _ATTRIBUTES,
               **_DROPPED},
    "links": {"trace_id": ID, "span_id": ID, "attributes": _ATTRIBUTES, "flags": NUMBER,
              **_DROPPED},
}  # fmt: skip

TABLE: dict[str, Fields] = {
    "event": _EVENT,
    "transaction": _EVENT,
    "feedback": _EVENT,
    "span": _SENTRY_SPAN,
    "log": {
        "timestamp": TIME, "trace_id": ID, "span_id": ID, "level": WORD, "severity_number": NUMBER,
        "attributes": _TYPED_ATTRIBUTES,
    },
    "metric": {
        "timestamp": TIME, "trace_id": ID, "span_id": ID, "name": CODE, "type": WORD,
        "unit": WORD, "value": NUMBER, "attributes": _TYPED_ATTRIBUTES,
    },
    "check_in": _CHECK_IN,
    "user_report": {
        "event_id": ID, "email": Field(class_="pii.email"), "name": Field(class_="pii.name"),
    },
    "session": _SESSION,
    "sessions": _SESSION,
    "client_report": {
        "timestamp": TIME,
        **{
            part: {"reason": WORD, "category": WORD, "quantity": NUMBER}
            for part in ("discarded_events", "rate_limited_events", "filtered_events")
        },
    },
    "envelope": {
        "event_id": ID, "sent_at": TIME, "sdk": _SDK, "trace": _TRACE, "retention_days": NUMBER,
    },
    "resource": {"attributes": _ATTRIBUTES, "schema_url": CODE, **_DROPPED},
    "scope": {
        "name": CODE, "version": VERSION, "attributes": _ATTRIBUTES, "schema_url": CODE, **_DROPPED,
    },
    "otlp_metric": {"name": CODE, "unit": WORD, "metadata": _ATTRIBUTES},
    "otlp_span": _OTLP_SPAN,
    "log_record": {
        "time_unix_nano": TIME, "observed_time_unix_nano": TIME, "severity_number": NUMBER,
        "severity_text": WORD, "attributes": _ATTRIBUTES, "flags": NUMBER, "trace_id": ID,
        "span_id": ID, "event_name": CODE, **_DROPPED,
    },
    "data_point": {
        "attributes": _ATTRIBUTES, "start_time_unix_nano": TIME, "time_unix_nano": TIME,
        "exemplars": _EXEMPLAR, "as_int": NUMBER, "as_double": NUMBER, "count": NUMBER,
        "sum": NUMBER, "bucket_counts": NUMBER, "explicit_bounds": NUMBER,
        "quantile_values": {"value": NUMBER},
        "min": NUMBER, "max": NUMBER, "positive": NUMBER, "negative": NUMBER, "scale": NUMBER,
        "zero_count": NUMBER, "zero_threshold": NUMBER, "flags": NUMBER,
    },
}  # fmt: skip


def telling_attributes() -> list[str]:
    """The attributes of spans and logs whose meaning is a class."""
    return [
        name
        for name, field in _ATTRIBUTES.items()
        if isinstance(field, Field) and field.class_ is not None
    ]


def child(place: Field | Fields, key: str) -> Field | Fields:
    """The field or the fields under `key`. Lists are transparent: their elements stay here."""
    if isinstance(place, Field):
        return place
    found = place.get(key)
    return found if found is not None else place.get("*", TEXT)


_WORD = re.compile(r"[A-Za-z0-9_.-]{1,32}")


def meant_field(field: Field, value: str) -> Field:
    """The field as which a value is judged: what is no word is text, whatever the place says."""
    return TEXT if field.kind == "word" and not _WORD.fullmatch(value) else field


def keeps_to_grammar(kind: Kind, value: str) -> bool:
    """Whether a value of a protected kind is what the protocol says: then it is never touched."""
    grammar = GRAMMARS.get(kind)
    return grammar is not None and grammar.fullmatch(value) is not None
