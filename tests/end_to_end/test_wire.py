"""The recording relay sees through what a secret could hide in."""

from __future__ import annotations

import gzip
import http.client
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import brotli  # type: ignore[import-untyped]  # it has no annotations
import grpc  # type: ignore[import-untyped]  # it has no annotations
import pytest
import zstandard
from canaries import CANARIES, found_in
from http_sink import read_body
from wire import Wire

MakeWire = Callable[[int], Wire]
NEEDLE = b"needle in a haystack"


class Echo(BaseHTTPRequestHandler):
    """Answers with what it got, under the same encoding."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = read_body(self)
        self.send_response(200)
        self.send_header("Content-Encoding", self.headers.get("Content-Encoding", "identity"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def echo() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("encoding", ENCODERS)
def test_bodies_are_seen_through_their_encoding_in_both_directions(
    echo: int, wire: MakeWire, encoding: str, chunked: bool
) -> None:
    relay = wire(echo)
    body = ENCODERS[encoding](NEEDLE * 50)
    connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=10)
    for _ in range(2):  # two messages on one connection
        connection.request(
            "POST",
            "/",
            iter([body[:9], body[9:]]) if chunked else body,
            {"Content-Encoding": encoding},
            encode_chunked=chunked,
        )
        assert connection.getresponse().read() == body
    connection.close()
    assert [message.body for message in relay.requests] == [NEEDLE * 50] * 2
    assert [message.body for message in relay.responses] == [NEEDLE * 50] * 2
    assert relay.contains(NEEDLE)
    assert not relay.contains(b"another needle")


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_grpc_messages_are_seen_in_both_directions(
    wire: MakeWire, compression: grpc.Compression
) -> None:
    handler = grpc.method_handlers_generic_handler(
        "test.Echo",
        {"Send": grpc.unary_unary_rpc_method_handler(lambda request, _context: request[::-1])},
    )
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((handler,))
    relay = wire(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    message = NEEDLE * 3000  # more than one frame
    with grpc.insecure_channel(f"127.0.0.1:{relay.port}", compression=compression) as channel:
        assert channel.unary_unary("/test.Echo/Send")(message, timeout=10) == message[::-1]
    server.stop(0).wait()
    assert message in relay.grpc_messages
    assert message[::-1] in relay.grpc_messages


@pytest.mark.parametrize("core", CANARIES.values(), ids=CANARIES)
def test_a_canary_is_found_however_it_is_written(core: str) -> None:
    import base64
    from urllib.parse import quote

    name = next(name for name, value in CANARIES.items() if value == core)
    raw = core.encode()
    for view in (
        b"before " + raw + b" after",
        raw.replace(b" ", b""),
        quote(core, safe="").encode(),
        raw.hex().encode(),
        *(base64.b64encode(b"x" * shift + raw + b"more") for shift in range(4)),
    ):
        assert name in found_in([view])
    assert found_in([b"nothing of the kind"]) == []
