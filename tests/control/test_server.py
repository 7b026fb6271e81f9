"""The control API's door: who gets in, and what is said to who does not."""

from __future__ import annotations

import json
import socket
import stat
from typing import Any

import pytest
from live_operators import Controlled
from openapi_spec_validator import OpenAPIV31SpecValidator


def test_it_tells_how_everything_is(controlled: Controlled) -> None:
    status = controlled.ask("/v1/status").json
    assert (status["state"], status["degraded"], status["refused_share"]) == ("running", False, 0)
    assert status["routes"] == [
        {
            "id": "errors",
            "receivers": ["sentry"],
            "processors": ["redact"],
            "exporters": ["file"],
            "stand_ins": [],
        }
    ]
    assert [each["id"] for each in status["destinations"]] == ["file", "file/standby"]
    assert status["destinations"][0]["health"] == "up"


def test_it_describes_itself(controlled: Controlled) -> None:
    said = controlled.ask("/v1/openapi.json").json
    assert list(OpenAPIV31SpecValidator(said).iter_errors()) == []
    assert "/v1/status" in said["paths"]


def test_its_files_are_its_owners_alone(controlled: Controlled) -> None:
    data = controlled.folder / "data"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (data, *data.iterdir())}
    assert modes["data"] == 0o700
    assert (modes["control-token"], modes["tokens.json"]) == (0o600, 0o600)


def test_the_token_is_told_nowhere(controlled: Controlled) -> None:
    controlled.ask("/v1/status")
    controlled.say("GET", f"/v1/{controlled.token}", None, {"Authorization": controlled.token})
    token = controlled.token.encode()
    told = [
        path.name
        for path in controlled.folder.rglob("*")
        if path.is_file() and token in path.read_bytes()
    ]
    assert told == ["control-token"]
    assert token not in controlled.errlock.metrics().encode()


@pytest.mark.parametrize("path", ["/v1/status", "/v1/openapi.json", "/", "/v1/nowhere"])
@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer errlock_" + "A" * 43,
        "Basic {token}",
        "{token}",
        "Bearer {token}x",
        "Bearer {token} {token}",
    ],
)
def test_without_a_token_nobody_learns_anything(
    controlled: Controlled, path: str, given: str | None
) -> None:
    headers = {} if given is None else {"Authorization": given.format(token=controlled.token)}
    said = controlled.say("GET", path, None, headers)
    assert (said.status, said.kind) == (401, "token")
    assert said.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_in_the_url_is_none(controlled: Controlled) -> None:
    said = controlled.say("GET", f"/v1/status?token={controlled.token}")
    assert (said.status, said.kind) == (401, "token")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:13134", "localhost.evil", "", "[x"])
def test_other_names_for_this_machine_are_refused(controlled: Controlled, host: str) -> None:
    """A page of somebody else may let its own name mean 127.0.0.1 after it was loaded."""
    headers = {"Authorization": f"Bearer {controlled.token}", "Host": host}
    said = controlled.say("GET", "/v1/status", None, headers)
    assert (said.status, said.kind) == (421, "host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:13134", "[::1]:13134"])
def test_its_own_names_are_taken(controlled: Controlled, host: str) -> None:
    headers = {"Authorization": f"Bearer {controlled.token}", "Host": host}
    assert controlled.say("GET", "/v1/status", None, headers).status == 200


def test_a_page_of_another_site_is_refused_and_gets_no_leave(controlled: Controlled) -> None:
    headers = {"Authorization": f"Bearer {controlled.token}", "Origin": "https://evil.example"}
    said = controlled.say("GET", "/v1/status", None, headers)
    assert (said.status, said.kind) == (403, "origin")
    preflight = controlled.say("OPTIONS", "/v1/status", None, headers)
    assert preflight.status == 403
    for each in (said, preflight):
        assert not [name for name in each.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/", 404, "path"),
        ("GET", "/v1/status/", 404, "path"),
        ("GET", "/v1/%73tatus/../x", 404, "path"),
        ("POST", "/v1/status", 405, "method"),
        ("BREW", "/v1/status", 400, "http"),
        ("DELETE", "/v1/openapi.json", 405, "method"),
    ],
)
def test_what_there_is_not(
    controlled: Controlled, method: str, path: str, status: int, kind: str
) -> None:
    headers = {"Authorization": f"Bearer {controlled.token}"}
    said = controlled.say(method, path, None, headers)
    assert (said.status, said.kind) == (status, kind)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03canary-4711",
        b"GET /canary-4711\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: canary-4711\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\ncanary-4711\r\n",
        b"GET / HTTP/1.1\r\nHost canary-4711\r\n\r\n",
        b"GET /" + b"canary-4711" * 10_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_not_http_is_not_repeated(controlled: Controlled, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", controlled.errlock.control), timeout=10) as raw:
        raw.sendall(garbage)
        raw.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := raw.recv(65536):
            answer += piece
    assert b"canary" not in answer
    if answer:
        body: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert set(body) == {"error", "kind"}
    assert "canary" not in controlled.errlock.log
    assert controlled.ask("/v1/status").status == 200
