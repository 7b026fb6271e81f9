import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from otel_exceptions import record
from recorded_traces import recorded
from sentry_sdk.transport import Transport

from errlock.pipeline.crossing import convert, to_sentry
from errlock.pipeline.payloads.otlp import OtlpRequest

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


class CartError(Exception):
    pass


def from_a_cause() -> None:
    try:
        json.loads("{x")
    except ValueError as error:
        raise CartError("no total\nfor this cart") from error


def while_handling() -> None:
    try:
        dict[str, int]()["total"]
    except KeyError:
        [1, 2].index(3)


def a_group() -> None:
    errors: list[Exception] = []
    for number in range(2):
        try:
            raise OSError(number, "no disk")
        except OSError as error:
            errors.append(error)
    raise ExceptionGroup("several", errors)


def deep(calls: int = 20) -> None:
    if calls:
        deep(calls - 1)
    raise ValueError


def noted() -> None:
    error = ValueError("with a note")
    error.add_note("the note")
    raise error


RAISING = [from_a_cause, while_handling, a_group, deep, noted]


def event_of(request: OtlpRequest) -> Any:
    converted = convert(request, "sentry")
    [payload] = converted.payloads
    [document] = payload.documents
    assert document.type == "event"
    return document.tree


def sent_by_sentry_sdk(exception: BaseException) -> Any:
    """The event that Sentry's own SDK makes of an exception."""
    sent: list[Any] = []

    class Kept(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            sent.append(envelope.get_event())

    client = sentry_sdk.Client(
        dsn="http://key@127.0.0.1:1/1",
        transport=Kept,
        default_integrations=False,
        project_root=str(Path(__file__).parent),
    )
    with sentry_sdk.isolation_scope() as scope:
        scope.set_client(client)
        scope.capture_exception(exception)
    client.close()
    return sent[0]


def grouping_facts(event: Any) -> Any:
    """What backends group by; without the frames of who recorded the exception."""
    recorders = ("opentelemetry", "otel_exceptions.py", "contextlib.py")
    return [
        (
            value["type"],
            value.get("module"),
            value["value"],
            [
                (
                    frame["function"],
                    frame["abs_path"],
                    frame["lineno"],
                    frame.get("in_app") is True,
                    # What is not installed has no name of its own in a text.
                    frame["filename"] if "/lib/python" in frame["abs_path"] else None,
                    frame["module"] if "/lib/python" in frame["abs_path"] else None,
                )
                for frame in (value.get("stacktrace") or {"frames": []})["frames"]
                if not any(recorder in frame["abs_path"] for recorder in recorders)
            ],
        )
        for value in event["exception"]["values"]
    ]


@pytest.mark.parametrize("raising", RAISING)
@pytest.mark.parametrize("signal", ["traces", "logs"])
def test_it_groups_like_an_event_of_sentrys_own_sdk(
    raising: Callable[[], None], signal: Any
) -> None:
    found = record(raising)
    event = event_of(OtlpRequest.decode(getattr(found, signal), signal))
    theirs = sent_by_sentry_sdk(found.exception)
    assert event["platform"] == theirs["platform"]
    assert grouping_facts(event) == grouping_facts(theirs)


@pytest.mark.parametrize("raising", RAISING)
def test_a_span_event_and_a_log_record_of_one_exception_have_one_event_id(
    raising: Callable[[], None],
) -> None:
    found = record(raising)
    of_the_span = event_of(OtlpRequest.decode(found.traces, "traces"))
    of_the_log = event_of(OtlpRequest.decode(found.logs, "logs"))
    assert of_the_span["event_id"] == of_the_log["event_id"]
    assert len(of_the_span["event_id"]) == 32


def test_an_exception_given_to_the_logs_api_is_an_error() -> None:
    logged = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # it has no annotations
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(logged))
    try:
        deep(2)
    except ValueError as error:
        provider.get_logger("shop").emit(
            exception=error, event_name="http.server.request.exception"
        )
    body = encode_logs(logged.get_finished_logs()).SerializeToString()
    event = event_of(OtlpRequest.decode(body, "logs"))
    [value] = event["exception"]["values"]
    assert (value["type"], value["value"]) == ("ValueError", "")
    assert [frame["function"] for frame in value["stacktrace"]["frames"]][-3:] == ["deep"] * 3


