import traceback
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from errlock.pipeline.crossing import to_otlp
from errlock.pipeline.crossing.logs import log_to_log_record
from errlock.pipeline.payloads.document import Tree
from errlock.pipeline.payloads.otlp_tree import TreeReader, write

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = "00f067aa0ba902b7"

# As Sentry's Python SDK sends it, without what plays no part here.
EVENT: dict[str, Any] = {
    "event_id": "fc6d8c0c43fc4630ad850ee518f1b9d0",
    "timestamp": "2026-11-23T18:00:00.250000Z",
    "level": "error",
    "platform": "python",
    "release": "shop@1.2.3",
    "environment": "production",
    "server_name": "web-1",
    "transaction": "/cart/{id}",
    "logger": "shop.cart",
    "logentry": {"message": "cart of %s failed", "params": ["c-7"]},
    "sdk": {"name": "sentry.python", "version": "2.75.0"},
    "contexts": {
        "trace": {"trace_id": TRACE, "span_id": SPAN},
        "runtime": {"name": "CPython", "version": "3.11.7"},
    },
    "user": {"id": 7, "email": "[email]", "ip_address": "203.0.113.9"},
    "tags": {"region": "eu"},
    "extra": {"cart": {"items": [1]}, "sizes": ["a", "b"], "big": 2**70},
    "request": {
        "method": "GET",
        "url": "https://shop.example/cart/7",
        "query_string": "a=1",
        "headers": {"User-Agent": "curl/8", "Accept": "*/*"},
    },
    "exception": {
        "values": [
            {
                "type": "KeyError",
                "value": "'total'",
                "module": None,
                "stacktrace": {
                    "frames": [
                        {
                            "function": "total",
                            "filename": "shop/cart.py",
                            "abs_path": "/srv/shop/cart.py",
                            "lineno": 7,
                            "context_line": "    return cart['total']",
                        }
                    ]
                },
            },
            {
                "type": "CartError",
                "value": "no total",
                "module": "shop.errors",
                "mechanism": {"type": "django", "handled": False},
                "stacktrace": {
                    "frames": [
                        {"function": "view", "abs_path": "/srv/shop/views.py", "lineno": 3},
                        {"function": "total", "abs_path": "/srv/shop/cart.py", "lineno": 9},
                    ]
                },
            },
        ]
    },
}


def test_an_error_becomes_a_log_record_with_the_stack_as_python_writes_it() -> None:
    record: Any = to_otlp.event_to_log_record(EVENT)
    attributes = record.pop("attributes")
    assert record == {
        "time_unix_nano": 1795456800_250000000,
        "observed_time_unix_nano": 1795456800_250000000,
        "severity_number": 17,
        "severity_text": "ERROR",
        "trace_id": TRACE,
        "span_id": SPAN,
        "event_name": "exception",
        "body": "cart of %s failed",
    }
    assert attributes.pop("exception.stacktrace") == (
        "Traceback (most recent call last):\n"
        '  File "/srv/shop/cart.py", line 7, in total\n'
        "    return cart['total']\n"
        "KeyError: 'total'\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        "Traceback (most recent call last):\n"
        '  File "/srv/shop/views.py", line 3, in view\n'
        '  File "/srv/shop/cart.py", line 9, in total\n'
        "shop.errors.CartError: no total\n"
    )
    assert attributes == {
        "exception.type": "shop.errors.CartError",
        "exception.message": "no total",
        "exception.escaped": True,
        "sentry.event_id": "fc6d8c0c43fc4630ad850ee518f1b9d0",
        "sentry.transaction": "/cart/{id}",
        "region": "eu",
        "cart": '{"items":[1]}',
        "sizes": ["a", "b"],
        "big": str(2**70),
        "user.id": "7",
        "user.email": "[email]",
        "client.address": "203.0.113.9",
        "http.request.method": "GET",
        "url.full": "https://shop.example/cart/7",
        "url.query": "a=1",
        "user_agent.original": "curl/8",
        "http.request.header.accept": ["*/*"],
    }


