"""What can be asked of the control API: every path, who may ask, and what is said."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from .messages import Answer, Order, Status
from .operations import Operations
from .tokens import Person, Role

Method = Literal["GET", "POST"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request that may be carried out: who asks, for what."""

    person: Person
    order: Any  # of the endpoint's type
    names: Mapping[str, str]  # what stands in the path's braces


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that can be asked."""

    method: Method
    path: str  # braces hold a name
    role: Role
    summary: str
    answer: type[Answer]
    do: Callable[[Operations, Call], Awaitable[Answer]]
    order: type[Order] | None = None

    @property
    def name(self) -> str:
        """Its name in the description: `get_status`."""
        words = re.sub(r"\{.*?\}", "one", self.path.removeprefix("/v1/"))
        return f"{self.method.lower()}_{re.sub(r'[/.]', '_', words)}"

    def matches(self, path: str) -> Mapping[str, str] | None:
        """What stands in the braces if this is its path, else None."""
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.path))
        found = re.fullmatch(pattern, path)
        return found.groupdict() if found else None


async def _status(operations: Operations, _call: Call) -> Status:
    return operations.status()


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/v1/status", "read", "How everything is.", Status, _status),
)
DESCRIPTION = "/v1/openapi.json"  # whoever may read


def decode(endpoint: Endpoint, body: bytes) -> Order | None:
    """The order in a request's body. Raises msgspec.DecodeError, whose text may quote it."""
    return None if endpoint.order is None else msgspec.json.decode(body, type=endpoint.order)