def test_another_trace_is_another_event() -> None:
    ids = {
        event_of(OtlpRequest.decode(record(deep).traces, "traces"))["event_id"] for _ in range(2)
    }
    assert len(ids) == 2


def test_what_the_resource_tells_is_where_sentry_looks_for_it() -> None:
    event = event_of(OtlpRequest.decode(record(deep).traces, "traces"))
    assert event["release"] == "shop@1.2.3"
    assert event["environment"] == "production"
    assert event["server_name"] == "web-1"
    assert event["contexts"]["runtime"] == {"name": "cpython", "version": "3.11.7"}
    assert event["contexts"]["os"] == {"name": "linux"}
    assert event["contexts"]["otel"]["resource"]["cloud.region"] == "eu-1"
    assert event["sdk"] == {"name": "errlock", "settings": {"infer_ip": "never"}}


def test_a_span_gives_trace_transaction_request_and_user() -> None:
    attributes: dict[str, str | int] = {
        "http.request.method": "GET",
        "url.full": "https://shop.example/cart",
        "user_agent.original": "curl/8",
        "enduser.id": "u-1",
        "cart.size": 3,
    }
    event = event_of(OtlpRequest.decode(record(deep, attributes=attributes).traces, "traces"))
    assert event["transaction"] == "GET /cart"
    assert event["request"] == {
        "method": "GET", "url": "https://shop.example/cart", "headers": {"User-Agent": "curl/8"},
    }  # fmt: skip
    assert event["user"] == {"id": "u-1"}
    assert event["tags"] == {"cart.size": "3"}
    assert event["logger"] == "shop.tracing"
    assert event["level"] == "error"


def test_a_log_record_gives_level_logger_message_and_trace() -> None:
    def log(logger: logging.Logger) -> None:
        logger.warning("cart of %s failed", "c-7", exc_info=True)

    event = event_of(OtlpRequest.decode(record(deep, log=log).logs, "logs"))
    assert event["level"] == "warning"
    assert event["logger"] == "shop.cart"
    assert event["logentry"] == {"formatted": "cart of c-7 failed"}
    assert set(event["contexts"]["trace"]) == {"trace_id", "span_id"}


def log_event(**record: Any) -> Any:
    return to_sentry.log_record_to_event({}, {}, {"time_unix_nano": 10**18, **record})


def test_without_a_trace_the_time_tells_events_apart() -> None:
    attributes = {"exception.type": "E", "exception.message": "m"}
    first = log_event(attributes=attributes)
    assert first["event_id"] == log_event(attributes=attributes)["event_id"]
    assert first["event_id"] != log_event(attributes=attributes, time_unix_nano=5)["event_id"]


def test_another_message_is_another_event() -> None:
    ids = {
        log_event(trace_id=TRACE, span_id=SPAN, attributes={"exception.message": text})["event_id"]
        for text in ("a", "b")
    }
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("severity", "text", "level", "handled"),
    [
        (1, None, "debug", True),
        (9, None, "info", True),
        (13, None, "warning", True),
        (17, None, "error", True),
        (21, None, "fatal", False),
        (0, "WARN", "warning", True),
        (0, "odd", "error", True),
        (99, None, "error", True),
    ],
)
def test_severity_gives_level_and_handled(
    severity: int, text: str | None, level: str, handled: bool
) -> None:
    event = log_event(
        severity_number=min(severity, 99), severity_text=text, attributes={"exception.type": "E"}
    )
    assert event["level"] == level
    if severity <= 24:
        assert event["exception"]["values"][0]["mechanism"]["handled"] is handled


