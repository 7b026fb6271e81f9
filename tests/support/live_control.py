"""Control documents for tests, and a server that gives them out or misbehaves."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from errlock.delivery.following.document import Bundle, Online, Release, Signed, Tight, Word, sign
from errlock.delivery.following.keys import PublicKey, SigningKey

AUDIENCE = "shop"
ONLINE = SigningKey.new("online")
RELEASE = SigningKey.new("release")
KEYS: tuple[PublicKey, ...] = (ONLINE.public, RELEASE.public)
_DEADLINE = 60.0

Manner = Literal["well", "never", "drip", "cut", "redirect", "garbage", "error"]


def online(
    version: int | None = None,
    *,
    distrusted: tuple[str, ...] = (),
    held: tuple[str, ...] = (),
    active: Mapping[str, str] | None = None,
    key: SigningKey = ONLINE,
    audience: str = AUDIENCE,
    issued: float | None = None,
    lifetime: float = 600.0,
    since: float | None = None,
) -> Signed:
    """A signed online part; made now, if nothing else is said."""
    moment = time.time() if issued is None else issued
    said = moment if since is None else since
    states: list[tuple[tuple[str, ...], Tight]] = [(held, "held"), (distrusted, "distrusted")]
    part = Online(
        audience=audience,
        version=int(moment * 1000) if version is None else version,
        issued=moment,
        expires=moment + lifetime,
        trust={name: Word(state=state, since=said) for names, state in states for name in names},
        active=dict(active or {}),
    )
    return sign(part, key)


def release(
    version: int,
    lifted: Mapping[str, float],
    *,
    key: SigningKey = RELEASE,
    audience: str = AUDIENCE,
    issued: float | None = None,
    lifetime: float = 3600.0,
) -> Signed:
    """A signed release."""
    moment = time.time() if issued is None else issued
    part = Release(
        audience=audience, version=version, issued=moment, expires=moment + lifetime,
        lifted=dict(lifted),
    )  # fmt: skip
    return sign(part, key)


def bundle(part: Signed, lifting: Signed | None = None) -> bytes:
    """A document as it is served."""
    return Bundle(online=part, release=lifting).encode()


class ControlServer:
    """Serves `document` at `url`, in the manner that it is told; a new one each second by itself
    while `renews` is set.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/control"
        self.document = bundle(online())
        self.manner: Manner = "well"
        self.requests: list[dict[str, str]] = []  # their parameters
        self.not_modified = 0
        self.connections = 0
        self.closing = threading.Event()
        self.around: AbstractContextManager[None] = nullcontext()  # each answer

    def say(self, **what: object) -> None:
        """Publish another online part; see `online`."""
        self.document = bundle(online(**what))  # type: ignore[arg-type]  # what online takes

    def wait_for_request(self, **wanted: str) -> None:
        """Return when a request made from now on has these parameters."""
        start, deadline = len(self.requests), time.monotonic() + _DEADLINE
        while not any(wanted.items() <= got.items() for got in self.requests[start:]):
            assert time.monotonic() < deadline, f"no request with {wanted}"
            time.sleep(0.01)

    def wait_until_applied(self) -> None:
        """Return when somebody has said that what is served now is in force."""
        payload = Bundle.decode(self.document).online
        self.wait_for_request(applied=payload.digest[:16])


@contextmanager
def control_server() -> Iterator[ControlServer]:
    """Run one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 0

        def setup(self) -> None:
            super().setup()
            control.connections += 1

        def do_GET(self) -> None:
            control.requests.append(dict(parse_qsl(urlsplit(self.path).query)))
            with control.around:
                _answer(control, self)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # clients that hang up are part of the tests

    with Server(("127.0.0.1", 0), Handler) as server:
        control = ControlServer(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield control
        finally:
            control.closing.set()
            server.shutdown()
            thread.join()


def _answer(control: ControlServer, handler: BaseHTTPRequestHandler) -> None:
    document = control.document
    tag = f'"{hashlib.sha256(document).hexdigest()[:16]}"'
    match control.manner:
        case "never":
            control.closing.wait()
        case "drip":
            head = b"HTTP/1.1 200 OK\r\nX: "
            for byte in head + b"x" * 10_000:
                handler.wfile.write(bytes([byte]))
                if control.closing.wait(0.2):
                    return
        case "garbage":
            handler.wfile.write(b"\x00\x01 not HTTP at all\r\n\r\n")
            handler.close_connection = True
        case "cut":
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(document)))
            handler.end_headers()
            handler.wfile.write(document[: len(document) // 2])
            handler.close_connection = True
        case "redirect":
            handler.send_response(302)
            handler.send_header("Location", control.url)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        case "error":
            handler.send_error(500)
        case "well" if handler.headers.get("If-None-Match") == tag:
            control.not_modified += 1
            handler.send_response(304)
            handler.send_header("ETag", tag)
            handler.end_headers()
        case "well":
            handler.send_response(200)
            handler.send_header("ETag", tag)
            handler.send_header("Content-Length", str(len(document)))
            handler.end_headers()
            handler.wfile.write(document)
