"""Could undoing encodings show a value in a text that does not hold it as it is?

Most texts with something encoded have line feeds and quotation marks behind backslashes, and
nothing else. What has none of these signs stands in such a text as it is, or not at all.
"""

from __future__ import annotations

import re

from .linear import compile_linear
from .variants import VARIANTS
from .views import ENCODED_WORD, EQUALS_IN_MAIL, WIDTHLESS, View, decoded_tokens

# What could show any character, or nothing. Each is wider than what `views` undoes.
_ANYTHING = re.compile(
    rf"%(?:u|[0-9A-Fa-f]{{2}})|&(?:#|[A-Za-z0-9]+;)|{EQUALS_IN_MAIL}|{ENCODED_WORD}|[\x1b\0]|{WIDTHLESS}|{VARIANTS}"
)
# A backslash, or several: they may be inside one another.
_BY_NUMBER = re.compile(r"\\(?:[0-3][0-7]{2}|0|[uxU][0-9A-Fa-f{])")
_ESCAPE = re.compile(r"(?<!\\)\\++([^A-Za-z0-9\\]|[bfnrt])")
_SIGNS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# Bytes one by one, whatever an escape makes of what stands between them.
_BYTES = compile_linear(r"(?:[0-9A-Fa-f]{1,4}[^0-9A-Za-z]{1,8}[bfnrt]?){7}[0-9A-Fa-f]")
_OF_ENCODINGS = frozenset("%&#;=+/_-:.… ")  # with one of them that is shown, there is more to undo
_PLUS, _BLANK = "+", " "  # in forms one stands for the other


def may_hide(text: str, characters: frozenset[str]) -> bool:
    """Whether a value made of some of these characters could be in it, but for what is there.

    False is certain; True says nothing. Linear.
    """
    if _ANYTHING.search(text) is not None or _BY_NUMBER.search(text) is not None:
        return True
    if _PLUS in text and _BLANK in characters:
        return True
    shown = {_SIGNS.get(sign, sign) for sign in _ESCAPE.findall(text)} | {"\\"}
    if not characters.isdisjoint(shown) or not _OF_ENCODINGS.isdisjoint(shown):
        return True
    if "\\" in text and (_BYTES.search(text) is not None or _holds_tokens(_ESCAPE.sub("|", text))):
        return True
    return _holds_tokens(text)


def _holds_tokens(text: str) -> bool:
    return next(decoded_tokens(View(text)), None) is not None
