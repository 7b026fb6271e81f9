"""What errlock is compared with. Each takes the bytes of an event and gives bytes.

sentry-relay is called through its C interface, as Sentry calls it: no JSON is made or read by
Python. It reads its configuration anew at each call; what that costs is measured by giving it
`{}`, and is to be subtracted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import msgspec
from sentry_sdk.scrubber import EventScrubber

from errlock.policy.parts import default_parts
from errlock.policy.plan import Findings, Plan, Subject

Scrub = Callable[[bytes], bytes | None]

# A new project's settings at Sentry.
_PROJECT = {"scrubData": True, "scrubDefaults": True, "scrubIpAddresses": True,
            "sensitiveFields": [], "excludeFields": []}  # fmt: skip
_EVERY_RULE = {"applications": {"$string || $object": ["@common"]}}


def relay() -> Scrub:
    """sentry-relay with default data scrubbing."""
    from sentry_relay.processing import convert_datascrubbing_config

    return _relay(convert_datascrubbing_config(_PROJECT))


def relay_with_every_rule() -> Scrub:
    """sentry-relay with all of its built-in rules everywhere."""
    return _relay(_EVERY_RULE)


def _relay(config: Mapping[str, Any]) -> Scrub:
    lib: Any = import_module("sentry_relay._lowlevel").lib
    utils: Any = import_module("sentry_relay.utils")  # its functions have no types
    # It keeps its buffer alive only as long as itself.
    written = utils.encode_str(json.dumps(config))

    def scrub(data: bytes) -> bytes:
        result = utils.rustcall(lib.relay_pii_strip_event, written, utils.encode_str(data))
        text: str = utils.decode_str(result, free=True)
        return text.encode()

    return scrub


def event_scrubber(data: bytes) -> bytes:
    """sentry-sdk's own scrubber, between decoding and encoding. It looks at keys only."""
    event: Any = msgspec.json.decode(data)
    EventScrubber(recursive=True).scrub_event(event)
    return msgspec.json.encode(event, enc_hook=str)


def bare(data: bytes) -> bytes:
    """The limit: decode and encode, with nothing in between."""
    return msgspec.json.encode(msgspec.json.decode(data))


def reference() -> Scrub:
    """errlock's plain walk, which its engine must equal: every rule on every value."""
    plan = Plan(default_parts(), reference=True)

    def scrub(data: bytes) -> bytes | None:
        subject = Subject("event", msgspec.json.decode(data))
        (found,) = plan.detect([subject])
        if not isinstance(found, Findings):
            return None
        return msgspec.json.encode(plan.render(subject, found).tree)

    return scrub
