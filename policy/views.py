"""Views: what a text says once an encoding is undone, with the way back to the original text.

Detection works on views; what it finds is mapped back to characters of the string in the
document. Encodings that go character by character have an exact way back; for a token that is
encoded as a whole (base64) the way back is the whole token.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .bytewise import SHOWN, is_shown, text_of, texts_of_bytes
from .linear import compile_linear
from .variants import VARIANTS, plain, variants_in

MAX_DEPTH = 3  # encodings inside encodings

_PERCENTS = r"(?:%[0-9A-Fa-f]{2})+"
_WIDE_PERCENT = r"%u[0-9A-Fa-f]{4}"  # what JavaScript's `escape` makes
# A backslash before any other letter stands for itself: `C:\Program Files`, `App\Http\Kernel`.
_ESCAPES = (
    r"\\(?:(?P<octal>[0-3][0-7]{2})|u\{(?P<brace>[0-9A-Fa-f]{1,6})\}|u(?P<u>[0-9A-Fa-f]{4})|x(?P<x>[0-9A-Fa-f]{2})"
    r"|U(?P<long>[0-9A-Fa-f]{8})|(?P<char>[^A-Za-z1-9]|[bfnrt]))"
)
_ENTITIES = r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
# What shows nothing: colours of terminals (ECMA-48) and characters without a width.
_COLOURS = r"\x1b\[[0-9;:?]{0,40}[A-Za-z]"
_CODES = (0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF)
WIDTHLESS = "[" + "".join(map(chr, _CODES)) + "]"
_UTF_16 = r"\0(?<=[\t\n\r -~]\0)(?:[\t\n\r -~]\0){3,}"  # ASCII in it, byte by byte
_ALONE = f"{_COLOURS}|{WIDTHLESS}|{_UTF_16}|{VARIANTS}"
# None of them can backtrack: runs of fixed pieces, each beginning with a sign of its own.
_PERCENT = re.compile(_PERCENTS)
_ESCAPE = re.compile(_ESCAPES)
_WIDTHLESS = re.compile(WIDTHLESS)
_SIGN = re.compile(f"{_PERCENTS}|{_WIDE_PERCENT}|{_ESCAPES}|{_ENTITIES}|{_ALONE}")
_SIGN_BUT_ESCAPES = re.compile(f"{_PERCENTS}|{_WIDE_PERCENT}|{_ENTITIES}|{_ALONE}")
# RFC 2045: the sources of e-mails. Where it is, a sign of equality is encoded, too.
_IN_MAIL = re.compile(r"(?:=[0-9A-F]{2})+|=\r?\n")
EQUALS_IN_MAIL = "=3D"
# RFC 2047: what headers say beyond ASCII. There a space is written as a line below.
_IN_HEADER = re.compile(r"(?:=[0-9A-F]{2})+|_")
ENCODED_WORD = r"=\?[A-Za-z0-9_-]{2,20}\?[Qq]\?"
_ENCODED_WORD = re.compile(ENCODED_WORD)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "0": "\0"}
# A token of base64, standard or URL-safe. Words and identifiers match too: decoding decides.
_BASE64 = compile_linear(r"[A-Za-z0-9+/_-]{16,}={0,2}")
# How base64 of what gzip has packed begins (RFC 1952), as CloudWatch hands logs to functions, and
# of what zlib has (RFC 1950), at each of its levels.
GZIP, ZLIB = "H4sI", "e(?:J[w-z]|N[o-r]|A[E-H]|F[4-7])"
_PACKED = re.compile(f"({GZIP})|{ZLIB}")
GZIP_IN_HEX, _GZIP = "1[fF]8[bB]08", b"\x1f\x8b\x08"
_MOST_UNPACKED, _LONGEST_UNPACKED = 16, 1 << 20  # times its length, bytes
_HEX = re.compile(r"[0-9a-fA-F-]+")


@dataclass(slots=True)
class View:
    """A text and its place in another one. The root view is a string of the document.

    Exactly one of these says how to get back: `token` (the whole of it), `chars` (where each
    character begins, and where the last one ends), else `offset`.
    """

    text: str
    parent: View | None = None
    offset: int = 0
    chars: Sequence[int] | None = None
    token: tuple[int, int] | None = None
    depth: int = 0
    nesting: int = 0  # parts inside parts, nothing decoded in between
    quoted: bool = False
    is_cut: bool = False  # what it was unpacked from says more

    def part(self, start: int, end: int) -> View:
        """A part of this text as a view of its own; nothing is decoded."""
        nesting = self.nesting + 1
        return View(self.text[start:end], self, start, depth=self.depth, nesting=nesting)

    def root_span(self, start: int, end: int) -> tuple[int, int]:
        """Where characters `start` to `end` of this text stand in the document's string."""
        view = self
        while view.parent is not None:
            if view.token is not None:
                start, end = view.token
            elif view.chars is not None:
                start, end = view.chars[start], view.chars[end]
            else:
                start, end = start + view.offset, end + view.offset
            view = view.parent
        return start, end


