"""From Sentry's protocol to OpenTelemetry's and back."""

from .convert import Converted, convert

__all__ = ["Converted", "convert"]
