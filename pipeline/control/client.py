"""The client of the control API that the commands use. Standard library only: it starts at once."""

from __future__ import annotations

import http.client
import socket
import time
import urllib.parse
from typing import Any, TypeVar

import msgspec

from ..errors import UNREADABLE
from ..http.deadlines import Within
from ..http.token_form import problem_of
from .messages import Trouble

A = TypeVar("A", bound=msgspec.Struct)

_MAX_ANSWER = 16 << 20
_NO_ADDRESS = "expected an http or https address"
_EXPECTED = "expected a URL such as http://localhost:13134"


class NoAnswer(Exception):  # noqa: N818  a fact about the other side
    """Nobody answered, not in time, or not as a collector does. The text says which."""

    def __init__(self, at: str, why: str, *, is_down: bool = False) -> None:
        """`at` is the address that was asked; `is_down`: nobody listens there."""
        super().__init__(why)
        self.at = at
        self.is_down = is_down


class Denied(Exception):  # noqa: N818  an answer
    """The collector answered that it does not do this. The text is the collector's sentence."""

    def __init__(self, status: int, trouble: Trouble) -> None:
        super().__init__(trouble.error)
        self.status = status
        self.kind = trouble.kind


class Peer:
    """Who listens at an address: asked by no proxy of the environment, and led nowhere else."""

    def __init__(self, url: str) -> None:
        """Raises ValueError, which shows nothing of it."""
        try:
            parts = urllib.parse.urlsplit(url)
            host, self._port = parts.hostname, parts.port
        except ValueError:  # its text quotes
            raise ValueError(_NO_ADDRESS) from None
        if not host or parts.scheme not in ("http", "https"):
            raise ValueError(_NO_ADDRESS)
        self.at = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # without a password
        self.path = parts.path
        self._secure = parts.scheme == "https"
        self._host = host

    def exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> tuple[int, bytes]:
        """The status and the body of its answer. `timeout` is in seconds. Raises NoAnswer."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=timeout)
        deadline = time.monotonic() + timeout

        def within(connected: socket.socket, method: str) -> http.client.HTTPResponse:
            answer: Any = Within(connected, deadline, 2 * _MAX_ANSWER)
            return http.client.HTTPResponse(answer, method=method)

        connection.response_class = within  # type: ignore[assignment]  # it makes one
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(_MAX_ANSWER)
        except TimeoutError:
            raise NoAnswer(self.at, f"no answer within {timeout:g} s") from None
        except ConnectionRefusedError:
            raise NoAnswer(self.at, "nobody listens there", is_down=True) from None
        except (socket.gaierror, UnicodeError):  # not to be found, or not even a name
            raise NoAnswer(self.at, "no such host is known here") from None
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(self.at, f"the connection failed ({type(error).__name__})") from None
        finally:
            connection.close()


class Client:
    """Asks one collector, as one person."""

    def __init__(self, url: str, token: str) -> None:
        """`url` is `http://host:port` or `https://…`. Raises ValueError, which shows no token."""
        try:
            self._peer = Peer(url)
        except ValueError:
            raise ValueError(_EXPECTED) from None
        if self._peer.path.strip("/"):
            raise ValueError(_EXPECTED)
        self._token = token.strip()
        if problem := problem_of(self._token):
            raise ValueError(problem)

    def ask(
        self,
        path: str,
        answer: type[A],
        order: msgspec.Struct | None = None,
        *,
        timeout: float = 10.0,
        second: str | None = None,
    ) -> A:
        """Make one request: POST when there is an order, else GET. `timeout` is in seconds, for
        all of the answer.

        `second` is a second person's token. Raises NoAnswer, Denied.
        """
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if second is not None:
            headers["Errlock-Second-Authorization"] = f"Bearer {second}"
        body = None
        if order is not None:
            body, headers["Content-Type"] = msgspec.json.encode(order), "application/json"
        status, data = self._peer.exchange(
            "GET" if order is None else "POST", path, body, headers, timeout
        )
        try:
            if status == 200:
                return msgspec.json.decode(data, type=answer)
            trouble = msgspec.json.decode(data, type=Trouble)
        except UNREADABLE:
            what = f"what answered (HTTP {status}) is not a collector of this version"
            raise NoAnswer(self._peer.at, what) from None
        if trouble.kind == "tokens":  # it lets nobody in
            raise NoAnswer(self._peer.at, trouble.error)
        raise Denied(status, trouble)
