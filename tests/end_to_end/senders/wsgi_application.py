"""A WSGI application with errlock embedded in sentry-sdk, set up before the server forks.

SENTRY_DSN says where to. It sends once while it is imported, so that connections and the sending
thread exist in the parent; `/fail/<n>` fails with a canary in its message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sentry_sdk
from canaries import CANARIES, FRAGMENTS
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware

from errlock.pipeline import Pipeline
from errlock.pipeline.embed import sentry_transport

sentry_sdk.init(
    transport=sentry_transport(Pipeline.default()),
    send_default_pii=True,
    auto_session_tracking=True,
)
sentry_sdk.capture_message(f"imported by {CANARIES['email']}")
sentry_sdk.flush(300)


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Fail as asked."""
    path = str(environ["PATH_INFO"])
    if path.startswith("/fail/"):
        raise LookupError(f"failure {path.rpartition('/')[2]}: {FRAGMENTS['basic_auth']}")
    start_response("200 OK", [])
    return []


application = SentryWsgiMiddleware(answer)
