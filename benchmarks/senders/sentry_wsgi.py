"""A WSGI application without a framework, with sentry-sdk's WSGI middleware."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware

from benchmarks.senders import sentry_recording
from benchmarks.senders.database import opened
from benchmarks.senders.payment import by_urllib, payment_service
from benchmarks.senders.shop import Shop
from benchmarks.senders.visits import Visit, answer, call_wsgi, visits


def application(shop: Shop, visit: Visit) -> Callable[..., Iterable[bytes]]:
    """The application for one visit."""

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        sentry_recording.describe(visit)
        body = environ["wsgi.input"].read()
        text = environ["QUERY_STRING"] or body.decode()
        reply = answer(
            shop, environ["PATH_INFO"], dict(parse_qsl(text)), body, visit.number % 39 + 1
        )
        start_response("200 OK", [])
        return [str(reply).encode()]

    return serve


def main() -> None:
    """Record."""
    sentry_recording.start("wsgi")
    with payment_service() as payment:
        shop = Shop(opened(), by_urllib(payment))
        for visit in visits(60):
            call_wsgi(SentryWsgiMiddleware(application(shop, visit)), visit)


if __name__ == "__main__":
    main()
