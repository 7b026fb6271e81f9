"""What judges, and whether it is at work right now: its own work is not reported to itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..api import Pipeline
from ..errors import kind_of

# A context variable, not a thread's: right for threads, tasks and greenlets.
_judging: ContextVar[bool] = ContextVar("errlock_judging", default=False)


def is_judging() -> bool:
    """Whether this very call comes out of errlock's own work."""
    return _judging.get()


def expect_pipeline(given: object) -> None:
    """Raise TypeError for what is no pipeline: all that it should judge would be lost, silently."""
    if not isinstance(given, Pipeline):
        told = f"expected what Pipeline.default() makes, got {kind_of(given)}"
        raise TypeError(f"pipeline: {told}")


@contextmanager
def judging() -> Iterator[None]:
    """Mark what happens inside as errlock's own work."""
    token = _judging.set(True)
    try:
        yield
    finally:
        _judging.reset(token)
