"""What somebody said is nothing, whatever a detector makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import re2

from .findings import SELECTED
from .linear import compile_linear

# What these find was named by the user, too.
_MEANT = frozenset({SELECTED, "known_value"})


@dataclass(frozen=True)
class Exceptions:
    """Values and detectors that a policy leaves alone.

    `values` are patterns (RE2), each of which must match all of a value; `detectors` are ids.
    """

    values: tuple[str, ...] = ()
    detectors: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.values or self.detectors)

    def cover(self, value: str, detector: str) -> bool:
        """Whether what a detector found there is nothing. Raises re2.error."""
        if detector in self.detectors:
            return True
        if not self.values or detector in _MEANT:
            return False
        data = value.encode("utf-8", "replace")
        return any(_compiled(pattern).fullmatch(data) is not None for pattern in self.values)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re2._Regexp[bytes]:
    return compile_linear(f"(?s:{pattern})".encode())


def leaves_everything(pattern: str) -> bool:
    """Whether a pattern looks as if it matched every value. False: RE2 does not take it."""
    exceptions = Exceptions((pattern,))
    try:
        return all(exceptions.cover(value, "") for value in ("Zq7~ \n\u00e9\u4e2d" * 9, "0"))
    except re2.error:
        return False