@pytest.mark.parametrize("escaped", [True, "True"])
def test_an_escaped_exception_was_not_handled(escaped: object) -> None:
    event = log_event(attributes={"exception.type": "E", "exception.escaped": escaped})
    assert event["exception"]["values"][0]["mechanism"]["handled"] is False


def test_a_stack_that_cannot_be_read_is_kept_as_text() -> None:
    event = log_event(
        attributes={"exception.type": "E", "exception.stacktrace": "somewhere\nin here"}
    )
    assert event["extra"] == {"exception.stacktrace": "somewhere\nin here"}
    assert "stacktrace" not in event["exception"]["values"][0]


def test_a_record_without_an_exception_is_no_error() -> None:
    assert log_event(attributes={"exception.escaped": True, "a": 1}, body="x") is None


@pytest.mark.parametrize(
    ("language", "platform", "trace", "type_", "expected"),
    [
        # @opentelemetry/api tells an error's code as its type
        ("nodejs", "node", ("node", "code"), "ENOENT", "Error"),
        ("java", "java", ("java", "nul"), "java.lang.NullPointerException", "NullPointerException"),
        ("go", "go", ("go", "rec"), "*errors.errorString", "*errors.errorString"),
    ],
)
def test_the_type_is_the_one_that_sentrys_sdk_would_tell(
    language: str, platform: str, trace: tuple[str, str], type_: str, expected: str
) -> None:
    messages = {
        "node": "ENOENT: no such file or directory, open '/nope/x.txt'",
        "java": 'Cannot invoke "String.length()" because "<local0>" is null',
        "go": "boom",
    }
    event: Any = to_sentry.log_record_to_event(
        {"attributes": {"telemetry.sdk.language": language}},
        {},
        {
            "attributes": {
                "exception.type": type_,
                "exception.message": messages[platform],
                "exception.stacktrace": recorded(*trace),
            }
        },
    )
    value = event["exception"]["values"][-1]
    assert event["platform"] == platform
    assert (value["type"], value["value"]) == (expected, messages[platform])
    assert value["stacktrace"]["frames"]


def test_the_request_of_a_client_span_is_not_the_one_that_failed() -> None:
    span: Any = {
        "trace_id": TRACE,
        "span_id": SPAN,
        "parent_span_id": "00f067aa0ba902b7",
        "kind": 3,
        "attributes": {"url.full": "https://bank.example/pay"},
        "events": [{"name": "exception", "attributes": {"exception.type": "E"}}, {"name": "retry"}],
    }
    [event] = to_sentry.span_to_events({}, {}, span)
    assert "request" not in event
    assert event["tags"] == {"url.full": "https://bank.example/pay"}
    assert event["contexts"] == {
        "trace": {"trace_id": TRACE, "span_id": SPAN, "parent_span_id": "00f067aa0ba902b7"}
    }


def test_only_addresses_become_addresses() -> None:
    for address, user in (("203.0.113.9", {"ip_address": "203.0.113.9"}), ("[ip]", None)):
        event = log_event(attributes={"exception.type": "E", "client.address": address})
        assert event.get("user") == user
        assert event.get("tags") == (None if user else {"client.address": "[ip]"})


def test_what_does_not_fit_a_tag_is_told_beside() -> None:
    event = log_event(
        body={"a": [1]},
        attributes={"exception.type": "E", "long": "x" * 300, "list": [1], "ok": True},
    )
    assert event["tags"] == {"ok": "true"}
    assert event["extra"] == {"long": "x" * 300, "list": [1], "body": {"a": [1]}}


def test_trees_are_not_changed() -> None:
    request = OtlpRequest.decode(record(from_a_cause).logs, "logs")
    before = json.dumps(request.documents[0].tree)
    convert(request, "sentry")
    assert json.dumps(request.documents[0].tree) == before
