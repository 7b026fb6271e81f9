"""Puts decoys into what is about to leave for a destination."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from .component import Planted, Planter
from .crossing.portions import MOST_TAKEN
from .payloads.document import Payload

_log = logging.getLogger("errlock.planting")


def plant(
    payload: Payload,
    planters: Sequence[Planter],
    destination: str,
    tell: Callable[[Planted], None] | None = None,
) -> Payload:
    """The sanitised payload with decoys in it; what was put in is told before it leaves.

    Never raises: a document that gets none leaves as it is. So do all, where decoys would make a
    request of OTLP longer than servers take.
    """
    now = time.time()
    bare, found = payload.copy(), []
    for document in payload.alive:
        for planter in planters:
            try:
                planted = planter.plant(document, destination, now)
            except Exception as failure:  # noqa: BLE001  a foreign text may quote the document
                _log.error("a decoy cannot be planted: %s", type(failure).__name__)
                continue
            if planted is not None:
                found.append(planted)
    if found and payload.protocol == "otlp" and len(payload.encode()) > MOST_TAKEN:
        return bare
    if tell is not None:
        for each in found:
            tell(each)
    return payload


async def plant_in_thread(
    executor: Executor,
    planters: Sequence[Planter],
    destination: str,
    tell: Callable[[Planted], None] | None,
    payload: Payload,
) -> Payload:
    """`plant`, not on the event loop: documents are read for it. See `Policy.plant`."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(executor, plant, payload, planters, destination, tell)
