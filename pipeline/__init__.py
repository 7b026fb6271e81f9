"""The library: what an application embeds.

    from errlock.pipeline import Pipeline
    pipeline = Pipeline.default()
    clean = pipeline.scrub_event(event)      # None: it must not go out
"""

from .api import Format, Pipeline
from .errors import ConfigError, Problem, RefusedPayload

__all__ = ["ConfigError", "Format", "Pipeline", "Problem", "RefusedPayload"]
