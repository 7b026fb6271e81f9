"""From Sentry's protocol to OpenTelemetry's and back."""

from .convert import Converted, convert, convert_all

__all__ = ["Converted", "convert", "convert_all"]
