"""Publishes a collector's control document, at an address of its own that needs no token.

Anybody may read it: it is signed, and says no more than which destinations are shut. It answers
on a thread of its own, so that a collector under load does not keep a fleet waiting.

    GET  /control    the document; those who follow say who they are in the query
    POST /control    a release, signed with the key that no collector has
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

import msgspec
from aiohttp import web

from ...delivery.following.document import MAX_BYTES, Refused, Release, Signed
from ...delivery.following.keys import PublicKey, SigningKey
from ...delivery.following.publisher import FollowerSeen, InForce, Publisher
from ..config.fleet import PublishOptions
from ..host.open_files import most_connections
from ..host.private_files import write_private
from ..http.quiet_http import QuietServer
from ..http.threaded_http import ThreadedServer

_log = logging.getLogger("errlock.fleet")

PATH = "/control"
_RELEASE = "release"  # the file of the last one, in service.storage
_VERSION = "published"  # and of a version of the document that is not much older than the last
# How far versions, which mostly are milliseconds of the clock, may go on before that is written.
_NOTE_EVERY = 30_000


class PublishingFailed(Exception):  # noqa: N818  an answer to who published
    """A release was not published: what it lifts could not be lifted here."""


class ControlDocument:
    """A publisher with its server. All methods but start and stop are safe from every thread."""

    def __init__(
        self,
        options: PublishOptions,
        in_force: Callable[[], InForce],
        lift: Callable[[Mapping[str, float]], Future[None]],
        folder: Path | None,
        *,
        good_for: Callable[[], float],
    ) -> None:
        """`lift` makes words up to these moments void in this collector. Opens nothing."""
        assert options.signing_key is not None
        self._publisher = Publisher(
            SigningKey.parse(options.signing_key.reveal()),
            options.audience,
            in_force,
            [PublicKey.parse(key) for key in options.release_keys],
            good_for=good_for,
        )
        self.lost: str | None = None  # why the last release is published no more, if so
        self._lift = lift
        self._file = None if folder is None else folder / _RELEASE
        self._version_file = None if folder is None else folder / _VERSION
        self._noted = 0  # the version that was to be written last
        self._noting: asyncio.Task[None] | None = None
        self._lock = threading.Lock()  # around the publisher
        self._server = ThreadedServer(
            options.endpoint,
            lambda: QuietServer(self._handle),
            name="errlock-publish",
            grace=1.0,
            most=most_connections(),
        )

    @property
    def port(self) -> int:
        """The port in use, once started."""
        return self._server.port

    async def start(self) -> None:
        """Open the endpoint. Raises OSError."""
        await asyncio.to_thread(self._take_up)
        await self._server.start()

    async def stop(self) -> None:
        """Close it. Idempotent, safe without start()."""
        await self._server.stop()

    @property
    def version(self) -> int:
        """The version that says what is in force now."""
        with self._lock:
            return self._publisher.version

    def followers(self) -> Sequence[FollowerSeen]:
        """Those who asked within the last half minute, by name."""
        with self._lock:
            return self._publisher.followers()

    def applied(self, version: int) -> tuple[int, int]:
        """How many of the followers have that version in force, and how many there are."""
        with self._lock:
            return self._publisher.applied(version)

    async def publish(self, release: Signed) -> Release:
        """Lift here, then tell everybody. Raises Refused and PublishingFailed."""
        with self._lock:
            opened = self._publisher.opened(release)
        try:
            await asyncio.wrap_future(self._lift(opened.part.lifted))
            await asyncio.to_thread(self._keep, release)
        except (LiftFailed, OSError):
            raise PublishingFailed from None
        with self._lock:
            self._publisher.publish(release)
            self.lost = None
        return opened.part

    def _take_up(self) -> None:
        """Go on with the version and the release that were published last.

        Without them followers stay shut: that is told.
        """
        try:
            if self._version_file is not None:
                self._noted = int(self._version_file.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            _log.error("the version that was published last is not known: %s", _kind(error))
        # A clock that was ahead has been put right since: who saw the last version takes no other.
        if self._noted > time.time() * 1000:
            self._publisher.go_on_from(self._noted + 2 * _NOTE_EVERY)
        self.lost = self._take_up_release()
        if self.lost is not None:
            _log.error("the last release is published no more: %s", self.lost)

    def _take_up_release(self) -> str | None:
        """What comes in the way, if anything does; that it has expired does not."""
        try:
            if self._file is not None:
                self._publisher.publish(Signed.decode(self._file.read_bytes()))
        except FileNotFoundError:
            pass
        except OSError as error:
            return _kind(error)
        except Refused as refused:
            return None if refused.reason == "expired" else refused.reason
        return None

    def _keep(self, release: Signed) -> None:
        if self._file is not None:
            write_private(self._file, msgspec.json.encode(release))

    async def _note(self, version: int) -> None:
        """Nobody waits for it: a disk that is full, or slow, keeps no word from the fleet."""
        self._noted = version
        if self._version_file is not None:
            with suppress(OSError):  # it will be noted again
                await asyncio.to_thread(write_private, self._version_file, b"%d" % version)
        self._noting = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != PATH:
            return web.Response(status=404, text="no such page\n")
        if request.method in ("GET", "HEAD"):
            return self._document(request)
        if request.method == "POST":
            return await self._release(request)
        return web.Response(status=405, headers={"Allow": "GET, HEAD, POST"})

    def _document(self, request: web.BaseRequest) -> web.Response:
        with self._lock:
            self._publisher.heard(
                request.query.get("follower", ""), request.query.get("version", "")
            )
            body = self._publisher.document()
            version = self._publisher.version
        if self._noting is None and not 0 <= version - self._noted < _NOTE_EVERY:
            self._noting = asyncio.create_task(self._note(version))
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "no-store"}
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type="application/json", headers=headers)

    async def _release(self, request: web.BaseRequest) -> web.Response:
        if (request.content_length or MAX_BYTES + 1) > MAX_BYTES:
            return _answer(413, "too_large")
        try:
            release = Signed.decode(await request.read())
        except Refused as refused:
            return _answer(400, refused.reason)
        try:
            part = await self.publish(release)
        except Refused as refused:
            return _answer(409, refused.reason)
        except PublishingFailed:
            return _answer(503, "not_written")
        _log.warning("a release was published: %s", ", ".join(part.lifted))
        return _answer(200, "published")


class LiftFailed(Exception):  # noqa: N818  what became of a release
    """What a release lifts could not be lifted in this collector."""


def _kind(error: OSError | ValueError) -> str:
    strerror = error.strerror if isinstance(error, OSError) else "malformed"
    return strerror or type(error).__name__


def _answer(status: int, kind: str) -> web.Response:
    return web.json_response({"kind": kind}, status=status)
