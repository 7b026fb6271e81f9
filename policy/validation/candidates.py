"""A match of a detector, with what stands around it: what a validator looks at."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Candidate(NamedTuple):
    """A match in its surroundings. Offsets are in bytes of the UTF-8 text."""

    data: bytes
    start: int
    end: int
    key: str | None = None

    @property
    def value(self) -> str:
        """The matched text."""
        return self.data[self.start : self.end].decode("utf-8", "replace")

    @property
    def digits(self) -> str:
        """The ASCII digits of the matched text."""
        return "".join(c for c in self.value if c in "0123456789")

    def before(self, size: int = 48) -> str:
        """Up to `size` bytes before the match, lower case."""
        return self.data[max(0, self.start - size) : self.start].decode("utf-8", "replace").lower()

    def after(self, size: int = 24) -> str:
        """Up to `size` bytes after the match, lower case."""
        return self.data[self.end : self.end + size].decode("utf-8", "replace").lower()

    def stands_alone(self, joiners: str = "") -> bool:
        """Whether neither letters, digits nor `joiners` touch it."""
        left, right = self.before(1), self.after(1)
        return not any(c.isalnum() or c in joiners for c in (left, right) if c)


Validator = Callable[[Candidate], "Candidate | None"]
