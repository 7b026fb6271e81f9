"""What a real backend makes of converted exceptions."""

import urllib.request
from typing import Any

import pytest
from live_bugsink import Bugsink, Project
from otel_exceptions import record
from recorded_traces import recorded

from errlock.pipeline.crossing import convert
from errlock.pipeline.payloads.document import Payload
from errlock.pipeline.payloads.otlp import OtlpRequest


def deliver(payload: Payload, project: Project) -> None:
    for made in convert(payload, "sentry").payloads:
        request = urllib.request.Request(
            f"http://127.0.0.1:{project.port}/api/{project.id}/envelope/",
            made.encode(),
            {"X-Sentry-Auth": f"Sentry sentry_key={project.key}, sentry_version=7"},
        )
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200


def no_total() -> None:
    try:
        dict[str, int]()["total"]
    except KeyError as error:
        raise ValueError("no total") from error


def test_an_exception_told_by_spans_and_a_log_is_stored_once(bugsink: Bugsink) -> None:
    project = bugsink.project("crossing-once")
    found = record(no_total, spans=("request", "query"))
    deliver(OtlpRequest.decode(found.traces, "traces"), project)
    deliver(OtlpRequest.decode(found.logs, "logs"), project)
    [issue] = bugsink.issues(project)
    assert (issue.type, issue.value, issue.last_frame) == ("ValueError", "no total", "no_total")
    assert issue.events == 1
    [event] = bugsink.events(project)
    assert event["release"] == "shop@1.2.3"


def test_several_exceptions_of_one_request_are_all_stored(bugsink: Bugsink) -> None:
    project = bugsink.project("crossing-several")
    traces = b"".join(record(no_total).traces for _ in range(3))
    deliver(OtlpRequest.decode(traces, "traces"), project)
    assert [issue.events for issue in bugsink.issues(project)] == [3]


@pytest.mark.parametrize(
    ("language", "trace", "type_", "last_frame"),
    [
        ("java", ("java", "res"), "com.acme.Shop.OrderException", "order"),
        ("nodejs", ("node", "cart"), "TypeError", "Cart.total"),
        ("go", ("go", "rec"), "runtime.boundsError", "(*Store).Get"),
        ("python", ("python313", "grp"), "ExceptionGroup", "grp"),
    ],
)
def test_the_newest_frame_is_the_one_that_raised(
    bugsink: Bugsink, language: str, trace: tuple[str, str], type_: str, last_frame: str
) -> None:
    project = bugsink.project(f"crossing-{language}")
    log: dict[str, Any] = {
        "time_unix_nano": 1795456800_000000000,
        "attributes": {"exception.type": type_, "exception.stacktrace": recorded(*trace)},
    }
    resource: Any = {"attributes": {"telemetry.sdk.language": language}}
    request = OtlpRequest.from_trees("logs", resource, {}, [log], project="", received=0.0)
    deliver(request, project)
    assert [issue.last_frame for issue in bugsink.issues(project)] == [last_frame]
