"""The one generator of events: seeded, so that a run can be repeated; no two events are alike.

They have the shape of sentry-python's. What it makes is clean until secrets are planted.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass
from typing import Any

from benchmarks.growing import length

_WORDS = ["order", "cart", "payment", "refund", "invoice", "stock", "item", "coupon", "parcel"]


@dataclass(frozen=True, slots=True)
class Planted:
    """A secret in an event, and what stands beside it and is to stay."""

    secret: str
    neighbour: str


class Events:
    """Events of a wanted size, clean or with a wanted number of secrets."""

    def __init__(self, seed: str = "events") -> None:
        self._random = random.Random(seed)

    def _hex(self, length: int) -> str:
        return f"{self._random.getrandbits(length * 4):0{length}x}"

    def _token(self, length: int = 32) -> str:
        return "".join(self._random.choices(string.ascii_letters + string.digits, k=length))

    def _sentence(self) -> str:
        return " ".join(self._random.choices(_WORDS, k=8))

    def _frame(self, index: int) -> dict[str, Any]:
        word = self._random.choice(_WORDS)
        return {
            "filename": f"shop/{word}/views.py",
            "abs_path": f"/srv/app/shop/{word}/views.py",
            "function": f"handle_{word}_{index}",
            "module": f"shop.{word}.views",
            "lineno": self._random.randrange(1, 900),
            "in_app": True,
            "pre_context": [f"    {word} = load(request)", "    if not order:", "        return"],
            "context_line": f"    return process({word}, retries={self._random.randrange(9)})",
            "post_context": ["", f"def close_{word}({word}):", "    ..."],
            "vars": {
                "self": f"<shop.{word}.View object at 0x7f{self._hex(10)}>",
                "order_id": str(self._random.randrange(10**7, 10**8)),
                "request_id": f"'{self._hex(8)}-{self._hex(4)}-4{self._hex(3)}-a{self._hex(3)}'",
                "note": f"'{self._sentence()}'",
            },
        }

    def _breadcrumb(self) -> dict[str, Any]:
        return {
            "timestamp": 1715739839.25 + self._random.randrange(60),
            "category": "query",
            "message": f"SELECT id, total FROM {self._random.choice(_WORDS)} WHERE id = %s",
            "data": {"duration_ms": self._random.randrange(500)},
        }

    def event(self, size: int) -> dict[str, Any]:
        """A clean event of about `size` bytes of JSON."""
        frames = [self._frame(0)]
        crumbs = [self._breadcrumb()]
        event = {
            "event_id": self._hex(32),
            "timestamp": 1715739899.5 + self._random.random(),
            "platform": "python",
            "level": "error",
            "release": f"shop@7.15.{self._random.randrange(50)}",
            "environment": "production",
            "server_name": f"checkout-{self._hex(5)}",
            "exception": {
                "values": [
                    {
                        "type": "ValueError",
                        "value": f"cannot {self._sentence()}",
                        "stacktrace": {"frames": frames},
                    }
                ]
            },
            "breadcrumbs": {"values": crumbs},
            "contexts": {"trace": {"trace_id": self._hex(32), "span_id": self._hex(16)}},
            "tags": {"region": "eu-west-1", "build": self._hex(7)},
        }
        each = length(frames[0]) + length(crumbs[0]) + 2
        for index in range(max(0, size - length(event)) // each):
            frames.append(self._frame(index + 1))
            crumbs.append(self._breadcrumb())
        return event

    def plant(self, event: dict[str, Any], count: int) -> list[Planted]:
        """Put so many secrets into the variables of an event's frames."""
        frames = event["exception"]["values"][0]["stacktrace"]["frames"]
        planted = []
        for number in range(count):
            neighbour = f"{self._random.choice(_WORDS)}{self._random.randrange(10**4)}"
            key, secret, text = self._secret(neighbour)
            frames[number % len(frames)]["vars"][f"{key}_{number}"] = text
            planted.append(Planted(secret, neighbour))
        return planted

    def _secret(self, neighbour: str) -> tuple[str, str, str]:
        """A key, a secret, and the text with both it and the neighbour."""
        token = self._token()
        mail = f"{self._random.choice(_WORDS)}.{self._hex(5)}@mail.example"
        octets = f"198.51.100.{self._random.randrange(1, 250)}"
        return self._random.choice(
            [
                ("detail", token[:14], f"{neighbour} failed password={token[:14]} attempt 3"),
                ("call", token, f"{neighbour} sent api_token={token} twice"),
                ("owner", mail, f"{neighbour} belongs to {mail} since May"),
                ("peer", octets, f"{neighbour} asked by {octets} today"),
                ("header", token, f"{neighbour} Authorization: Bearer {token}"),
            ]
        )
