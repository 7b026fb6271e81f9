"""sentry-sdk, sanitised in the application itself: nothing raw leaves the process."""

import os

import sentry_sdk

from errlock.pipeline import Pipeline
from errlock.pipeline.embed import sentry_transport

sentry_sdk.init(
    dsn=os.environ.get("SENTRY_DSN", ""),
    transport=sentry_transport(Pipeline.default()),
)

try:
    password = "Winter2024!"
    raise RuntimeError(f"cannot log in with password={password}")
except RuntimeError:
    sentry_sdk.capture_exception()

sentry_sdk.flush()
