"""The application that fails in all senders: a shop with orders, a catalogue and payment by HTTP.

`query` is the database as the framework at hand has it, `charge` asks the payment service.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

log = logging.getLogger("shop.orders")

Query = Callable[[str, Sequence[Any]], list[Sequence[Any]]]
Charge = Callable[[bytes], dict[str, Any]]

SCHEMA = (
    "CREATE TABLE product (sku TEXT PRIMARY KEY, title TEXT, price INTEGER, parent TEXT)",
    "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, plan TEXT)",
    "CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer INTEGER, total INTEGER, state TEXT)",
)
_TITLES = ("Desk lamp", "Oak shelf", "Linen curtain", "Kettle", "Folding chair", "Wool rug")


def rows() -> Iterable[tuple[str, Sequence[Any]]]:
    """Statements that fill the tables."""
    for number in range(40):
        title = f"{_TITLES[number % len(_TITLES)]} no. {number}"
        parent = None if number == 0 else f"SKU-{number - 1:04d}"
        yield "INSERT INTO product VALUES (?, ?, ?, ?)", (f"SKU-{number:04d}", title, 500, parent)
    for number in range(1, 40):
        customer = (number, f"{_name(number)}@mail.example", "gold" if number % 3 else "basic")
        yield "INSERT INTO customer VALUES (?, ?, ?)", customer
        yield "INSERT INTO purchase VALUES (?, ?, ?, ?)", (1000 + number, number, 0, "open")


def _name(number: int) -> str:
    return ("ada", "bert", "chen", "dilek", "emma", "femi")[number % 6] + f".tester{number}"


class CheckoutError(Exception):
    """An order that could not be placed."""


class PaymentError(Exception):
    """The payment service said no."""


class Coupon:
    """What a customer types in at the till."""

    def __init__(self, code: str, rate: float) -> None:
        self.code, self.rate = code, rate

    def __repr__(self) -> str:
        return f"<Coupon {self.code} {self.rate:.0%}>"


class Shop:
    """Does what the requests ask for, until it fails."""

    def __init__(self, query: Query, charge: Charge) -> None:
        self.query = query
        self.charge = charge
        self.coupons = {"SPRING": Coupon("SPRING", 0.1), "STAFF": Coupon("STAFF", 0.3)}

    def checkout(self, cart: dict[str, Any], customer: int) -> dict[str, Any]:
        """Place an order. Fails for coupons that nobody knows, with a chain of two."""
        lines = [self.line(item["sku"], int(item["quantity"])) for item in cart["items"]]
        total = sum(price * quantity for _, price, quantity in lines)
        shipping = {"method": cart.get("shipping", "standard"), "country": "NL", "parcels": 1}
        log.info("order of %d lines over %d for customer %d", len(lines), total, customer)
        try:
            total = self.discounted(total, cart["coupon"])
        except LookupError as error:
            attempt = {"lines": lines, "shipping": shipping, "retries": 2}
            raise CheckoutError(f"cannot place order of {len(attempt)} parts") from error
        return self.pay(customer, total)

    def line(self, sku: str, quantity: int) -> tuple[str, int, int]:
        """Title, price and quantity of one line."""
        found = self.query("SELECT title, price FROM product WHERE sku = ?", (sku,))
        title, price = found[0]
        log.debug("price of %s is %d", sku, price)
        return str(title), int(price), quantity

    def discounted(self, total: int, code: str) -> int:
        """What is left to pay."""
        coupon = self.coupons[code]
        return int(total * (1 - coupon.rate))

    def pay(self, customer: int, total: int) -> dict[str, Any]:
        """Ask the payment service."""
        found = self.query("SELECT email, plan FROM customer WHERE id = ?", (customer,))
        body = json.dumps({"amount": total, "currency": "EUR", "plan": found[0][1]}).encode()
        try:
            return self.charge(body)
        except OSError as error:
            raise PaymentError(f"payment of {total} EUR refused") from error

    def order(self, number: int) -> dict[str, Any]:
        """Show an order; of one without total no share can be reckoned."""
        found = self.query("SELECT id, customer, total FROM purchase WHERE id = ?", (number,))
        order_id, customer, total = found[0]
        log.warning("order %d of customer %d has total %d", order_id, customer, total)
        return {"id": order_id, "share": 100 / total}

    def category(self, sku: str, depth: int = 0) -> list[str]:
        """All that a product stands under, upwards; fails at the top."""
        found = self.query("SELECT title, parent FROM product WHERE sku = ?", (sku,))
        title, parent = found[0]
        path = [str(title), *self.category(str(parent), depth + 1)]
        return path[: depth + 1]

    def login(self, form: dict[str, str]) -> int:
        """Find a customer by what was typed in."""
        email, password = form["email"], form["password"]
        found = self.query("SELECT id, plan FROM customer WHERE email = ?", (email,))
        if not found or len(password) < 64:
            raise PermissionError(f"login of {email} refused")
        return int(found[0][0])

    def report(self, month: str) -> dict[str, int]:
        """A report: logs an error, then fails inside the standard library."""
        found = self.query("SELECT state, COUNT(*) FROM purchase GROUP BY state", ())
        log.error("report for %s has %d groups, expected 3", month, len(found))
        return dict(json.loads('{"month": "' + month + '", "groups": }'))
