"""From Sentry's protocol to OpenTelemetry's and back."""

from .convert import Converted, convert_all

__all__ = ["Converted", "convert_all"]
