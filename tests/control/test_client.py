"""Who answers at a collector's address may be somebody else, and answer anything."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from live_control import control_server

from errlock.pipeline.control.client import Client, NoAnswer
from errlock.pipeline.control.messages import Jobs


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"error": "\xff", "kind": "\xff"}'])
@pytest.mark.parametrize("status", [200, 409])
def test_what_no_collector_says_is_told_as_such(status: int, body: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            asked, _ = server.accept()
            with asked:
                asked.recv(65536)
                asked.sendall(b"HTTP/1.0 %d -\r\n\r\n%b" % (status, body))

        answering = threading.Thread(target=answer)
        answering.start()
        client = Client(f"http://127.0.0.1:{server.getsockname()[1]}", "errlock_token")
        with pytest.raises(NoAnswer, match=rf"\(HTTP {status}\) is not a collector"):
            client.ask("/v1/replays", Jobs)
        answering.join()


def test_an_answer_that_drips_is_none_in_time() -> None:
    with control_server() as server:
        server.manner = "drip"
        began = time.monotonic()
        with pytest.raises(NoAnswer, match=r"^no answer within 0\.5 s$"):
            Client(server.url.removesuffix("/control"), "errlock_token").ask(
                "/v1/replays", Jobs, timeout=0.5
            )
        assert time.monotonic() - began < 5
