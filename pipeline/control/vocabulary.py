"""What messages of the control API are made of."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Moment = Annotated[float, Meta(description="Seconds since the epoch.")]
Name = Annotated[str, Meta(description="An exporter's id, or an operator.", max_length=1100)]
Names = Annotated[list[Name], Meta(min_length=1, max_length=100)]
Id = Annotated[str, Meta(description="An exporter's id.", max_length=1100)]
Why = Annotated[str, Meta(description="The reason, for those who come after.", max_length=1000)]
NotWritten = Annotated[
    str | None,
    Meta(description="Why it could not be written down: in force until the collector ends."),
]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the collector says. Later versions may say more."""


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the collector is told to do."""
