"""The option that every endpoint for senders has: how many of them may be connected."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

MaxConnections: TypeAlias = Annotated[
    Annotated[int, msgspec.Meta(ge=1)] | None,
    msgspec.Meta(
        description="Most connections at one time. By default an eighth of the files that the "
        "process may open, or fewer where there is little memory."
    ),
]
