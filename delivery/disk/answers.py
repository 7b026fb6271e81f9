"""Tells who waits for operations what became of them, on the event loops where they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from ..store import StoreFailed
from .operations import Operation


def answer(operations: Iterable[Operation], failure: StoreFailed | None = None) -> None:
    """What became of operations, to who waits for them."""

    def resolve(waiting: asyncio.Future[Any], result: Any) -> None:
        if failure is None:
            waiting.set_result(result)
        else:
            waiting.set_exception(failure)

    _tell(operations, resolve)


def give_up(operations: Iterable[Operation]) -> None:
    """Nothing will become of them."""
    _tell(operations, lambda waiting, _: waiting.cancel())


def _tell(
    operations: Iterable[Operation], how: Callable[[asyncio.Future[Any], Any], object]
) -> None:
    """Wake each event loop once, for all operations that it waits for."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Operation]] = {}
    for each in operations:
        by_loop.setdefault(each.answer.get_loop(), []).append(each)

    def tell(told: Sequence[Operation]) -> None:
        for each in told:
            for waiting in each.answers:
                if not waiting.done():  # else nobody waits any more
                    how(waiting, each.result)

    for loop, told in by_loop.items():
        with suppress(RuntimeError):  # it was closed: nobody waits
            loop.call_soon_threadsafe(tell, told)
