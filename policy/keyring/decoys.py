"""Decoys: credentials that open nothing, each unique to a destination and a week.

They are either the user's own (canary tokens, which take turns by the week), or made here:
`errlock_deploy_` and 160 bits of HMAC-SHA-256 over destination and week. That is no vendor's form,
so that no secret scanner revokes a stranger's key for one, and cannot be told from another
destination's without the key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from ..linear import compile_linear
from .pseudonyms import key_bytes

# Values of the user's decoys that are shorter (a region, a user name) are planted with the others,
# but say nothing of where they came from.
SHORTEST = 16
_PREFIX = "errlock_deploy_"
_MADE = compile_linear(rf"{_PREFIX}[a-z2-7]{{32}}")
_DAY = 86400
_MONDAY = 4 * _DAY  # 1970-01-05, when week 0 begins
_LOOKED_BACK = 520  # weeks


def week_of(moment: float) -> int:
    """The number of the week (Monday to Sunday, UTC) of a time in seconds since the epoch."""
    return int((moment - _MONDAY) // (7 * _DAY))


def week_name(week: int) -> str:
    """A week as ISO 8601 writes it: `2026-W48`."""
    year, number, _ = datetime.fromtimestamp(week * 7 * _DAY + _MONDAY, UTC).isocalendar()
    return f"{year}-W{number:02}"


def digest(value: str) -> str:
    """What the journal keeps of a planted value: it has too many bits to be guessed from that."""
    return hashlib.sha256(b"errlock decoy 1\0" + value.encode("utf-8", "replace")).hexdigest()[:32]


def telling(values: Iterable[str]) -> list[str]:
    """The values that are long enough to say where they came from."""
    return [value for value in values if len(value) >= SHORTEST]


def made_tokens(text: str) -> list[str]:
    """What in a text has the form of the decoys made here."""
    return [match.group() for match in _MADE.finditer(text)] if _PREFIX in text else []


class Decoys:
    """The decoys of one `tripwire`. Holds keys and values, so it is never shown."""

    def __init__(
        self,
        keys: Sequence[str],
        field: str,
        own: Mapping[str, Sequence[Mapping[str, str]]],
        destinations: Iterable[str],
    ) -> None:
        """`keys` are from `errlock key new`, the one in use first; `field` is the name under which
        what is made of them stands. `own` has the user's decoys by destination.

        Raises KeyringError.
        """
        self._keys = [
            hmac.digest(key_bytes(key), b"errlock decoys", hashlib.sha256) for key in keys
        ]
        self._field = field
        self._own = own
        self._destinations = tuple(dict.fromkeys([*destinations, *own]))
        self._table: tuple[int, dict[str, tuple[str, int]]] = (-1, {})

    def of(self, destination: str, week: int) -> Mapping[str, str]:
        """What is planted with a destination in a week: values by field name; empty: nothing."""
        own = self._own.get(destination)
        if own:
            return own[week % len(own)]
        return {self._field: _made(self._keys[0], destination, week)} if self._keys else {}

    def own_values(self) -> Iterator[tuple[str, str]]:
        """The user's decoys: each telling value with its destination."""
        for destination, decoys in self._own.items():
            for decoy in decoys:
                for value in telling(decoy.values()):
                    yield value, destination

    def origins(self, text: str, week: int) -> set[tuple[str, int | None]]:
        """Whose decoys stand in a text, and of which weeks; None: by turns, in several.

        `week` is the present one; what was planted ten years before is not known any more.
        """
        found: set[tuple[str, int | None]] = {
            (destination, None) for value, destination in self.own_values() if value in text
        }
        for token in made_tokens(text):
            if (origin := self._known(week).get(token)) is not None:
                found.add(origin)
        return found

    def _known(self, week: int) -> Mapping[str, tuple[str, int]]:
        """Every decoy that was made, the next week's included: clocks differ."""
        if self._table[0] != week:
            table = {
                _made(key, destination, each): (destination, each)
                for key in self._keys
                for destination in self._destinations
                for each in range(week - _LOOKED_BACK, week + 2)
            }
            self._table = (week, table)
        return self._table[1]

    def __repr__(self) -> str:
        return "Decoys()"


def _made(key: bytes, destination: str, week: int) -> str:
    mac = hmac.digest(key, f"{week}\0{destination}".encode(), hashlib.sha256)
    return _PREFIX + base64.b32encode(mac[:20]).decode().lower()