def decodings(view: View, *, escapes: bool = True) -> Iterator[View]:
    """What a text says once encodings are undone: as a whole, and each token of base64.

    Percent-encoding, escapes, HTML entities and what shows nothing are undone together, so that a
    text has one such view a level and not one a combination. Without `escapes` backslashes are left
    alone: they belong to literals that are read on their own.
    """
    if view.depth >= MAX_DEPTH:
        return
    text = view.text
    if _may_have_signs(text, escapes=escapes) and _SIGN.search(text):
        decoded = _decoded(view, 0, len(text), _SIGN if escapes else _SIGN_BUT_ESCAPES)
        if decoded.text != text:
            yield decoded
    if EQUALS_IN_MAIL in text:
        yield _decoded(view, 0, len(text), _IN_MAIL)
    if "=?" in text and _ENCODED_WORD.search(text) is not None:
        yield _decoded(view, 0, len(text), _IN_HEADER)
    yield from decoded_tokens(view)


def decoded_tokens(view: View) -> Iterator[View]:
    """What is encoded as a whole: its characters have no places of their own."""
    if len(view.text) >= 16:
        yield from _base64_tokens(view)
        for meant, start, end in texts_of_bytes(view.text):
            yield View(meant, view, token=(start, end), depth=view.depth + 1)


def _may_have_signs(text: str, *, escapes: bool) -> bool:
    signs = "%&\x1b\0\\" if escapes else "%&\x1b\0"
    return not text.isascii() or any(sign in text for sign in signs)


def is_encoded(text: str) -> bool:
    """Whether `decodings` would make something else of a text."""
    return next(decodings(View(text)), None) is not None


def unescaped(view: View, start: int = 0, end: int | None = None) -> View:
    r"""A string literal's content: `\"`, `\n`, `\u0040`, `\x40`, `\U00000040` undone."""
    return _decoded(view, start, len(view.text) if end is None else end, _ESCAPE)


def percent_decoded(view: View, *, plus: bool = False) -> View:
    """Percent-encoding undone; with `plus` also `+` for a space, as form bodies have it."""
    source = View(view.text.replace("+", " ")) if plus else view
    decoded = _decoded(source, 0, len(source.text), _PERCENT)
    decoded.parent, decoded.depth = view, view.depth + 1
    return decoded


def _decoded(view: View, start: int, end: int, signs: re.Pattern[str]) -> View:
    pieces = _Pieces(view.text, start)
    for match in signs.finditer(view.text, start, end):
        pieces.copy(match.start())
        first = match[0][0]
        if first == "%" and match[0][1] == "u":
            code = int.from_bytes(bytes.fromhex(match[0][2:]))
            pieces.put_code(code, match.start(), match.end())
        elif first == "=" and match[0][1:].isspace():  # a line that was too long
            pieces.put("", match.start(), match.end())
        elif first == "_":
            pieces.put(" ", match.start(), match.end())
        elif first in "%=":
            at = match.start()
            for char, width in _characters(bytes.fromhex(match[0].replace(first, ""))):
                pieces.put(char, at, at + 3 * width)
                at += 3 * width
        elif first == "&":
            pieces.put(html.unescape(match[0]), match.start(), match.end())
        elif first == "\\":
            _undo_escape(pieces, match)
        elif first not in "\0\x1b" and not _WIDTHLESS.match(first):
            for at, variant in variants_in(match[0], match.start()):
                pieces.put(plain(variant), at, at + len(variant))
        else:
            for at in range(match.start(), match.end()):
                shown = first == "\0" and view.text[at] != "\0"
                pieces.put(view.text[at] if shown else "", at, at + 1)
    pieces.copy(end)
    return pieces.view(view)


def _undo_escape(pieces: _Pieces, match: re.Match[str]) -> None:
    digits = match["brace"] or match["u"] or match["x"] or match["long"]
    if match["octal"] is not None:
        pieces.put(chr(int(match["octal"], 8)), match.start(), match.end())
    elif digits is None:
        char = match["char"]
        pieces.put(_ESCAPED.get(char, char), match.start(), match.end())
    else:
        pieces.put_code(int(digits, 16), match.start(), match.end())


def _characters(data: bytes) -> Iterator[tuple[str, int]]:
    """The characters of UTF-8 with their widths; bytes that are not UTF-8 count one by one."""
    try:
        for char in data.decode():
            yield char, len(char.encode())
    except UnicodeDecodeError:
        for byte in data:
            yield chr(byte), 1


