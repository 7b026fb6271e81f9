import asyncio
import logging
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from errlock_shop.team import Team
from errlock_shop.webhook import Webhook

from errlock.pipeline import Pipeline
from errlock.pipeline.component import Delivered, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import ExportFailed
from errlock.pipeline.options import Secret
from errlock.pipeline.payloads.envelope import Envelope
from errlock.processors.redact import Redact

SETTINGS = Settings("webhook", Counters(), logging.getLogger("webhook"))


def test_an_event_says_whose_it_is_and_keeps_what_it_had() -> None:
    policy = Pipeline([Team(name="checkout"), Redact()])
    event = {"message": "password=Winter2024!", "extra": {"cart": 3}}
    clean = policy.scrub_event(event)
    assert clean is not None
    assert clean["message"] == "password=[password]"
    assert clean["extra"] == {"cart": 3, "team": "checkout"}
    assert event["extra"] == {"cart": 3}


def test_events_of_load_tests_do_not_go_out() -> None:
    assert Pipeline([Team(name="checkout")]).scrub_event({"logger": "loadtest"}) is None


class Hook(BaseHTTPRequestHandler):
    answer = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


async def told(url: str) -> Delivered:
    exporter = Webhook(url=Secret(url)).build(SETTINGS)
    await exporter.start()
    try:
        return await exporter.export(Envelope.from_event({"message": "hello"}))
    finally:
        await exporter.stop()


@pytest.mark.parametrize(("answer", "retryable"), [(200, None), (503, True), (400, False)])
def test_what_the_hook_answers_counts(answer: int, retryable: bool | None) -> None:
    with HTTPServer(("127.0.0.1", 0), type("Answering", (Hook,), {"answer": answer})) as server:
        Thread(target=server.handle_request).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        if retryable is None:
            assert asyncio.run(told(url)) == Delivered(1)
        else:
            with pytest.raises(ExportFailed) as failure:
                asyncio.run(told(url))
            assert failure.value.retryable is retryable
