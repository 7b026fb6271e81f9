"""The strict profile that people put on top of the policy, and what the store remembers of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ...delivery.store import Store

if TYPE_CHECKING:
    from ...ledger.keeping import Ledger

_PROFILE, _STRICT = "profile", "strict"  # a name in the store, and what it says then


class KeptProfile:
    """Puts the strict profile in force, and takes it back. Belongs to the collector's event loop;
    `is_strict` may be read from any thread.
    """

    def __init__(
        self, store: Store, ledger: Ledger | None, go_over: Callable[[], Awaitable[None]]
    ) -> None:
        """`go_over` puts in force what `is_strict` says. Opens nothing."""
        self.is_strict = False
        self._store = store
        self._ledger = ledger
        self._go_over = go_over

    async def open(self) -> None:
        """Take up what was said to the last process. The store is open."""
        self.is_strict = await self._store.recall(_PROFILE) == _STRICT

    async def tighten(self, by: str, why: str) -> None:
        """See `Collector.tighten`."""
        if not self.is_strict:
            self.is_strict = True
            try:
                await self._go_over()
            except BaseException:
                self.is_strict = False
                raise
            await self._record(_STRICT, by, why)
        await self._store.remember({_PROFILE: _STRICT})

    async def relax(self, by: str, why: str) -> None:
        """See `Collector.relax`."""
        await self._store.remember({_PROFILE: ""})
        if self.is_strict:
            await self._record("configured", by, why)
            self.is_strict = False
            try:
                await self._go_over()
            except BaseException:
                self.is_strict = True
                await self._record(_STRICT, by, "it could not be relaxed")
                await self._store.remember({_PROFILE: _STRICT})
                raise

    async def _record(self, profile: str, by: str, why: str) -> None:
        if self._ledger is not None:
            body = {"profile": profile, "by": by, "why": why}
            await asyncio.to_thread(self._ledger.record, "policy", body)
