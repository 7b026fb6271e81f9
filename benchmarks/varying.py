"""Makes documents different from each other without making them of another kind.

Ids, timestamps and what belongs to the user change; so do words, line numbers and addresses of
every frame and breadcrumb, so that no part of a document is worth remembering. Words that give a
secret away stay, and so do the secrets.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from random import Random
from typing import Any

# A word on its own: never a piece of a token.
_WORD = re.compile(r"(?<![A-Za-z0-9_=+/.@%\\-])[A-Za-z][a-z]{3,}(?![A-Za-z0-9_=+/@%-])")
_NAME = re.compile(r"[A-Za-z_][A-Za-z_]{2,}")
_TELLING = re.compile(
    r"(?i)pass|secret|token|key|auth|bearer|basic|cookie|session|user|mail|phone|card|iban|name"
    r"|address|code|login|pin|otp|credential|filter|account|birth|social|number|email|customer|ssn"
)
_SYLLABLES = [consonant + vowel for consonant in "bdfgklmprtv" for vowel in "aeiou"]
_TIMES = ("timestamp", "start_timestamp", "received", "time")


def made_up(random: Random, length: int) -> str:
    """A word of at least this length that means nothing."""
    return "".join(random.choices(_SYLLABLES, k=max(2, -(-length // 2))))


def reworded(text: str, random: Random) -> str:
    """The same text with up to three of its words made up."""
    words = [match for match in _WORD.finditer(text[:4000]) if not _TELLING.search(match[0])]
    for match in sorted(random.sample(words, min(3, len(words))), key=lambda m: -m.start()):
        text = text[: match.start()] + made_up(random, len(match[0])) + text[match.end() :]
    return text


def varied(item: Any, random: Random, key: str = "") -> Any:
    """A copy of a frame or a breadcrumb that says something else."""
    if isinstance(item, dict):
        return {name: varied(value, random, name) for name, value in item.items()}
    if _is_pair(item):  # a header: its name is its key
        return [item[0], varied(item[1], random, item[0])]
    if isinstance(item, list):
        return [varied(value, random, key) for value in item]
    if isinstance(item, str):
        return _varied_text(item, random, key)
    if key in ("lineno", "colno") and isinstance(item, int):
        return random.randrange(1, 2000)
    return item


def _is_pair(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and all(isinstance(x, str) for x in item)


def _varied_text(text: str, random: Random, key: str) -> str:
    if key == "function" and _NAME.fullmatch(text) and not _TELLING.search(text):
        return f"{text}_{made_up(random, 6)}"
    if text.startswith("0x") and len(text) > 6:
        return f"0x{random.getrandbits(4 * (len(text) - 2)):0{len(text) - 2}x}"
    return reworded(text, random)


def growing_lists(event: Any) -> Iterator[list[Any]]:
    """The lists of frames and of breadcrumbs in an event, whatever shape it has."""
    if isinstance(event, dict):
        for key, value in event.items():
            found = value["values"] if _wraps_crumbs(key, value) else value
            if key in ("frames", "breadcrumbs", "sentry.interfaces.Breadcrumbs") and isinstance(
                found, list
            ):
                yield found
            else:
                yield from growing_lists(value)
    elif isinstance(event, list):
        for value in event:
            yield from growing_lists(value)


def _wraps_crumbs(key: str, value: Any) -> bool:
    return "readcrumbs" in key and isinstance(value, dict) and "values" in value


def variant(event: dict[str, Any], random: Random) -> dict[str, Any]:
    """Another event of the same kind."""
    event = copy.deepcopy(event)
    event["event_id"] = f"{random.getrandbits(128):032x}"
    for items in growing_lists(event):
        items[:] = [varied(item, random) for item in items]
    for key in _TIMES:
        if isinstance(event.get(key), int | float):
            event[key] += random.randrange(10**6) / 1000
    trace = event.get("contexts", {})
    trace = trace.get("trace") if isinstance(trace, dict) else None
    if isinstance(trace, dict):
        trace["trace_id"] = f"{random.getrandbits(128):032x}"
        trace["span_id"] = f"{random.getrandbits(64):016x}"
    if isinstance(event.get("user"), dict):
        event["user"] = _another_user(event["user"], random)
    return event


def _another_user(user: dict[str, Any], random: Random) -> dict[str, Any]:
    made: dict[str, Any] = {**user}
    number = random.randrange(10**5, 10**6)
    if isinstance(user.get("id"), str | int):
        made["id"] = str(number) if isinstance(user["id"], str) else number
    if isinstance(user.get("username"), str) and user["username"]:
        made["username"] = f"{made_up(random, 6)}{number}"
    if isinstance(user.get("email"), str) and "@" in user["email"]:
        made["email"] = f"{made_up(random, 6)}{number}@{user['email'].rpartition('@')[2]}"
    return made
