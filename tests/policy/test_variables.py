"""What sentry-sdk sends of a frame's variables: it puts their texts in quotes."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import sentry_sdk
from engine_twins import difference
from scrubbing import scrubbed
from sentry_sdk.utils import event_from_exception

SECRET = "Zq9hunter2x"


def event_of(variable: Any) -> dict[str, Any]:
    """The event of an error in a function that has this variable."""
    sent: list[Any] = []

    def keep(event: Any, _: Any) -> None:
        sent.append(event)

    def fail(mine: Any) -> None:
        raise ValueError(len(mine))

    client = sentry_sdk.Client(
        "http://key@localhost/1", before_send=keep, default_integrations=False
    )
    try:
        fail(variable)
    except ValueError:
        event, hint = event_from_exception(sys.exc_info(), client_options=client.options)
        client.capture_event(event, hint=hint)
    [event] = sent
    event["exception"]["values"][0]["stacktrace"]["frames"][:-1] = []  # those of this test
    return dict(event)


@pytest.mark.parametrize(
    ("variable", "gone"),
    [
        ({"name": "Jane Roe", "email": "x@y.example"}, "Jane"),
        ({"recipient": "Jane Roe"}, "Jane"),
        ({"customer": {"name": "Jane Roe"}}, "Jane"),
        ({"reference": "Patient/12", "display": "Roe, Jane"}, "Jane"),
        (["mysql", "--password", SECRET, "-u", "root"], SECRET),
        (["sshpass", "-p", SECRET, "ssh", "host"], SECRET),
        ({"name": "AUTH", "args": [SECRET]}, SECRET),
        ({"kind": "Secret", "data": {"x": SECRET}}, SECRET),
        ({"field": "password", "rejectedValue": SECRET}, SECRET),
    ],
)
def test_what_stands_apart_from_its_name_goes_from_variables(variable: Any, gone: str) -> None:
    event = event_of(variable)
    assert gone in str(event)
    assert gone not in str(scrubbed(event))
    assert difference("default", "event", event) is None


@pytest.mark.parametrize(
    "variable",
    [
        {"name": "Checkout Service", "phone": ""},
        {"kind": "ConfigMap", "data": {"x": "zebra-7-lemon"}},
        ["serve", "--name", "checkout", "-p", "8000"],
    ],
)
def test_what_is_nobodys_stays_in_variables(variable: Any) -> None:
    event = event_of(variable)
    assert scrubbed(event)["exception"] == event["exception"]
