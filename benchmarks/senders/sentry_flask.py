"""A Flask application on SQLAlchemy with sentry-sdk."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from benchmarks.senders import sentry_recording
from benchmarks.senders.payment import by_urllib, payment_service
from benchmarks.senders.shop import SCHEMA, Query, Shop, rows
from benchmarks.senders.visits import Visit, call_wsgi, visits

# Of the extra `bench`: they need not be there where this is type-checked.
flask: Any = import_module("flask")
sqlalchemy: Any = import_module("sqlalchemy")


def opened() -> Query:
    """The database, through SQLAlchemy: queries leave breadcrumbs."""
    connection = sqlalchemy.create_engine(
        "sqlite://", poolclass=sqlalchemy.pool.StaticPool
    ).connect()
    for statement in SCHEMA:
        connection.exec_driver_sql(statement)
    for statement, values in rows():
        connection.exec_driver_sql(statement, tuple(values))

    def query(statement: str, values: Sequence[Any]) -> list[Sequence[Any]]:
        return list(connection.exec_driver_sql(statement, tuple(values)).fetchall())

    return query


def application(shop: Shop) -> Any:
    """The routes."""
    app = flask.Flask("shop")

    def customer() -> int:
        visit: Visit = flask.request.environ["shop.visit"]
        sentry_recording.describe(visit)
        return visit.number % 39 + 1

    def checkout() -> Any:
        return shop.checkout(flask.request.get_json(), customer())

    def order(number: int) -> Any:
        customer()
        return shop.order(number)

    def catalogue() -> Any:
        customer()
        return {"path": shop.category(flask.request.args["sku"])}

    def login() -> Any:
        customer()
        return {"id": shop.login(flask.request.form.to_dict())}

    def report() -> Any:
        customer()
        return shop.report(flask.request.args["month"])

    app.add_url_rule("/checkout", view_func=checkout, methods=["POST"])
    app.add_url_rule("/orders/<int:number>", view_func=order)
    app.add_url_rule("/catalogue", view_func=catalogue)
    app.add_url_rule("/login", view_func=login, methods=["POST"])
    app.add_url_rule("/report", view_func=report)
    return app


def main() -> None:
    """Record."""
    sentry_recording.start("flask")
    with payment_service() as payment:
        app = application(Shop(opened(), by_urllib(payment)))
        for visit in visits(90):
            call_wsgi(
                lambda env, start, visit=visit: app({**env, "shop.visit": visit}, start), visit
            )


if __name__ == "__main__":
    main()
