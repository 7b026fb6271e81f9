"""A relay between a sender and a server of this machine that keeps every byte it forwards.

So that a test can say what was *not* on the wire: `assert not wire.contains(b"...")` looks at the
raw bytes of both directions, at HTTP/1.1 messages with their chunking and compression undone
(gzip, deflate, br, zstd), and at gRPC messages cut out of their HTTP/2 frames, decompressed.
Not undone: the Huffman coding of HTTP/2 header fields.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

import brotli  # type: ignore[import-untyped]  # it has no annotations
import zstandard

_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA_FRAME, _PADDED = 0, 0x8


@dataclass(slots=True)
class Exchange:
    """The bytes of one connection."""

    sent: bytearray = field(default_factory=bytearray)  # by the client
    received: bytearray = field(default_factory=bytearray)  # by the client, from the server


@dataclass(frozen=True, slots=True)
class Message:
    """One HTTP/1.1 request or response."""

    start_line: str
    headers: dict[str, str]  # names in lower case
    body: bytes  # chunking and compression undone


class Wire:
    """Forwards connections to `port` as long as it is entered; `wire.port` is its own."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._exchanges: list[Exchange] = []
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Cut every connection and accept no more. What was recorded stays. Idempotent."""
        # Shutting down wakes the thread that waits in accept; closing alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sockets, threads = list(self._sockets), list(self._threads)
        for end in sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
        for end in sockets:
            end.close()

    @property
    def sent(self) -> bytes:
        """All that clients sent, connection after connection."""
        return b"".join(bytes(exchange.sent) for exchange in self._exchanges)

    @property
    def requests(self) -> list[Message]:
        """The HTTP/1.1 requests that clients sent."""
        return [
            message
            for exchange in self._exchanges
            if not exchange.sent.startswith(_HTTP2_PREFACE)
            for message in _http_messages(bytes(exchange.sent))
        ]

    @property
    def responses(self) -> list[Message]:
        """The HTTP/1.1 responses of the server."""
        return [
            message
            for exchange in self._exchanges
            if not exchange.sent.startswith(_HTTP2_PREFACE)
            for message in _http_messages(bytes(exchange.received))
        ]

    @property
    def grpc_messages(self) -> list[bytes]:
        """The gRPC messages of both directions, decompressed."""
        return [
            message
            for exchange in self._exchanges
            if exchange.sent.startswith(_HTTP2_PREFACE)
            for way in (bytes(exchange.sent[len(_HTTP2_PREFACE) :]), bytes(exchange.received))
            for message in _grpc_messages(way)
        ]

    def contains(self, needle: bytes) -> bool:
        """Whether these bytes went over the wire, in any direction, as they are or encoded."""
        return any(needle in view for view in self.views())

    def views(self) -> Iterator[bytes]:
        """All bytes of both directions: raw, then what decoding makes of them."""
        for exchange in self._exchanges:
            yield bytes(exchange.sent)
            yield bytes(exchange.received)
        for message in (*self.requests, *self.responses):
            yield message.body
        yield from self.grpc_messages

    def _start(self, target: object, *arguments: object) -> None:
        assert callable(target)
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            exchange = Exchange()
            with self._lock:
                self._exchanges.append(exchange)
                self._sockets += [client, server]
            self._start(_forward, client, server, exchange.sent)
            self._start(_forward, server, client, exchange.received)


def _forward(source: socket.socket, target: socket.socket, record: bytearray) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            record += chunk  # before it is sent: nothing arrives that was not recorded
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _http_messages(stream: bytes) -> Iterator[Message]:
    """The messages of one direction. A message that is cut off yields what there is of it."""
    while stream:
        head, separator, rest = stream.partition(b"\r\n\r\n")
        if not separator:
            return
        start_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        if "chunked" in headers.get("transfer-encoding", ""):
            body, stream = _unchunk(rest)
        else:
            length = int(headers.get("content-length", "0"))
            body, stream = rest[:length], rest[length:]
        encoding = headers.get("content-encoding", "identity")
        yield Message(start_line, headers, _decompressed(body, encoding))


def _unchunk(stream: bytes) -> tuple[bytes, bytes]:
    """The body that chunks make up, and what follows it."""
    body = b""
    while stream:
        size, _, stream = stream.partition(b"\r\n")
        length = int(size.partition(b";")[0] or b"0", 16)
        if length == 0:
            return body, stream.partition(b"\r\n")[2]
        body += stream[:length]
        stream = stream[length + 2 :]
    return body, b""


def _decompressed(body: bytes, encoding: str) -> bytes:
    """The body without its compression; itself when it is not whole: the raw bytes are kept."""
    with contextlib.suppress(OSError, EOFError, zlib.error, brotli.error, zstandard.ZstdError):
        match encoding:
            case "gzip":
                return gzip.decompress(body)
            case "deflate":
                return zlib.decompress(body)
            case "br":
                plain: bytes = brotli.decompress(body)
                return plain
            case "zstd":
                return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return body


def _grpc_messages(frames: bytes) -> Iterator[bytes]:
    """The messages in the DATA frames of one direction of an HTTP/2 connection (RFC 9113 §4.1)."""
    streams: dict[int, bytes] = {}
    while len(frames) >= 9:
        length, type_, flags = int.from_bytes(frames[:3]), frames[3], frames[4]
        stream = int.from_bytes(frames[5:9]) & 0x7FFFFFFF
        payload, frames = frames[9 : 9 + length], frames[9 + length :]
        if type_ == _DATA_FRAME:
            if flags & _PADDED:
                payload = payload[1 : len(payload) - payload[0]]
            streams[stream] = streams.get(stream, b"") + payload
    for data in streams.values():
        while len(data) >= 5:
            compressed, size = data[0], int.from_bytes(data[1:5])
            message, data = data[5 : 5 + size], data[5 + size :]
            # gRPC names its codec in a header that we do not decode; wbits tells them apart.
            yield zlib.decompress(message, wbits=47) if compressed else message
