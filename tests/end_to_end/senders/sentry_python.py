"""An application with sentry-sdk that leaks every canary in every place that the SDK has.

Run as a program, with SENTRY_DSN set. The SDK's own scrubber is off: what is missing at the other
end was taken out by errlock. With EMBED_ERRLOCK set, errlock is the SDK's transport.
"""

from __future__ import annotations

import json
import logging
import os

import sentry_sdk
from canaries import CANARIES, FRAGMENTS
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.scrubber import EventScrubber
from sentry_sdk.transport import Transport


def charge(order: dict[str, str]) -> None:
    """Fail with canaries in the local variables and in the message."""
    password = CANARIES["password"]
    private_key = FRAGMENTS["private_key"]
    headers = {"Authorization": f"Bearer {CANARIES['jwt']}", "X-Request-Id": "4f1c"}
    environ = {name.upper(): value for name, value in CANARIES.items()}
    raise ConnectionError(
        f"{FRAGMENTS['basic_auth']}: {FRAGMENTS['aws_secret_key']}",
        len(password), len(private_key), len(headers), len(environ), len(order),
    )  # fmt: skip


def request() -> dict[str, object]:
    """A request as a web framework's integration reports it."""
    return {
        "method": "POST",
        "url": f"https://shop.example/checkout?access_token={CANARIES['github_token']}",
        "query_string": f"email={CANARIES['email']}&page=2",
        "headers": {
            "Authorization": f"Bearer {CANARIES['jwt']}",
            "Cookie": f"sessionid={CANARIES['session_cookie']}",
            "User-Agent": "Mozilla/5.0",
            "X-Forwarded-For": CANARIES["ip"],
        },
        "cookies": {"sessionid": CANARIES["session_cookie"]},
        "data": {"card_number": CANARIES["card"], "password": CANARIES["password"], "items": 3},
        "env": {"REMOTE_ADDR": CANARIES["ip"]},
    }


def fill(scope: sentry_sdk.Scope) -> None:
    """Put canaries wherever an application can put something."""
    scope.set_user({
        "id": CANARIES["email"], "email": CANARIES["email"], "ip_address": CANARIES["ip"],
        "username": CANARIES["email"], "phone": CANARIES["phone"],
    })  # fmt: skip
    scope.set_tag("customer", CANARIES["email"])
    scope.set_extra("payment", {"iban": CANARIES["iban"], "stripe": CANARIES["stripe_key"]})
    scope.set_extra("dump", json.dumps(CANARIES))
    scope.set_context("tenant", {"contact": FRAGMENTS["phone"], "plan": "gold"})
    scope.set_transaction_name("/checkout")
    scope.fingerprint = ["{{ default }}", FRAGMENTS["email"]]
    for fragment in FRAGMENTS.values():
        scope.add_breadcrumb(message=fragment, category="app", data={"note": fragment})
    text = "\n".join(FRAGMENTS.values()).encode()
    scope.add_attachment(bytes=text, filename="debug.txt", content_type="text/plain")
    scope.add_event_processor(lambda event, _hint: {**event, "request": request()})


def transport() -> type[Transport] | None:
    """errlock's, or none: then it is the SDK's own."""
    if "EMBED_ERRLOCK" not in os.environ:
        return None
    from errlock.pipeline import Pipeline
    from errlock.pipeline.embed import sentry_transport

    return sentry_transport(Pipeline.default())


def main() -> None:
    """Send an error, a message, a transaction, logs and a session."""
    sentry_sdk.init(
        transport=transport(),
        send_default_pii=True,
        event_scrubber=EventScrubber(denylist=[], pii_denylist=[]),
        traces_sample_rate=1.0,
        enable_logs=True,
        integrations=[LoggingIntegration(event_level=None)],
        max_value_length=100_000,
        release="shop@4.2.0",
        environment="production",
    )
    with sentry_sdk.isolation_scope() as scope:
        fill(scope)
        with sentry_sdk.start_transaction(name=FRAGMENTS["email"], op="http.server") as root:
            root.set_data("http.url", FRAGMENTS["basic_auth"])
            with root.start_child(op="db", name=f"SELECT 1 -- {CANARIES['email']}") as child:
                child.set_data("db.password", CANARIES["password"])
            try:
                charge({"id": "1007"})
            except ConnectionError:
                sentry_sdk.capture_exception()
        sentry_sdk.capture_message("; ".join(FRAGMENTS.values()), level="warning")
        for fragment in FRAGMENTS.values():
            logging.getLogger("shop").error("%s", fragment)
    sentry_sdk.flush(300)


if __name__ == "__main__":
    main()
