"""Detectors: how to see one kind of sensitive value in plain text, as data.

Entries live in `catalogue/*.toml`, one table each; users add their own in the same form.

Examples are written so that no text of this repository looks like a real secret:

- `«` and `»` stand around the span that must be found (in `catch`; without them: the whole text);
- `{alnum:36}` stands for 36 characters made up at load time, always the same for the same detector.
  The alphabets are `alnum`, `alpha`, `lower`, `upper`, `lowernum`, `uppernum`, `hex`, `HEX`,
  `digit`, `base32`, `base64`, `base64url`;
- `{jwt}` is a JSON Web Token; `{join}` is nothing: `AK{join}IA` reads AKIA;
- `{crc32}` is the checksum of what stands since the last `_`, as GitHub writes it.
"""

from __future__ import annotations

import hashlib
import string
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib import resources

import msgspec
import re2

from .classes import CLASSES, OPEN_CLASSES, is_class
from .errors import PolicyError
from .linear import compile_linear, refusal
from .validation.tokens import crc32_digits
from .validation.validators import VALIDATORS

ALPHABETS = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "lowernum": string.ascii_lowercase + string.digits,
    "uppernum": string.ascii_uppercase + string.digits,
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "digit": string.digits,
    "base32": string.ascii_uppercase + "234567",
    "base64": string.ascii_letters + string.digits + "+/",
    "base64url": string.ascii_letters + string.digits + "-_",
}


class Detector(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    rename={"class_": "class"},
):
    """How to see one kind of value. The pattern is RE2's; its group `v`, if any, is the span."""

    id: str
    class_: str
    source: str
    pattern: str
    needs: tuple[str, ...] = ()  # lower-case literals: one of them stands in every match
    context: tuple[str, ...] = ()  # lower-case words: one stands before the match or in the key
    validator: str | None = None
    catch: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()


def example(detector_id: str, notation: str) -> tuple[str, int, int]:
    """Expand an example: its text, and the span that must be found in it (characters)."""
    text = _expand(detector_id, notation)
    start = text.find("«")
    end = text.find("»")
    if start < 0 or end < 0:
        return text, 0, len(text)
    return text[:start] + text[start + 1 : end] + text[end + 1 :], start, end - 1


_MADE_UP = compile_linear(
    r"\{(?:(jwt|join|crc32)|(" + "|".join(sorted(ALPHABETS)) + r"):([0-9]{1,4}))\}"
)


def _expand(seed: str, notation: str) -> str:
    parts: list[str] = []
    done = 0
    for count, match in enumerate(_MADE_UP.finditer(notation)):
        parts.append(notation[done : match.start()])
        done = match.end()
        name, alphabet, length = match.groups()
        if name == "jwt":
            parts.append(_jwt(f"{seed}/{count}"))
        elif name == "crc32":
            parts.append(crc32_digits("".join(parts).rpartition("_")[2]))
        elif name is None:
            parts.append(_characters(f"{seed}/{count}", ALPHABETS[alphabet], int(length)))
    return "".join([*parts, notation[done:]])


def _characters(seed: str, alphabet: str, length: int) -> str:
    stream = hashlib.shake_256(seed.encode()).digest(length)
    return "".join(alphabet[byte % len(alphabet)] for byte in stream)


def _jwt(seed: str) -> str:
    signature = _characters(seed, ALPHABETS["base64url"], 43)
    return f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI3MTA5OTAyIn0.{signature}"


@cache
def load_catalogue() -> tuple[Detector, ...]:
    """Read the built-in detectors, in a fixed order. That each of them is right is for a test."""
    entries: list[Mapping[str, object]] = []
    folder = resources.files(__package__) / "catalogue"
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if file.name.endswith(".toml"):
            entries.extend(tomllib.loads(file.read_text(encoding="utf-8")).get("detector", []))
    return tuple(msgspec.convert(entries, list[Detector]))


def load_detectors(
    entries: Sequence[Mapping[str, object]], path: str = "detectors"
) -> tuple[Detector, ...]:
    """Make detectors of decoded entries. Raises PolicyError with every problem found.

    `path` is where the entries stand in the configuration, for the messages.
    """
    detectors: list[Detector] = []
    problems: list[tuple[str, str]] = []
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        where = f"{path}[{index}]"
        try:
            detector = msgspec.convert(entry, Detector)
        except msgspec.ValidationError as error:
            problems.append((where, _plain(str(error))))
            continue
        problems += [(f"{where}.{name}", text) for name, text in _problems(detector)]
        if detector.id in seen:
            problems.append((f"{where}.id", f"{detector.id!r} is there twice"))
        seen.add(detector.id)
        detectors.append(detector)
    if problems:
        raise PolicyError(problems)
    return tuple(detectors)


def _plain(text: str) -> str:
    """msgspec's words for a wrong entry; a detector is configuration, not a payload."""
    return f"{text}. Allowed: {', '.join(f.encode_name for f in msgspec.structs.fields(Detector))}"


def _problems(detector: Detector) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if not is_class(detector.class_):
        near = get_close_matches(detector.class_, CLASSES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        open_ones = ", ".join(f"{name}.*" for name in OPEN_CLASSES)
        found.append(
            ("class", f"unknown class {detector.class_!r}{hint} Open classes: {open_ones}")
        )
    try:
        pattern = compile_pattern(detector.pattern)
    except re2.error as error:
        found.append(("pattern", refusal(error)))
    else:
        if pattern.search(b"") is not None:
            found.append(("pattern", "matches the empty text"))
    if detector.validator is not None and detector.validator not in VALIDATORS:
        near = get_close_matches(detector.validator, VALIDATORS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        found.append(("validator", f"unknown{hint} Known: {', '.join(sorted(VALIDATORS))}"))
    found += [
        (name, "write the words in lower case")
        for name in ("needs", "context")
        if any(word != word.casefold() or not word for word in getattr(detector, name))
    ]
    return found


def compile_pattern(pattern: str) -> re2._Regexp[bytes]:
    """Compile for UTF-8 bytes, so that offsets cost nothing. Raises re2.error."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 32 << 20
    return compile_linear(pattern.encode(), options)
