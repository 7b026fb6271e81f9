"""200 errors of 20 kinds, by sentry-sdk: ten of a kind differ in personal data, ids and secrets.

Run as a program, with SENTRY_DSN set. How many issues a backend makes of them says whether
grouping survived what was done on the way.
"""

from __future__ import annotations

import random
import uuid

import sentry_sdk

TEMPLATES = [
    "user {email} not found",
    "no mailbox for {email} on {ip}",
    "login of {email} failed: wrong password",
    "connection from {ip} was reset",
    "rate limit for {ip} exceeded",
    "order {number} has no items",
    "order {number} of {email} was already paid",
    "payment {uuid} was declined",
    "token {hex} has expired",
    "session {hex} belongs to {ip}",
    "cannot reach http://{ip}:8080/health",
    "mail to {email} bounced: {uuid}",
    "invoice {number} cannot be sent to {email}",
    "cart {uuid} is empty",
    "duplicate key value {number} violates unique constraint",
    "timeout after {number} ms",
    "no route for /users/{number}/orders",
    "account {uuid} is locked",
    "unexpected status {number} from {ip}",
    "digest {hex} does not match",
]
REPEATS = 10


def values(randomness: random.Random) -> dict[str, str]:
    """What differs between two errors of one kind."""
    name = "".join(randomness.choices("abcdefghijklmnop", k=8))
    return {
        "email": f"{name}@customer-example.org",
        "ip": f"81.2.69.{randomness.randrange(1, 255)}",
        "number": str(randomness.randrange(1000, 100000)),
        "uuid": str(uuid.UUID(int=randomness.getrandbits(128), version=4)),
        "hex": f"{randomness.getrandbits(160) | 1 << 159:040x}",
    }


def main() -> None:
    """Send them all, the kinds mixed."""
    sentry_sdk.init(default_integrations=False, transport_queue_size=1000)
    randomness = random.Random(20)
    for _ in range(REPEATS):
        for template in TEMPLATES:
            found = values(randomness)
            sentry_sdk.set_user({"id": found["email"], "ip_address": found["ip"]})
            try:
                raise LookupError(template.format(**found))
            except LookupError:
                sentry_sdk.capture_exception()
    sentry_sdk.flush(300)


if __name__ == "__main__":
    main()
