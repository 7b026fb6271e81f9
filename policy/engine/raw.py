"""Is there anything to look at in a JSON document? Answered from its bytes, without decoding it.

Where a trigger fires, only the string around it is read, as the walk would read it: most of what
fires is nothing (`"token_count": 312`, a class called `std::string`).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence

import msgspec

from ..detection import Detection
from ..fields import TEXT, telling_attributes
from ..findings import PolicyLimit
from ..judging import Judge, Site, Work
from ..keys import classify_key
from ..meta import WITH_META
from ..named import GIVEN_NAMES, LABELS, NAMES_OF_PEOPLE, NAMING, PERSONAL, unquoted
from ..templates import COLUMNS, MESSAGE, STATEMENTS, TOLD, names_of_columns, names_of_places
from ..views import View
from .finder import GatedFinder
from .gate import DEVICE, ESCAPE, FIELD, KNOWN, META, UNREADABLE, Gate
from .keys import Keys
from .names import ENCODED, HELD, NUMBERS, ROWS, STRUCTURES
from .notes import kept_notes
from .strings import (
    BEHIND_KEY,
    COLON,
    MOST_NAME,
    closing,
    is_escaped,
    key_of,
    opening,
    sign_before,
    with_key,
)
from .texts import Texts
from .word_triggers import LONG_NUMBER

# A document with more strings to look at is read as a whole.
_MOST_STRINGS, _BYTES_A_STRING = 64, 512
_REMEMBERED = 8192  # strings
# Kinds of documents that are many and large; the others are small, and their fields mean more.
KINDS = frozenset({"event", "transaction", "span", "log"})

_validate = msgspec.json.Decoder(msgspec.Raw).decode
_string = msgspec.json.Decoder(str).decode
_NOTHING = re.compile(rb'(?:null|true|false|""|\{[ \t\r\n]*+\}|\[[ \t\r\n]*+\])[ \t\r\n]*+[,}]')
_NEXT, _LAST = re.compile(rb"[ \t\r\n]*+,"), re.compile(rb"[ \t\r\n]*+\]")
_NAME_KEY = re.compile(rb'"(?:%b)"[ \t\r\n]*+:' % "|".join(NAMES_OF_PEOPLE).encode(), re.IGNORECASE)
_LISTED = re.compile(rb'"(?:%b)"[ \t\r\n]*+:[ \t\r\n]*+\[' % "|".join(TOLD).encode())
_OPENED = ord("[")
_TRUE = re.compile(rb"true")
_LONG_NUMBER = re.compile(LONG_NUMBER.encode())
_read = json.JSONDecoder(object_pairs_hook=list).raw_decode
_JUDGED = STRUCTURES | NUMBERS | ROWS | ENCODED
_ALWAYS = (FIELD, KNOWN)
Hit = tuple[int, int]  # where a trigger ends, and which one
# As SDKs write it. What has it is read anyway: it need not be searched before that.
_USER = (b'"user":{', b'"user": {')
_MOST_DEVICE = 8192
_MOST_NUMBER = 64
_ATTRIBUTES = frozenset(telling_attributes())


def is_readable(data: bytes) -> bool:
    """Whether bytes are one JSON object, strictly.

    How deep it is nested is asked of what must be decoded: nothing here goes into it.
    """
    if not data.startswith(b"{"):
        return False
    try:
        _validate(data)
        return data.isascii() or bool(data.decode())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


class RawLook:
    """Looks at JSON documents under one policy."""

    def __init__(self, detection: Detection, gate: Gate, keys: Keys, texts: Texts) -> None:
        self._detection = detection
        self._gate = gate
        self._keys = keys
        self._texts = texts
        # Strings with their keys of which nothing came, in any document, and what judging them
        # took: so many are kept.
        self._harmless: dict[bytes, Work] = {}

    def is_clean(self, type_: str, data: bytes) -> bool:
        """Whether nothing in a readable document can be sensitive. In doubt it is not clean."""
        if any(each in data for each in _USER):
            return False
        if self._detection.has_exceptions and _NAME_KEY.search(data) is not None:
            return False  # what is left tells of whom the name beside it is
        hits = _of_strings(data, self._gate.json_hits(data))
        if hits is not None and any(id_ == META for _, id_ in hits):
            notes = kept_notes(data) if type_ in WITH_META else None
            hits = None if notes is None else [hit for hit in hits if hit[0] - 1 not in notes]
        if hits is None:
            return False
        hits.sort()
        known = self._harmless
        look = _Look(self._detection, self._gate, self._keys, self._texts)
        left = max(_MOST_STRINGS, len(data) // _BYTES_A_STRING)
        at = end = 0
        while at < len(hits):
            start = opening(data, hits[at][0] - 1, end)
            end = closing(data, start)
            first = at
            while at < len(hits) and hits[at][0] - 1 <= end:
                at += 1
            if start < 0 or at == first:
                return False
            whole = with_key(data, start, end)
            took = known.get(whole)
            if took is not None:
                if took.views and not look.allows(took):
                    return False
                continue
            left -= 1
            if left < 0 or not look.is_harmless(data, start, end, hits[first:at]):
                return False
            if whole and look.can_be_remembered:
                if len(known) >= _REMEMBERED:
                    known.clear()
                known[whole] = look.took
        return True


class _Look:
    """Looks at the suspicious strings of one document."""

    def __init__(self, detection: Detection, gate: Gate, keys: Keys, texts: Texts) -> None:
        self._gate = gate
        self._keys = keys
        self._texts = texts
        self._detection = detection
        self._finder = GatedFinder(detection, gate, texts)
        # Of a size that nobody has measured only the least is known.
        self._judge = Judge(detection, self._finder, lambda: 0)
        self._has_lists: bool | None = None  # None: nobody has looked
        self.can_be_remembered = False  # nothing came of the last string, wherever it stands
        self.took = Work(0, 0)  # to judge it: that counts for every document that has it

    def allows(self, work: Work) -> bool:
        """Count what a string takes that is known to be harmless; whether that is not too much."""
        try:
            self._judge.count(work)
        except PolicyLimit:
            return False
        return True

    def is_harmless(self, data: bytes, start: int, end: int, hits: Sequence[Hit]) -> bool:
        """Whether nothing comes of the string that begins at a quotation mark.

        Behind a number it is not a string but what stands between two: that only adds signs.
        """
        before = self._judge.work
        harmless = self._is_harmless(data, start, end, hits)
        self.took = self._judge.work.since(before)
        return harmless

    def _is_harmless(self, data: bytes, start: int, end: int, hits: Sequence[Hit]) -> bool:
        content = data[start + 1 : end]
        colon = BEHIND_KEY.match(data, end + 1)
        if b"\\" in content:
            if colon is not None and b"\\u" in content:
                return False  # what looks for keys does not know it
            try:
                text = _string(b'"%b"' % content)
            except msgspec.MsgspecError:
                return False
            content = text.encode("utf-8", "surrogatepass")
            bits = self._texts.of(text)
        else:
            text = content.decode("utf-8", "replace")
            bits = self._wanted(content + b"\n", start + 1, hits)
        if colon is not None:
            if _is_oddly_written(text):
                return False
            self.can_be_remembered = not self._is_telling(text, bits)
            return self.can_be_remembered or self._is_harmless_value(data, text, bits, colon.end())
        bits = self._gate.matching(content, bits)
        if bits and not self._is_harmless_value_text(text, bits, _context(data, start)):
            return False
        if self._names_items(data, start, text):
            return False
        self.can_be_remembered = True
        return len(text) > MOST_NAME or not self._gives_name(data, start, end, text)

    def _names_items(self, data: bytes, start: int, text: str) -> bool:
        """Whether a text may name the items of a list beside it (templates.py)."""
        if data[sign_before(data, start)] == COLON:
            key = key_of(data, start)
            if key != MESSAGE and key not in STATEMENTS:
                return False
            if self._has_lists is None:
                self._has_lists = _LISTED.search(data) is not None
            names = names_of_places if key == MESSAGE else names_of_columns
            return self._has_lists and any(names(text))
        if len(text) > MOST_NAME or classify_key(text) is None:
            return False
        return key_of(data, data.rfind(b"[", 0, start)) in COLUMNS

    def _wanted(self, content: bytes, first: int, hits: Sequence[Hit]) -> int:
        bits = self._gate.always
        for end, id_ in hits:
            bits |= self._gate.bits_of(content, end - first, id_)
        # A number alone does not fire in JSON; beside something else it may tell something.
        if bits and not bits & STRUCTURES and _LONG_NUMBER.search(content) is not None:
            bits |= NUMBERS
        return bits

    def _is_harmless_value_text(self, text: str, bits: int, key: str | None) -> bool:
        """Under a key, which may hold the words that a rule asks for; None: under any."""
        self._finder.any_key = key is None
        try:
            return self._is_harmless_text(text, bits, key)
        finally:
            self._finder.any_key = False

    def _is_harmless_text(self, text: str, bits: int, key: str | None = None) -> bool:
        if not bits or (bits == NUMBERS and "'" not in text and '"' not in text):
            return True
        if bits & HELD:
            return False
        if not bits & _JUDGED:
            self._finder.expect(text, bits)
            return not self._finder.spans(text, key)
        # As text like any other: in fields of a narrower kind not more is found.
        site = Site((), View(text), TEXT)
        self._finder.expect(text, bits)
        try:
            self._judge.text(site, site.view, key, None)
        except PolicyLimit:
            return False
        return not site.marks and not self._judge.unread  # what was not read has to be told

    def _is_telling(self, key: str, bits: int) -> bool:
        """Whether a key says something of its value, or something could be found in it."""
        class_, is_judged = self._keys.about(key)
        if class_ is not None or self._gate.rules_of_key(key):
            return True
        return is_judged and not self._is_harmless_text(key, bits)

    def _is_harmless_value(self, data: bytes, key: str, bits: int, at: int) -> bool:
        """Whether nothing comes of a telling key and of the value that begins at `at`."""
        class_, is_judged = self._keys.about(key)
        if is_judged and not self._is_harmless_text(key, bits):
            return False
        if _NOTHING.match(data, at) is not None:
            return _TRUE.match(data, at) is None or not self._may_tell_of_person(data, key)
        if data[at : at + 1] != b'"':
            return False
        content = data[at + 1 : closing(data, at)]
        if b"\\" in content:
            return False
        value = content.decode("utf-8", "replace")
        if self._may_tell_of_person(data, key):
            return False
        meant = key in _ATTRIBUTES
        if class_ is not None and self._detection.sensitive_parts(value, class_, meant=meant):
            return False
        self._finder.expect(value, 0)
        return not self._gate.rules_of_key(key) or not self._finder.spans(value, key)

    @staticmethod
    def _may_tell_of_person(data: bytes, key: str) -> bool:
        """Whether an innocent value may make the name beside it a person's (named.py)."""
        return classify_key(key) in PERSONAL and _NAME_KEY.search(data) is not None

    def _gives_name(self, data: bytes, start: int, end: int, text: str) -> bool:
        """Whether a text that stands where names do may name what stands beside it."""
        before, text = sign_before(data, start), unquoted(text)
        if data[before] == COLON:
            key = key_of(data, start)
            stands_there = key is None or key.casefold() in NAMING
        elif _LAST.match(data, end + 1) is not None:  # of a path, which may be a field's
            key = key_of(data, data.rfind(b"[", 0, start))
            stands_there = key is None or key.casefold() in NAMING
            self.can_be_remembered = False
        else:
            in_pair = data[before] == _OPENED and _NEXT.match(data, end + 1) is not None
            stands_there = text.startswith("-") or text.endswith(LABELS) or in_pair
        if not stands_there:
            return False
        name = text.lstrip("-").rstrip(": ")
        return self._detection.key_class(name) is not None or bool(self._gate.rules_of_key(name))


