"""The one generator of events: seeded, so that a run can be repeated; no two events are alike."""

import random
import string
from typing import Any

_WORDS = ["order", "user", "cart", "payment", "refund", "invoice", "stock", "item", "coupon"]


class Events:
    """Events in the shape of sentry-python's, of a wanted size, with a wanted share of secrets."""

    def __init__(self, seed: int = 1) -> None:
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
            "context_line": f"    return process({word}, retries=3)",
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
            "timestamp": 1715739839.25,
            "category": "query",
            "message": f"SELECT id, total FROM {self._random.choice(_WORDS)} WHERE id = %s",
            "data": {"duration_ms": self._random.randrange(500)},
        }

    def _secret(self) -> tuple[str, str]:
        name = f"{self._random.choice(_WORDS)}.{self._random.choice(_WORDS)}"
        return self._random.choice(
            [
                ("detail", f"login failed password={self._token(14)} attempt 3"),
                ("api_token", self._token()),
                ("owner", f"{name}@example.com"),
                ("peer", f"203.0.113.{self._random.randrange(1, 250)}"),
                ("header", f"Bearer {self._token(40)}"),
            ]
        )

    def event(self, size: int, secrets: int = 0) -> dict[str, Any]:
        """An event of about `size` bytes of JSON with so many secrets in its frames."""
        frames = [self._frame(i) for i in range(max(1, size // 1100))]
        for number in range(secrets):
            key, value = self._secret()
            frames[number % len(frames)]["vars"][f"{key}_{number}"] = value
        return {
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
            "breadcrumbs": {"values": [self._breadcrumb() for _ in range(len(frames))]},
            "contexts": {"trace": {"trace_id": self._hex(32), "span_id": self._hex(16)}},
            "tags": {"region": "eu-west-1", "build": self._hex(7)},
        }
