"""What was found so often in a row is expected: to look whether there is nothing is for nothing."""

from __future__ import annotations

from collections.abc import Hashable

_ROW, _AGAIN = 8, 16  # so often; and each so many times it is looked at all the same
_MOST = 2048


class Expected:
    """Of several things, each by a name. In doubt nothing is expected. Thread-safe."""

    def __init__(self) -> None:
        self._rows: dict[Hashable, int] = {}

    def is_found(self, name: Hashable) -> bool:
        """Whether something is expected there. Counts as if it had been found."""
        row = self._rows.get(name, 0)
        if row < _ROW or row % _AGAIN == 0:
            return False
        self._rows[name] = row + 1
        return True

    def note(self, name: Hashable, *, found: bool) -> None:
        """Somebody looked."""
        if not found:
            self._rows.pop(name, None)
            return
        if len(self._rows) >= _MOST:
            self._rows.clear()
        self._rows[name] = self._rows.get(name, 0) + 1
