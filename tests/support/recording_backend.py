"""A backend for tests: answers as told and keeps every byte that came over the wire."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import zstandard


@dataclass
class Request:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    raw_body: bytes

    @property
    def body(self) -> bytes:
        """The body with its content encoding undone."""
        encoding = self.headers.get("content-encoding")
        if encoding == "gzip":
            return gzip.decompress(self.raw_body)
        if encoding == "zstd":
            return zstandard.ZstdDecompressor().decompressobj().decompress(self.raw_body)
        return self.raw_body


@dataclass
class RecordingBackend:
    """Answers with `status` and `headers`; never, while `silent`."""

    port: int = 0
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    wire: bytes = b""
    requests: list[Request] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def dsn(self, project: str = "1", key: str = "theirkey", path: str = "") -> str:
        """A DSN that leads here."""
        return f"http://{key}@127.0.0.1:{self.port}{path}/{project}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            line, *rest = head.decode().split("\r\n")
            pairs = [one.split(": ", 1) for one in rest if one]
            headers = {name.lower(): value for name, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.wire += head + body
            self.requests.append(Request(line, headers, body))
            self.arrived.set()
            if not self.silent:
                more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
                writer.write(
                    f"HTTP/1.1 {self.status} X\r\nContent-Length: 2\r\n{more}\r\n{{}}".encode()
                )


@asynccontextmanager
async def recording_backend() -> AsyncIterator[RecordingBackend]:
    """A backend on a port of its own, while the block runs."""
    backend = RecordingBackend()
    server = await asyncio.start_server(backend._serve, "127.0.0.1", 0)
    backend.port = server.sockets[0].getsockname()[1]
    try:
        yield backend
    finally:
        server.close()
        for writer in backend.writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
