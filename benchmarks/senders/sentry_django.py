"""A Django application on its own database layer with sentry-sdk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from benchmarks.senders import sentry_recording
from benchmarks.senders.payment import by_urllib, payment_service
from benchmarks.senders.shop import SCHEMA, Query, Shop, rows
from benchmarks.senders.visits import Visit, call_wsgi, visits

# Of the extra `bench`: they need not be there where this is type-checked.
django: Any = import_module("django")
conf: Any = import_module("django.conf")
urlpatterns: list[Any] = []


def opened() -> Query:
    """The database through Django's connection: queries leave breadcrumbs."""
    connection = import_module("django.db").connection

    def query(statement: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        with connection.cursor() as cursor:
            cursor.execute(statement.replace("?", "%s"), list(values))
            return list(cursor.fetchall()) if cursor.description else []

    for statement in SCHEMA:
        query(statement, ())
    for statement, values in rows():
        query(statement, values)
    return query


def route(shop: Shop) -> None:
    """Fill `urlpatterns`."""
    http = import_module("django.http")
    path = import_module("django.urls").path

    def customer(request: Any) -> int:
        visit: Visit = request.META["shop.visit"]
        sentry_recording.describe(visit)
        return visit.number % 39 + 1

    def checkout(request: Any) -> Any:
        return http.JsonResponse(shop.checkout(json.loads(request.body), customer(request)))

    def order(request: Any, number: int) -> Any:
        customer(request)
        return http.JsonResponse(shop.order(number))

    def catalogue(request: Any) -> Any:
        customer(request)
        return http.JsonResponse({"path": shop.category(request.GET["sku"])})

    def login(request: Any) -> Any:
        customer(request)
        return http.JsonResponse({"id": shop.login(request.POST.dict())})

    def report(request: Any) -> Any:
        customer(request)
        return http.JsonResponse(shop.report(request.GET["month"]))

    urlpatterns.extend(
        [
            path("checkout", checkout),
            path("orders/<int:number>", order),
            path("catalogue", catalogue),
            path("login", login),
            path("report", report),
        ]
    )


def main() -> None:
    """Record."""
    conf.settings.configure(
        SECRET_KEY="only-for-recording",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="benchmarks.senders.sentry_django",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        LOGGING_CONFIG=None,
    )
    sentry_recording.start("django")
    django.setup()
    with payment_service() as payment:
        # Under its own name: run as a program this module is `__main__`, and Django asks for it.
        import_module("benchmarks.senders.sentry_django").route(Shop(opened(), by_urllib(payment)))
        app = import_module("django.core.wsgi").get_wsgi_application()
        for visit in visits(90):
            call_wsgi(
                lambda env, start, visit=visit: app({**env, "shop.visit": visit}, start), visit
            )


if __name__ == "__main__":
    main()
