"""Whether errlock is at work right now, so that its own work is not reported to itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# A context variable, not a thread's: right for threads, tasks and greenlets.
_judging: ContextVar[bool] = ContextVar("errlock_judging", default=False)


def is_judging() -> bool:
    """Whether this very call comes out of errlock's own work."""
    return _judging.get()


@contextmanager
def judging() -> Iterator[None]:
    """Mark what happens inside as errlock's own work."""
    token = _judging.set(True)
    try:
        yield
    finally:
        _judging.reset(token)
