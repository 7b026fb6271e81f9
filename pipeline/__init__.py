"""The library: what an application embeds, `Pipeline` first of all.

    pipeline = Pipeline.default()
    clean = pipeline.scrub_event(event)  # None: it must not go out

`errlock.pipeline.embed` puts it into sentry-sdk, opentelemetry-sdk and logging.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import Format, Pipeline
    from .errors import ConfigError, Problem, RefusedPayload

__all__ = ["ConfigError", "Format", "Pipeline", "Problem", "RefusedPayload"]

# Commands that only talk to a collector start in a blink, because they load no policy.
_HOMES = {
    "ConfigError": "errors",
    "Format": "api",
    "Pipeline": "api",
    "Problem": "errors",
    "RefusedPayload": "errors",
}


if not TYPE_CHECKING:  # type checkers would take any name for one that is here

    def __getattr__(name: str) -> object:
        """What the library offers, loaded when it is first asked for."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = found
        return found
