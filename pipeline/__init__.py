"""The library: what an application embeds, `Pipeline` first of all.

    pipeline = Pipeline.default()
    clean = pipeline.scrub_event(event)  # None: it must not go out

`errlock.pipeline.embed` puts it into sentry-sdk, opentelemetry-sdk and logging.
"""

from .api import Format, Pipeline
from .errors import ConfigError, Problem, RefusedPayload

__all__ = ["ConfigError", "Format", "Pipeline", "Problem", "RefusedPayload"]
