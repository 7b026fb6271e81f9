"""An HTTP server with a thread and an event loop of its own.

It answers while the pipeline's loop is busy to the last: for those who must not be kept waiting.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress

from ..host.threads import work_beside
from .listening import serve_at
from .quiet_http import QuietServer

_WORKERS = 2  # for what waits for the disk


class ThreadedServer:
    """Serves one endpoint (`host:port`; no host: every interface)."""

    def __init__(
        self,
        endpoint: str,
        make: Callable[[], QuietServer],
        *,
        name: str,
        grace: float,
        most: int,
        beside: Callable[[], Coroutine[object, object, None]] | None = None,
    ) -> None:
        """`make` and `beside`, which runs as long as it serves, are called in the thread `name`.

        Requests that have begun may take `grace` seconds when it is stopped. It has `most`
        connections at one time.
        """
        self._endpoint = endpoint
        self._make = make
        self._name = name
        self._grace = grace
        self._most = most
        self._beside = beside
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self.port = 0  # the port in use, once started

    async def start(self) -> None:
        """Open the endpoint. Raises OSError."""
        opened: Future[int] = Future()
        thread = threading.Thread(target=self._work, args=[opened], name=self._name, daemon=True)
        thread.start()
        self._thread = thread
        self.port = await asyncio.wrap_future(opened)

    async def stop(self) -> None:
        """Close it. Idempotent, safe without start()."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._loop is not None and self._stop is not None:
            with suppress(RuntimeError):  # it could not be opened, and has ended
                self._loop.call_soon_threadsafe(self._stop.set)
        await asyncio.to_thread(thread.join)

    def _work(self, opened: Future[int]) -> None:
        try:
            asyncio.run(self._serve(opened))
        except BaseException as failure:
            if opened.done():
                raise
            opened.set_exception(failure)  # an event loop takes files, too

    async def _serve(self, opened: Future[int]) -> None:
        """The thread's work, from opening to closing."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        work_beside(self._loop, _WORKERS, f"{self._name}-worker")
        try:
            listener, port = await serve_at(self._make(), self._endpoint, self._most)
        except OSError as error:
            opened.set_exception(error)
            return
        opened.set_result(port)
        beside = asyncio.create_task(self._beside()) if self._beside is not None else None
        await self._stop.wait()
        if beside is not None:
            beside.cancel()
        await listener.close(self._grace)
