"""From Sentry's protocol to OpenTelemetry's and back."""

from .convert import Converted, convert, may_stay

__all__ = ["Converted", "convert", "may_stay"]