@pytest.mark.parametrize(
    ("value", "crossed"),
    [
        ([1, -2, 2**63 - 1], [1, -2, 2**63 - 1]),
        ([1, 2**63, -(2**70)], [1, str(2**63), str(-(2**70))]),
        ([0.5, 1], [0.5, 1]),
        ([1, "a", True, None], [1, "a", True, None]),
        ([], []),
        ([[1, 2], [3]], "[[1,2],[3]]"),
        ([{"a": 1}], '[{"a":1}]'),
        ({"a": [1]}, '{"a":[1]}'),
        ({}, "{}"),
    ],
)
def test_lists_stay_lists_and_what_is_nested_becomes_json(value: Tree, crossed: Tree) -> None:
    event: dict[str, Tree] = {"extra": {"it": value}, "level": "error"}
    record = LogRecord()
    write(record, to_otlp.event_to_log_record(event))
    sent = LogRecord.FromString(record.SerializeToString())
    assert TreeReader().attributes(sent.attributes)["it"] == crossed


def test_the_resource_tells_service_environment_host_and_language() -> None:
    assert to_otlp.resource_of(EVENT, "project") == {
        "attributes": {
            "service.name": "shop",
            "service.version": "1.2.3",
            "deployment.environment.name": "production",
            "host.name": "web-1",
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "sentry.python",
            "telemetry.sdk.version": "2.75.0",
            "process.runtime.name": "CPython",
            "process.runtime.version": "3.11.7",
        }
    }
    assert to_otlp.scope_of(EVENT) == {"name": "shop.cart"}


@pytest.mark.parametrize(
    ("release", "name", "version"),
    [("1.2.3", "project", "1.2.3"), ("a@b@2", "a@b", "2"), ("", "project", None)],
)
def test_a_release_without_a_name_takes_the_projects(
    release: str, name: str, version: str | None
) -> None:
    attributes: Any = to_otlp.resource_of({"release": release}, "project")["attributes"]
    assert (attributes["service.name"], attributes.get("service.version")) == (name, version)


def test_a_message_becomes_a_log_record_without_an_exception() -> None:
    record: Any = to_otlp.event_to_log_record({"message": "hello", "level": "info"})
    assert record["body"] == "hello"
    assert record["severity_number"] == 9
    assert "event_name" not in record
    assert not any(name.startswith("exception.") for name in record["attributes"])


def test_the_text_of_an_exception_is_what_the_interpreter_prints() -> None:
    def inner() -> None:
        raise ValueError("first")

    try:
        try:
            inner()
        except ValueError:
            raise LookupError("second")  # noqa: B904  so that it is a context
    except LookupError as error:
        printed = "".join(traceback.format_exception(error))
        frames = [
            [
                {"function": one.name, "abs_path": one.filename, "lineno": one.lineno,
                 "context_line": one.line}
                for one in traceback.extract_tb(each.__traceback__)
            ]
            for each in (error, error.__context__)
            if each is not None
        ]  # fmt: skip
    event: Any = {
        "platform": "python",
        "exception": {
            "values": [
                {
                    "type": "ValueError",
                    "value": "first",
                    "stacktrace": {"frames": frames[1]},
                    "mechanism": {"exception_id": 1, "parent_id": 0, "source": "__context__"},
                },
                {
                    "type": "LookupError",
                    "value": "second",
                    "stacktrace": {"frames": frames[0]},
                    "mechanism": {"exception_id": 0},
                },
            ]
        },
    }
    record: Any = to_otlp.event_to_log_record(event)
    without_markers = [
        line for line in printed.splitlines() if set(line.strip()) - {"^", "~"} or not line
    ]
    assert record["attributes"]["exception.stacktrace"].splitlines() == without_markers


