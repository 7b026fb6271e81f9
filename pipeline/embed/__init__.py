"""errlock inside an application: its SDKs and its log hand over what they have, sanitised.

Each name is imported when it is first used, so that nobody needs an SDK they do not have:

- `sentry_transport(pipeline)` for sentry-sdk,
- `OtelSpanExporter(inner, pipeline)`, `OtelLogExporter(inner, pipeline)` and
  `OtelMetricExporter(inner, pipeline)` for opentelemetry-sdk,
- `LoggingFilter(pipeline)` and `LoggingHandler(inner, pipeline)` for `logging`.

They sanitise in the thread that hands over; sending stays where the SDK does it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .control import Control
    from .ledger import Ledger
    from .log_records import LoggingFilter, LoggingHandler
    from .opentelemetry import OtelLogExporter, OtelSpanExporter
    from .otel_metric_exporter import OtelMetricExporter
    from .sentry import sentry_transport
    from .sentry_sanitising import SentryTransport

__all__ = [
    "Control",
    "Ledger",
    "LoggingFilter",
    "LoggingHandler",
    "OtelLogExporter",
    "OtelMetricExporter",
    "OtelSpanExporter",
    "SentryTransport",
    "sentry_transport",
]

_HOMES = {
    "Control": "control",
    "Ledger": "ledger",
    "LoggingFilter": "log_records",
    "LoggingHandler": "log_records",
    "OtelLogExporter": "opentelemetry",
    "OtelMetricExporter": "otel_metric_exporter",
    "OtelSpanExporter": "opentelemetry",
    "SentryTransport": "sentry_sanitising",
    "sentry_transport": "sentry",
}


if not TYPE_CHECKING:  # type checkers would take any name for one that is here

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
