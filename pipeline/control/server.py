"""The control API's server: a thread and an event loop of its own.

A pipeline that is busy to the last does not keep anybody waiting who wants to stop it. What is
asked comes from a machine's own people and still may come from anybody: a web page that resolves
a name to this address, a process of another user. Nothing of a request is logged or answered.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import re
from collections.abc import Collection

import msgspec
from aiohttp import web

from ..config import ControlOptions
from ..errors import UNREADABLE
from ..host.open_files import most_of_operators
from ..http.endpoints import split_endpoint
from ..http.quiet_http import QuietServer
from ..http.threaded_http import ThreadedServer
from .endpoints import DESCRIPTION, ENDPOINTS, SECOND, Call, Endpoint, decode
from .messages import Trouble
from .openapi import encoded_description
from .operations import Operations, Refused
from .tokens import Person, Tokens, TokensDamaged, TokensUnusable

_READ_TIMEOUT = 10.0  # seconds for a whole body
_PLACE = re.compile(r"at `(\$[\w.\[\]]*)`")

_log = logging.getLogger("errlock.control")


class ControlServer:
    """Answers at `service.control.endpoint`."""

    def __init__(self, operations: Operations, tokens: Tokens, options: ControlOptions) -> None:
        self._operations = operations
        self._second_person = options.second_person
        self._tokens = tokens
        host, _ = split_endpoint(options.endpoint)
        self._names = {"localhost", *options.hosts, *([host] if host else [])}
        self._server = ThreadedServer(
            options.endpoint,
            self._made,
            name="errlock-control",
            grace=5.0,
            most=most_of_operators(),
            beside=operations.sample,
        )

    @property
    def port(self) -> int:
        """The port in use, once started."""
        return self._server.port

    async def start(self) -> None:
        """Make the first token if there is none, and open the endpoint. Raises OSError.

        Where tokens are damaged nobody is let in: what is received must not wait for a repair.
        """
        try:
            await asyncio.to_thread(self._tokens.prepare)
        except TokensDamaged as error:
            _log.error("%s", error)
        except TokensUnusable as error:
            raise OSError(errno.EACCES, str(error)) from None
        await self._server.start()

    async def stop(self) -> None:
        """Close it. Idempotent, safe without start()."""
        await self._server.stop()

    def _made(self) -> QuietServer:
        server = QuietServer(self._handle, auto_decompress=False)
        server.trouble = _trouble_of_http
        return server

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            body = await self._answer(request)
            response = web.Response(body=body, content_type="application/json")
        except Refused as no:
            response = _refusal(no)
        except Exception:  # noqa: BLE001  the log tells its type and place, never its text
            _log.exception("a request of the control API failed")
            response = _refusal(Refused(500, "internal", "this failed inside errlock"))
        response.headers["Server"] = "errlock"
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _answer(self, request: web.BaseRequest) -> bytes:
        self._check_where_from(request)
        person = self._person(request.headers.get("Authorization", ""))
        if person is None:
            raise Refused(401, "token", "expected Authorization: Bearer and a token")
        if request.path == DESCRIPTION:
            _check_method(request, {"GET"})
            return await asyncio.to_thread(encoded_description)
        endpoint, id_ = _find(request)
        by = self._allowed(request, endpoint, person)
        body = await _body(request, endpoint.largest) if endpoint.order is not None else b""
        try:
            order = decode(endpoint, body)
        except UNREADABLE as error:
            raise Refused(400, "invalid", _invalid(error)) from None
        answer = await endpoint.do(self._operations, Call(by, order, id_))
        return msgspec.json.encode(answer)

    def _check_where_from(self, request: web.BaseRequest) -> None:
        """Refuse what a browser sends on behalf of a page of somebody else."""
        host = request.headers.get("Host", "")
        if not _is_expected(host, self._names):
            raise Refused(421, "host", "asked under a host name that is not this collector's")
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise Refused(403, "origin", "other sites' pages may not ask")

    def _person(self, authorization: str) -> Person | None:
        """Whose token a header has. Raises Refused."""
        scheme, _, token = authorization.partition(" ")
        try:
            return self._tokens.person(token.strip()) if scheme.lower() == "bearer" else None
        except (TokensUnusable, OSError) as error:
            _log.error("the tokens cannot be read: %s", type(error).__name__)
            raise Refused(503, "tokens", "the file of tokens cannot be used") from None

    def _allowed(self, request: web.BaseRequest, endpoint: Endpoint, person: Person) -> str:
        """Who asks, if they may; two names where it takes two people. Raises Refused."""
        if not person.may(endpoint.role):
            raise Refused(
                403, "role", f"your token has the role {person.role}: this needs {endpoint.role}"
            )
        if not (endpoint.two_people and self._second_person):
            return person.name
        second = self._person(request.headers.get(SECOND, ""))
        if second is None or second.name == person.name or not second.may(endpoint.role):
            raise Refused(
                403, "second_person", f"this takes a second person's token (role {endpoint.role})"
            )
        return f"{person.name} and {second.name}"


def _is_expected(host: str, names: Collection[str]) -> bool:
    """Whether a Host header names this server. An address cannot be rebound to another one."""
    name = re.sub(r":\d*$", "", host).strip("[]").lower()
    if name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _find(request: web.BaseRequest) -> tuple[Endpoint, str]:
    """What is asked for, and what it is about if its path says so. Raises Refused."""
    here = {
        str(each.method): (each, id_)
        for each in ENDPOINTS
        if (id_ := each.match(request.path)) is not None
    }
    _check_method(request, here)
    return here[request.method]


def _check_method(request: web.BaseRequest, allowed: Collection[str]) -> None:
    if not allowed:
        raise Refused(404, "path", f"no such path; see {DESCRIPTION}")
    if request.method not in allowed:
        raise Refused(405, "method", f"expected {' or '.join(sorted(allowed))}")


async def _body(request: web.BaseRequest, largest: int) -> bytes:
    if request.content_type != "application/json" or "Content-Encoding" in request.headers:
        raise Refused(415, "content_type", "expected application/json, not compressed")
    body = bytearray()
    try:
        async with asyncio.timeout(_READ_TIMEOUT):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > largest:
                    raise Refused(413, "too_large", f"expected at most {largest} bytes")
    except TimeoutError:
        raise Refused(408, "timeout", "the body took too long to arrive") from None
    except (web.RequestPayloadError, OSError):
        raise Refused(400, "incomplete", "the body ended early or is badly framed") from None
    return bytes(body)


def _invalid(error: Exception) -> str:
    """Where a body is wrong. msgspec's own text may quote it."""
    place = _PLACE.search(str(error)) if isinstance(error, msgspec.ValidationError) else None
    where = f", at {place[1]}" if place else ""
    return f"the body is not what {DESCRIPTION} describes{where}"


def _refusal(no: Refused) -> web.Response:
    headers = {"WWW-Authenticate": "Bearer"} if no.status == 401 else {}
    return web.Response(
        status=no.status,
        body=msgspec.json.encode(Trouble(error=str(no), kind=no.kind)),
        content_type="application/json",
        headers=headers,
    )


def _trouble_of_http(status: int) -> dict[str, str]:
    """What is said to what is not HTTP."""
    if status < 500:
        return {"error": "this is not HTTP as it should be", "kind": "http"}
    return {"error": "this failed inside errlock", "kind": "internal"}