def test_a_transaction_becomes_its_span_and_those_inside() -> None:
    transaction: Any = {
        "type": "transaction",
        "transaction": "GET /cart",
        "start_timestamp": 1795456800.0,
        "timestamp": 1795456801.5,
        "contexts": {
            "trace": {
                "trace_id": TRACE, "span_id": SPAN, "op": "http.server", "status": "internal_error",
                "data": {"http.response.status_code": 500},
            }
        },
        "tags": [["region", "eu"]],
        "spans": [
            {
                "span_id": PARENT, "parent_span_id": SPAN, "op": "db", "description": "SELECT ?",
                "start_timestamp": 1795456800.5, "timestamp": 1795456801.0, "status": "ok",
                "origin": "auto.db", "data": {"db.system": "sqlite"},
            },
            {"span_id": "not an id"},
        ],
    }  # fmt: skip
    assert to_otlp.transaction_to_spans(transaction) == [
        {
            "trace_id": TRACE,
            "span_id": SPAN,
            "name": "GET /cart",
            "kind": 2,
            "start_time_unix_nano": 1795456800_000000000,
            "end_time_unix_nano": 1795456801_500000000,
            "status": {"code": 2, "message": "internal_error"},
            "attributes": {
                "region": "eu",
                "sentry.transaction": "GET /cart",
                "http.response.status_code": 500,
                "sentry.op": "http.server",
            },
        },
        {
            "trace_id": TRACE,
            "span_id": PARENT,
            "parent_span_id": SPAN,
            "name": "SELECT ?",
            "kind": 3,
            "start_time_unix_nano": 1795456800_500000000,
            "end_time_unix_nano": 1795456801_000000000,
            "status": {"code": 1},
            "attributes": {"db.system": "sqlite", "sentry.op": "db", "sentry.origin": "auto.db"},
        },
    ]


def test_a_transaction_without_a_trace_has_no_spans() -> None:
    assert to_otlp.transaction_to_spans({"transaction": "x", "timestamp": 1.0}) == []


def test_a_span_of_the_second_version() -> None:
    span: Any = {
        "trace_id": TRACE.upper(),
        "span_id": SPAN,
        "name": "GET /cart",
        "status": "ok",
        "start_timestamp": 1795456800.0,
        "end_timestamp": 1795456801.0,
        "attributes": {
            "sentry.kind": {"type": "string", "value": "client"},
            "n": {"type": "integer", "value": 3},
        },
    }
    made: Any = to_otlp.span_to_span(span)
    assert (made["trace_id"], made["kind"], made["attributes"]["n"]) == (TRACE, 3, 3)
    assert made["end_time_unix_nano"] == 1795456801_000000000


def test_a_log_becomes_a_log_record() -> None:
    log: Any = {
        "timestamp": 1795456800.5,
        "trace_id": TRACE,
        "level": "warn",
        "body": "slow",
        "attributes": {
            "sentry.release": {"type": "string", "value": "shop@1"},
            "sentry.environment": {"type": "string", "value": "dev"},
            "server.address": {"type": "string", "value": "web-1"},
            "logger.name": {"type": "string", "value": "shop.cart"},
            "n": {"type": "integer", "value": 3},
        },
    }
    about, scope, record = log_to_log_record(log)
    assert to_otlp.resource_of(about, "project") == {
        "attributes": {
            "service.name": "shop",
            "service.version": "1",
            "deployment.environment.name": "dev",
            "host.name": "web-1",
        }
    }
    assert scope == {"name": "shop.cart"}
    assert record == {
        "time_unix_nano": 1795456800_500000000,
        "observed_time_unix_nano": 1795456800_500000000,
        "severity_number": 13,
        "severity_text": "WARN",
        "body": "slow",
        "attributes": {"n": 3},
        "trace_id": TRACE,
    }
    assert "sentry.release" in log["attributes"]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (1795456800.25, 1795456800_250000000),
        (1795456800, 1795456800_000000000),
        ("2026-11-23T18:00:00Z", 1795456800_000000000),
        ("2026-11-23T18:00:00", 1795456800_000000000),
        ("2026-11-23T19:00:00+01:00", 1795456800_000000000),
        ("yesterday", 0),
        (True, 0),
        (-1, 0),
        (1e300, 0),
        (10**400, 0),
        (float("nan"), 0),
        (None, 0),
    ],
)
def test_timestamps(moment: Any, expected: int) -> None:
    assert to_otlp.nanoseconds(moment) == expected
