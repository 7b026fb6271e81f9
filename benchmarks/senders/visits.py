"""What visitors do in the shop, and how a server passes it on to the application: WSGI or ASGI.

Every visit is by somebody else from somewhere else. All of it is made up.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults

_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) Version/17.6 Mobile Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/129.0.0.0 Safari/537.36",
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request."""

    number: int
    method: str
    path: str
    query: str = ""
    body: bytes = b""
    type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    client: str = "127.0.0.1"  # a proxy beside the application

    @property
    def customer(self) -> dict[str, str]:
        """The user that an application would report."""
        return {
            "id": str(4000 + self.number),
            "email": f"visitor{self.number}@mail.example",
            "ip_address": f"198.51.100.{self.number % 250 + 1}",
        }


def visits(count: int, *, personal: bool = True) -> Iterator[Visit]:
    """Visits in turn; with `personal` they carry cookies and forwarded addresses."""
    for number in range(count):
        headers = {
            "Host": "shop.example",
            "User-Agent": _AGENTS[number % len(_AGENTS)],
            "Accept": "application/json, text/html;q=0.9, */*;q=0.8",
            "Accept-Language": "nl,en-GB;q=0.8,en;q=0.7",
            "Accept-Encoding": "gzip, deflate, br",
            "Connection": "keep-alive",
            "X-Request-Id": f"{number * 7919 + 104729:08x}-shop",
        }
        if personal:
            headers["Cookie"] = f"theme=dark; cart={number}; sessionid={number * 7919:016x}"
            headers["Referer"] = f"https://shop.example/basket?step={number % 4}"
            headers["X-Forwarded-For"] = f"198.51.100.{number % 250 + 1}"
        yield _visit(number, headers)


def _visit(number: int, headers: dict[str, str]) -> Visit:
    kind = number % 6
    if kind < 2:
        cart = {
            "items": [{"sku": f"SKU-{(number + i) % 40:04d}", "quantity": i + 1} for i in range(6)],
            "coupon": "SPRING" if kind else f"AUTUMN{number}",
            "note": "please leave it at the door",
        }
        body = json.dumps(cart).encode()
        return Visit(number, "POST", "/checkout", "step=3", body, "application/json", headers)
    if kind == 2:
        return Visit(number, "GET", f"/orders/{1001 + number % 39}", headers=headers)
    if kind == 3:
        query = f"sku=SKU-{12 + number % 25:04d}&sort=price"
        return Visit(number, "GET", "/catalogue", query, headers=headers)
    if kind == 4:
        form = {"email": f"visitor{number}@mail.example", "password": f"open-sesame-{number}"}
        type_ = "application/x-www-form-urlencoded"
        return Visit(number, "POST", "/login", "", urlencode(form).encode(), type_, headers)
    return Visit(number, "GET", "/report", f"month=2026-{number % 12 + 1:02d}", headers=headers)


def answer(shop: Any, path: str, query: dict[str, str], body: bytes, customer: int) -> Any:
    """What the shop says: the one table of routes, for applications without a framework."""
    if path == "/checkout":
        return shop.checkout(json.loads(body), customer)
    if path == "/login":
        return shop.login(query)
    if path == "/catalogue":
        return shop.category(query["sku"])
    if path == "/report":
        return shop.report(query["month"])
    return shop.order(int(path.rpartition("/")[2]))


def call_wsgi(application: Any, visit: Visit) -> None:
    """One request, as a WSGI server would pass it on; a failing application is what is wanted."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": visit.method,
        "PATH_INFO": visit.path,
        "QUERY_STRING": visit.query,
        "RAW_URI": f"{visit.path}?{visit.query}" if visit.query else visit.path,
        "SERVER_NAME": "shop.example",
        "SERVER_PORT": "443",
        "wsgi.url_scheme": "https",
        "REMOTE_ADDR": visit.client,
        "CONTENT_LENGTH": str(len(visit.body)),
        "CONTENT_TYPE": visit.type,
        "wsgi.input": io.BytesIO(visit.body),
        **{f"HTTP_{key.upper().replace('-', '_')}": text for key, text in visit.headers.items()},
    }
    setup_testing_defaults(environ)
    with contextlib.suppress(Exception):
        result = application(environ, lambda status, headers, exc_info=None: lambda data: None)
        try:
            list(result)
        finally:
            if hasattr(result, "close"):
                result.close()


def call_asgi(application: Any, visit: Visit) -> None:
    """One request, as an ASGI server would pass it on."""
    headers = {**visit.headers, "Content-Type": visit.type, "Content-Length": str(len(visit.body))}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": visit.method,
        "scheme": "https",
        "path": visit.path,
        "raw_path": visit.path.encode(),
        "query_string": visit.query.encode(),
        "root_path": "",
        "headers": [(key.lower().encode(), text.encode()) for key, text in headers.items()],
        "server": ("shop.example", 443),
        "client": (visit.client, 40000 + visit.number),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": visit.body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        pass

    with contextlib.suppress(Exception):
        asyncio.run(application(scope, receive, send))