def _of_strings(data: bytes, hits: Iterable[Hit]) -> list[Hit] | None:
    """The hits that say something of a string; None where the document has to be read anyway."""
    kept = []
    for hit in hits:
        end, id_ = hit
        if id_ in _ALWAYS or (id_ == UNREADABLE and _ends_number(data, end - 1)):
            return None
        if id_ == UNREADABLE:
            continue
        if id_ == DEVICE:
            if _may_be_named(data, end - 1):
                return None
        elif id_ != ESCAPE:
            kept.append(hit)
        elif not is_escaped(data, end - 2):  # else it is a backslash, and a word: `C:\\users`
            if _is_shown_in_ascii(int(data[end : end + 4], 16)):
                return None  # a sign that is looked for between strings may be written so
            kept.append(hit)
    return kept


def _ends_number(data: bytes, end: int) -> bool:
    """Whether what looks like the end of a number may be one, and not a part of a string.

    `Mobile/15E148 Safari` is in what every iPhone sends.
    """
    before = data[max(0, end - _MOST_NUMBER) : end].rstrip(b"0123456789.eE+-")
    return not before or before[-1] in b":,[ \t\r\n"


def _is_oddly_written(key: str) -> bool:
    """Whether a key means one of ASCII and is not: in full width, with a long s."""
    return not key.isascii() and unicodedata.normalize("NFKC", key).casefold().isascii()


def _is_shown_in_ascii(code: int) -> bool:
    return 0x20 <= code < 0x7F


def _context(data: bytes, start: int) -> str | None:
    """The same, but for a value that may have its name from the field beside it."""
    key = key_of(data, start)
    return None if key is None or key.casefold() in GIVEN_NAMES else key


def _may_be_named(data: bytes, at: int) -> bool:
    """Whether the device that begins at `at` has a name: often that of its owner."""
    try:
        device, _ = _read(data[at : at + _MOST_DEVICE].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return True
    return data[at : at + 1] != b"{" or any(key == "name" and value for key, value in device)
