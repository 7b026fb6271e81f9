"""Has it journaled who may tell a collector what: tokens change in a file, by another process."""

from __future__ import annotations

import asyncio
from typing import Any

from ...ledger.keeping import Ledger
from .tokens import TokenStore, TokensUnusable

_EVERY = 1.0  # seconds
_DIGITS = 16  # of a token's digest: enough to see that it is another one


class TokenWatch:
    """Compares the tokens with those that the journal last told of. Its task is `run`."""

    def __init__(self, store: TokenStore, ledger: Ledger) -> None:
        """The ledger is open before anything else is called."""
        self._store = store
        self._ledger = ledger
        self._known: dict[str, dict[str, Any]] | None = None

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(_EVERY)

    def look(self) -> None:
        """Journal what has changed since the last time, or since the last process. Blocks."""
        try:
            entries = self._store.entries()
        except (TokensUnusable, OSError):
            return  # whoever uses a token is told so
        now = {
            each.name: {"name": each.name, "role": each.role, "sha256": each.sha256[:_DIGITS]}
            for each in entries
        }
        if self._known is None:
            self._known = self._journaled()
        before, self._known = self._known, now
        added = [token for name, token in now.items() if before.get(name) != token]
        removed = [token for name, token in before.items() if now.get(name) != token]
        if added or removed:
            body = {"added": _shown(added), "removed": _shown(removed), "tokens": [*now.values()]}
            self._ledger.record("token", body)

    def _journaled(self) -> dict[str, dict[str, Any]]:
        told = self._ledger.newest("token")
        tokens = told.body.get("tokens") if told is not None else None
        return {
            str(token.get("name")): token
            for token in (tokens if isinstance(tokens, list) else [])
            if isinstance(token, dict)
        }


def _shown(tokens: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": token.get("name"), "role": token.get("role")} for token in tokens]
