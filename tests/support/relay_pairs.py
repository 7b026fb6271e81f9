"""Generated policies of Relay and events, and how what errlock makes of a pair differs.

Every difference is of a named kind; one that is of none is `None`, and a test fails.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentry_relay.processing import convert_datascrubbing_config, pii_strip_event

SELECTORS = (
    "$string", "**", "extra.**", "$string || $object", "$error.value", "$frame.vars.*",
    "$http.headers.*", "$breadcrumb.message", "$user.email", "$user.**", "extra.note", "tags.plan",
    "extra.** && $string", "$string && !extra.note", "$http.data.**", "message || extra.cart",
    "$frame.context_line", "user.id", "exception.** && !$error.value",
)  # fmt: skip
RULES: Mapping[str, dict[str, Any]] = {
    "badge": {"type": "pattern", "pattern": r"B-\d{4}\b", "redaction": {"method": "replace"}},
    "order": {"type": "pattern", "pattern": r"(?i)order (\w+)", "replaceGroups": [1],
              "redaction": {"method": "mask"}},
    "two": {"type": "pattern", "pattern": r"from (\w+-\d+) to (\w+-\d+)", "replaceGroups": [1, 2],
            "redaction": {"method": "hash"}},
    "loyalty": {"type": "redact_pair", "keyPattern": "(?i)loyalty"},
    "ids": {"type": "redact_pair", "keyPattern": "(?i)(?:^|_)id$", "redaction": {"method": "mask"}},
    "both": {"type": "multiple", "rules": ["badge", "@mac"], "hideInner": True,
             "redaction": {"method": "replace", "text": "[gone]"}},
    "mails": {"type": "alias", "rule": "@email:hash"},
}  # fmt: skip
BUILTINS = (
    "@email", "@ip:replace", "@creditcard:mask", "@iban", "@mac", "@uuid", "@imei:replace",
    "@usssn", "@pemkey", "@urlauth", "@urlauth:legacy", "@userpath", "@password", "@bearer",
    "@anything:remove", "@anything:mask", "@anything:hash", "@common", "@common:filter",
    "@email:mask", "@ip:hash",
)  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """A value at a place of an event: `needle` is what must be gone, `shape` says what it is."""

    place: str
    key: str
    shape: str
    needle: str


def config(rng: random.Random) -> dict[str, Any]:
    """A piiConfig of one to three applications, or (a fifth of them) settings of a project."""
    if rng.random() < 0.2:
        return {
            "scrubData": True,
            "scrubDefaults": rng.random() < 0.7,
            "scrubIpAddresses": rng.random() < 0.5,
            "sensitiveFields": rng.sample(["loyalty", "points", "note"], rng.randint(0, 2)),
            "excludeFields": rng.sample(["extra.note", "cart", "$frame.vars.*"], rng.randint(0, 2)),
        }
    applications = {
        rng.choice(SELECTORS): rng.sample((*RULES, *BUILTINS), rng.randint(1, 3))
        for _ in range(rng.randint(1, 3))
    }
    return {"rules": dict(RULES), "applications": applications}


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def _luhn(digits: str) -> int:
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = int(char) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10


def _card(rng: random.Random, good: bool) -> str:
    while True:
        number = "4" + _digits(rng, 15)
        if (_luhn(number) == 0) is good:
            return number


def _word(rng: random.Random) -> str:
    """A made-up word; `note`, which a policy looks for, is none of these."""
    return "".join(rng.choice("bcdfgklmprstvz") + rng.choice("aeiou") for _ in range(5))


def value(rng: random.Random) -> tuple[str, str, str]:
    """A shape, a text with a needle in it, and the needle."""
    word = _word(rng)
    octets = ".".join(str(rng.randint(11, 126)) for _ in range(4))
    mac = ":".join(f"{rng.randint(16, 255):02x}" for _ in range(6))
    hexes = [f"{rng.getrandbits(4 * n):0{n}x}" for n in (8, 4, 4, 4, 12)]
    shapes: Sequence[tuple[str, str, str]] = (
        ("email", "mail from {} failed", f"{word}@example.com"),
        ("ip", "peer {} refused", octets),
        ("card", "card {} declined", _card(rng, good=True)),
        ("card without checksum", "card {} declined", _card(rng, good=False)),
        ("iban", "account {} closed", "GB82WEST12345698765432"),
        ("iban without checksum", "account {} closed", f"DE{_digits(rng, 20)}"),
        ("mac", "device {} joined", mac),
        ("uuid", "request {} lost", "-".join(hexes)),
        ("ssn", "ssn {} known", f"{rng.randint(100, 660)}-{rng.randint(10, 99)}-{_digits(rng, 4)}"),
        ("imei", "unit {} offline", f"35{_digits(rng, 13)}"),
        ("badge", "holder of {} came", f"B-{_digits(rng, 4)}"),
        ("order", "ORDER {} is late", word),
        ("two", "moved from {} today", f"{word}-1 to {word}-2"),
        ("url", "open https://app:{}@db.example.net/x", f"{word}42x"),
        ("home", "read /home/{}/notes.txt", word),
        ("bearer", "sent Bearer {} again", f"{word}.{_digits(rng, 12)}"),
        ("mention", "the password of {} was reset", word),
        ("pair mention", "points on loyalty {} burnt", word),
        ("loopback", "peer {} refused", f"127.{rng.randint(1, 99)}.{rng.randint(1, 99)}.7"),
        ("plain", "{} was slow", word),
        ("api route", "GET /api/users/{}/cart", word),
    )  # fmt: skip
    shape, text, needle = rng.choice(shapes)
    return shape, text.format(needle), needle


PLACES = (
    "extra.note", "extra.cart", "extra.deep", "error", "vars", "header", "breadcrumb", "tag",
    "message", "email", "data", "loyalty", "auth", "number", "line", "culprit",
    "id", "code",
)  # fmt: skip


def event(rng: random.Random) -> tuple[dict[str, Any], list[Planted]]:
    """A Sentry event with a few values planted."""
    tree: dict[str, Any] = {"event_id": f"{rng.getrandbits(128):032x}", "platform": "python"}
    planted = []
    for place in rng.sample(PLACES, rng.randint(1, 5)):
        shape, text, needle = value(rng)
        if place in ("loyalty", "auth", "id", "code"):
            shape, text = f"under {place}", _word(rng) + ("()" if place == "code" else "")
            needle = text
        if place == "number":
            shape, needle = "number", _digits(rng, 4).replace("0", "7")
            text = needle
        planted.append(Planted(place, _plant(tree, place, text), shape, needle))
    return tree, planted


def _plant(tree: dict[str, Any], place: str, text: str) -> str:
    extra = tree.setdefault("extra", {})
    frame = {"function": "f", "filename": "a.py", "vars": {}, "context_line": "pass"}
    match place:
        case "extra.note":
            extra["note"] = text
            return "note"
        case "extra.cart":
            extra["cart"] = {"first": text}
            return "first"
        case "extra.deep":
            extra["deep"] = [{"inner": [text]}]
            return "inner"
        case "loyalty":
            extra["loyalty_no"] = text
            return "loyalty_no"
        case "auth":
            extra["my_auth_code"] = text
            return "my_auth_code"
        case "code":
            extra["loyalty_of"] = text
            return "loyalty_of"
        case "id":
            tree.setdefault("user", {})["id"] = text
            return "id"
        case "number":
            extra["loyalty_points"] = int(text)
            return "loyalty_points"
        case "error" | "vars" | "line":
            values = tree.setdefault("exception", {"values": [{"type": "E", "value": "bad"}]})
            error = values["values"][0]
            if place == "error":
                error["value"] = text
                return "value"
            frames = error.setdefault("stacktrace", {"frames": [frame]})["frames"]
            if place == "line":
                frames[0]["context_line"] = text
                return "context_line"
            frames[0]["vars"]["local"] = text
            return "local"
        case "header":
            tree.setdefault("request", {})["headers"] = [["x-note", text]]
            return "x-note"
        case "data":
            tree.setdefault("request", {})["data"] = {"field": text}
            return "field"
        case "breadcrumb":
            tree["breadcrumbs"] = {"values": [{"message": text}]}
            return "message"
        case "tag":
            tree["tags"] = [["plan", text]]
            return "plan"
        case "message":
            tree["logentry"] = {"formatted": text}
            return "formatted"
        case "email":
            tree.setdefault("user", {})["email"] = text
            return "email"
    tree["culprit"] = text
    return "culprit"


def by_relay(pii: Mapping[str, Any], tree: Mapping[str, Any]) -> str:
    """What Relay makes of an event, as text. `pii` may be settings, as `import_settings` reads."""
    if "applications" not in pii:
        pii = convert_datascrubbing_config(pii)
        # Relay's server compiles this one without regard to case; the wheel forgets that.
        strip = pii.get("rules", {}).get("strip-fields")
        if strip is not None:
            strip["keyPattern"] = f"(?i){strip['keyPattern']}"
    if not pii:
        return without_meta(tree)
    return without_meta(pii_strip_event(pii, json.loads(json.dumps(tree))))


def without_meta(tree: Mapping[str, Any] | None) -> str:
    return json.dumps({k: v for k, v in (tree or {}).items() if k != "_meta"}, ensure_ascii=False)


# -- the kinds of differences ------------------------------------------------------------------

# What Relay removed and errlock keeps.
CHECKSUM = "a number without a valid checksum or range stays"
NOBODY = "an address that is nobody's stays"
MENTION = "a text that only mentions a password's or a key's name stays"
INNOCENT = "a small number or code under a key that is named by a pattern stays"
ROUTE = "an id in the path of a URL is no home folder"
# What errlock removes and Relay kept.
PROFILE = "errlock's own profile removes it"
EVERYWHERE = "a rule of values or keys looks everywhere, not only where its selector says"
CLOSED = "a selector reaches a field that Relay closes to all of them"
KINDS = (CHECKSUM, NOBODY, MENTION, INNOCENT, ROUTE, PROFILE, EVERYWHERE, CLOSED)

_COMMON = {"@common", "@common:filter"}
# By the shape of a value: the kind, and the rules that Relay removed it by.
_KEPT: Mapping[str, tuple[str, set[str]]] = {
    "card without checksum": (
        CHECKSUM,
        {"@creditcard:mask", "@imei:replace", "scrubDefaults", *_COMMON},
    ),
    "iban without checksum": (CHECKSUM, {"@iban", "scrubDefaults", *_COMMON}),
    "imei": (CHECKSUM, {"@imei:replace", "@creditcard:mask", "scrubDefaults", *_COMMON}),
    "ssn": (CHECKSUM, {"@usssn", "scrubDefaults", *_COMMON}),
    "loopback": (NOBODY, {"@ip:replace", "@ip:hash", "@common", "scrubIpAddresses"}),
    "mention": (MENTION, {"@password", "scrubDefaults", *_COMMON}),
    "pair mention": (MENTION, {"loyalty", "sensitiveFields"}),
    "number": (INNOCENT, {"loyalty", "sensitiveFields"}),
    "under code": (INNOCENT, {"loyalty", "sensitiveFields"}),
    "api route": (ROUTE, {"@userpath", "@common"}),
}
# The rules by which errlock removes a value of a shape.
_WIDE: Mapping[str, set[str]] = {
    "badge": {"badge", "both"}, "order": {"order"}, "two": {"two"}, "uuid": {"@uuid"},
    "under loyalty": {"loyalty", "sensitiveFields"}, "number": {"loyalty", "sensitiveFields"},
    "under id": {"ids", "@anything:remove", "@anything:mask", "@anything:hash"},
    "under auth": {"@password", "scrubDefaults", *_COMMON},
}  # fmt: skip


def without(pii: Mapping[str, Any], rules: set[str]) -> dict[str, Any]:
    """A policy without some rules."""
    if "applications" not in pii:
        gone: dict[str, Any] = {
            name: False if isinstance(pii[name], bool) else [] for name in rules if name in pii
        }
        return {**pii, **gone}
    kept = {
        selector: [id_ for id_ in ids if id_ not in rules]
        for selector, ids in pii["applications"].items()
    }
    return {**pii, "applications": kept}


def names_of(pii: Mapping[str, Any]) -> set[str]:
    """The rules that a policy applies, or the settings that it switches on."""
    if "applications" not in pii:
        return {name for name, value in pii.items() if value}
    return {id_ for ids in pii["applications"].values() for id_ in ids}


def kind_of(
    planted: Planted, pii: Mapping[str, Any], *, relay: bool, default: bool,
    still: Callable[[Mapping[str, Any]], bool],
) -> str | None:  # fmt: skip
    """The kind of a difference. `relay`: it was Relay that removed the value, not errlock.

    `default` says whether errlock without this policy removes it, `still` whether Relay does with
    another policy: what is told about a rule must be that rule's doing.
    """
    if relay:
        kind, rules = _KEPT.get(planted.shape, (None, set()))
        return None if kind is None or still(without(pii, rules)) else kind
    if default:
        return PROFILE
    if names_of(pii) & _WIDE.get(planted.shape, set()):
        return EVERYWHERE
    if planted.place == "line" and "$frame.context_line" in pii.get("applications", ()):
        return CLOSED
    return None


def pairs(seed: int, configs: int, events: int) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """Configurations, each with its events."""
    rng = random.Random(seed)
    for _ in range(configs):
        yield config(rng), [event(rng) for _ in range(events)]