def _base64_tokens(view: View) -> Iterator[View]:
    for match in _BASE64.finditer(view.text):
        token, before = match[0], view.text[max(0, match.start() - 3) : match.start()]
        if token[0] == "x" and before[-1:] == "\\":
            token = token[1:]  # what PostgreSQL writes before bytes
        decoded, is_cut = _token_text(token)
        if decoded is None and before.endswith(("...", "…")):
            decoded = next(filter(None, (base64_text(token[cut:]) for cut in (1, 2, 3))), None)
        if decoded is not None:
            span, depth = match.span(), view.depth + 1
            yield View(decoded, view, token=span, depth=depth, is_cut=is_cut)


def base64_text(token: str) -> str | None:
    """The printable text that a token of base64 or hex holds; None when it holds none."""
    return _token_text(token)[0]


def _token_text(token: str) -> tuple[str | None, bool]:
    """The same, and whether it is packed and says more than that.

    A file path is made of the same characters, so a token with slashes may also be several:
    only what decodes to printable UTF-8 counts. What has been cut off is decoded as far as it goes.
    """
    bare = token.rstrip("=")
    digits = bare[bare[:2] in ("0x", "0X") and 2 :]
    if _HEX.fullmatch(digits):
        return _hex_text(digits), False
    if len(bare) % 4 == 1:
        bare = bare[:-1]
    standard = bare.replace("-", "+").replace("_", "/") + "=" * (-len(bare) % 4)
    try:
        data = base64.b64decode(standard, validate=True)
        packed, decoded, is_cut = _PACKED.match(bare), "", False
        if packed is not None:
            decoded, is_cut = _unpacked(data, 31 if packed[1] else 15)
        if not decoded:
            decoded = _utf16_text(data) if b"\0" in data else _utf8_text(data)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None, False
    is_text = is_shown(decoded) and _has_ascii(decoded.encode())
    return (decoded, is_cut) if is_text else (None, False)


def _unpacked(data: bytes, wbits: int) -> tuple[str, bool]:
    """The text that was packed: its first part, if it is longer than real ones become.

    Also whether there is more.
    """
    most, unpacking = min(_MOST_UNPACKED * len(data), _LONGEST_UNPACKED), zlib.decompressobj(wbits)
    try:
        text = _utf8_text(unpacking.decompress(data, most))
    except zlib.error:
        return "", False
    return text, bool(unpacking.unconsumed_tail)


def _utf8_text(data: bytes) -> str:
    """UTF-8 up to a last character that may have been cut. Raises UnicodeDecodeError."""
    return codecs.utf_8_decode(data, "strict", False)[0]


def _utf16_text(data: bytes) -> str:
    """ASCII in UTF-16: what PowerShell takes as a command. Raises UnicodeDecodeError."""
    encoding = "utf-16" if data[:1] in b"\xff\xfe" else "utf-16-be" if data[0] == 0 else "utf-16-le"
    return data[: len(data) // 2 * 2].decode(encoding).encode("ascii").decode()


def _has_ascii(data: bytes) -> bool:
    """Whether three groups of base64 in a row stand for ASCII: of other text nothing is known."""
    shown = data.translate(SHOWN)
    run = b"p" * 9
    at = shown.find(run)
    while at >= 0:
        if at % 3 == 0:
            return True
        at = shown.find(run, at + 1)
    return False


def _hex_text(digits: str) -> str | None:
    """The text that hex digits stand for."""
    if not digits.isalnum():
        return None
    data = bytes.fromhex(digits[: len(digits) // 2 * 2])
    if data.startswith(_GZIP):
        return _unpacked(data, 31)[0] or None
    return text_of(data)


class _Pieces:
    """Builds a decoded text together with the place of each of its characters."""

    def __init__(self, source: str, start: int) -> None:
        self._source = source
        self._at = start
        self._text: list[str] = []
        self._chars: list[int] = []
        self._high: int | None = None  # a high surrogate that waits for its other half

    def copy(self, end: int) -> None:
        """Take the source up to `end` as it is."""
        if end > self._at:
            self._high = None
            self._text.append(self._source[self._at : end])
            self._chars.extend(range(self._at, end))
            self._at = end

    def put(self, text: str, start: int, end: int) -> None:
        """Put what `start` to `end` of the source stands for."""
        self._high = None
        self._text.append(text)
        self._chars.extend([start] * len(text))
        self._at = end

    def put_code(self, code: int, start: int, end: int) -> None:
        """Put a code point; two halves of a surrogate pair become one character."""
        if 0xDC00 <= code < 0xE000 and self._high is not None and self._at == start:
            self._text[-1] = chr(0x10000 + ((self._high - 0xD800) << 10) + (code - 0xDC00))
            self._high = None
            self._at = end
            return
        valid = code <= 0x10FFFF and not 0xD800 <= code < 0xE000
        self.put(chr(code) if valid else "\ufffd", start, end)
        if 0xD800 <= code < 0xDC00:
            self._high = code

    def view(self, parent: View) -> View:
        """The decoded text as a view of `parent`."""
        self._chars.append(self._at)
        return View("".join(self._text), parent, chars=self._chars, depth=parent.depth + 1)
