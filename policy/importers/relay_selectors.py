"""Relay's selectors in errlock's hands.

The language is the same, but Relay gives each field a class: selectors of values and of everything
(`$string`, `**`) reach only what may hold personal data. Here every field can be addressed, so such
a selector is narrowed to the fields that Relay means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import re2

from ..detectors import compile_pattern
from ..findings import Tree
from ..selectors import Selector, Trail, next_step, parse_selector, root_step

# The fields that Relay's selectors of everything reach, as sentry-relay 0.10.1 has them.
_OPEN = (
    "server_name", "extra", "extra.**", "$logentry.formatted", "$logentry.params",
    "$logentry.params.**", "$user.id", "$user.email", "$user.username", "$user.name",
    "$user.ip_address", "$user.sentry_user", "$user.data", "$user.data.**", "$user.geo.city",
    "$user.geo.subdivision", "$user.geo.region", "$user.geo.country_code", "$http.data",
    "$http.data.**", "$http.query_string", "$http.query_string.**", "$http.fragment",
    "$http.cookies", "$http.cookies.**", "$http.headers", "$http.headers.**", "$http.env",
    "$http.env.**", "$error.value", "$error.mechanism.description", "$error.mechanism.data",
    "$error.mechanism.data.**", "$frame.vars", "$frame.vars.**", "$breadcrumb.message",
    "$breadcrumb.data", "$breadcrumb.data.**", "$span.data", "$span.data.**",
    "$span.sentry_tags.*", "sdk.client_ip", "contexts.response.cookies",
    "contexts.response.cookies.**", "contexts.response.headers", "contexts.response.headers.**",
    "contexts.response.data", "contexts.response.data.**", "contexts.trace.data",
    "contexts.trace.data.**", "contexts.device.device_unique_identifier",
)  # fmt: skip
_KNOWN_CONTEXTS = (
    "app", "browser", "cloud_resource", "culture", "device", "feedback", "flags", "gpu", "monitor",
    "nel", "os", "otel", "profile", "replay", "reprocessing", "response", "runtime", "spring",
    "trace", "unity",
)  # fmt: skip
_OTHER_CONTEXTS = "contexts.*.** && !(" + " || ".join(
    f"contexts.{name}.**" for name in _KNOWN_CONTEXTS
) + ")"  # fmt: skip
OPEN_FIELDS = " || ".join(_OPEN) + f" || ({_OTHER_CONTEXTS})"

# Fields that no selector of Relay's reaches.
_CLOSED: tuple[tuple[tuple[str | int, ...], Tree], ...] = (
    (("event_id",), "x"), (("level",), "x"), (("logger",), "x"), (("modules", "zz"), "x"),
    (("exception",), {}), (("exception", "values"), []), (("exception", "values", 0), {}),
    (("exception", "values", 0, "type"), "x"),
    (("exception", "values", 0, "stacktrace", "frames", 0, "lineno"), 1),
    (("exception", "values", 0, "stacktrace", "frames", 0, "function"), "x"),
    (("contexts", "trace", "trace_id"), "x"), (("sdk", "version"), "x"),
)  # fmt: skip
_USER_IDS: tuple[tuple[str | int, ...], ...] = (
    ("user", "id"), ("extra", "user_id"), ("request", "data", "user_id"),
    ("request", "headers", "x-user-id"), ("breadcrumbs", "values", 0, "data", "user_id"),
    ("exception", "values", 0, "stacktrace", "frames", 0, "vars", "user_id"), ("tags", "user_id"),
)  # fmt: skip
_CONTAINER = re.compile(r"\$(object|array|list)\b")
_PATH = re.compile(r"[^&|!~()]*[^&|!~()\s*]")

# Fields whose meaning outdoes their key's, with the class of that meaning.
_SPECIAL = (
    ("id", "$user.id", "pii.user_id"), ("sentry_user", "$user.sentry_user", "pii.user_id"),
    ("email", "$user.email", None), ("username", "$user.username", None),
    ("name", "$user.name", None), ("ip_address", "$user.ip_address", None),
    ("server_name", "server_name", None), ("client_ip", "sdk.client_ip", None),
    ("city", "$user.geo.city", None), ("subdivision", "$user.geo.subdivision", None),
    ("region", "$user.geo.region", None), ("country_code", "$user.geo.country_code", None),
    ("formatted", "$logentry.formatted", None), ("fragment", "$http.fragment", None),
)  # fmt: skip


def covering(text: str) -> str:
    """A selector of errlock's for what a selector of Relay's means, containers' content included.

    One that cannot be read is returned as it is.
    """
    selector = _parsed(text)
    if selector is None:
        return text
    if _reaches_closed(selector):
        # Relay deletes a container with the numbers in it; texts in it are reached through it.
        with_numbers = _CONTAINER.sub(r"($\1 || $number)", text)
        return f"({with_numbers}) && ({OPEN_FIELDS})"
    if _PATH.fullmatch(text) and "**" not in text:
        return f"{text} || {text}.**"
    return text


def reaches_user_ids(text: str) -> bool:
    """Whether a selector reaches a user's id, in its own field or under a key in free data."""
    selector = _parsed(text)
    return selector is not None and any(selector.matches(_trail(path, "x")) for path in _USER_IDS)


def reaches_everything(text: str) -> bool:
    """Whether a selector names no place, so that rules without one mean the same."""
    selector = _parsed(text)
    return selector is not None and selector.matches(_trail(("extra", "zz"), "x")) and (
        selector.matches(_trail(("user", "data", "q"), "x"))
    )  # fmt: skip


def special_fields(pattern: str) -> Iterator[tuple[str, str | None]]:
    """Selectors of the fields that a pattern of keys would reach but for their meaning.

    Each with the class it must be given to go, where that is not the pattern's own.
    """
    try:
        compiled = compile_pattern(pattern)
    except re2.error:
        return
    for name, selector, class_ in _SPECIAL:
        if compiled.search(name.encode()) is not None:
            yield selector, class_


def _parsed(text: str) -> Selector | None:
    try:
        return parse_selector(text)
    except ValueError:
        return None


def _reaches_closed(selector: Selector) -> bool:
    return any(selector.matches(_trail(path, value)) for path, value in _CLOSED)


def _trail(path: tuple[str | int, ...], value: Tree) -> Trail:
    trail: Trail = (root_step("event", {}),)
    for index, key in enumerate(path):
        below: Tree = value
        if index + 1 < len(path):
            below = [] if isinstance(path[index + 1], int) else {}
        trail = (*trail, next_step(trail, key, below))
    return trail
