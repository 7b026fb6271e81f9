"""A FastAPI application with sentry-sdk."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

from benchmarks.senders import sentry_recording
from benchmarks.senders.database import opened
from benchmarks.senders.payment import by_urllib, payment_service
from benchmarks.senders.shop import Shop
from benchmarks.senders.visits import Visit, call_asgi, visits

# Of the extra `bench`: they need not be there where this is type-checked.
fastapi: Any = import_module("fastapi")


def application(shop: Shop, current: list[Visit]) -> Any:
    """The routes; `current` holds the visit that is being served."""
    app = fastapi.FastAPI()

    def customer() -> int:
        sentry_recording.describe(current[-1])
        return current[-1].number % 39 + 1

    async def checkout(request: Any) -> Any:
        return shop.checkout(json.loads(await request.body()), customer())

    async def order(number: int) -> Any:
        customer()
        return shop.order(number)

    async def catalogue(sku: str) -> Any:
        customer()
        return shop.category(sku)

    async def login(request: Any) -> Any:
        customer()
        return shop.login(dict(parse_qsl((await request.body()).decode())))

    async def report(month: str) -> Any:
        customer()
        return shop.report(month)

    # FastAPI reads annotations; a type checker does not know this one.
    for view in (checkout, login):
        view.__annotations__["request"] = fastapi.Request
    app.add_api_route("/checkout", checkout, methods=["POST"])
    app.add_api_route("/orders/{number}", order)
    app.add_api_route("/catalogue", catalogue)
    app.add_api_route("/login", login, methods=["POST"])
    app.add_api_route("/report", report)
    return app


def main() -> None:
    """Record."""
    sentry_recording.start("fastapi")
    with payment_service() as payment:
        current: list[Visit] = []
        app = application(Shop(opened(), by_urllib(payment)), current)
        for visit in visits(90):
            current.append(visit)
            call_asgi(app, visit)


if __name__ == "__main__":
    main()
