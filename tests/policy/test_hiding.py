"""What is said to be hidden nowhere in a text stands in none of its views."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from errlock.policy.copies import MIN_LENGTH
from errlock.policy.detection import Detection
from errlock.policy.fields import TEXT
from errlock.policy.hiding import may_hide
from errlock.policy.judging import Finder, Judge, Site
from errlock.policy.parts import RedactPart
from errlock.policy.views import View

_PIECES = (
    "Hun7er2", "open-sesame", "ab", "n", "x41", "u0041", "12", "0", "_", "7b 22 70 61 73 73 77 6f ",
    "\\n", "\\t", "\\b", '\\"', "\\'", "\\\\", "\\", "\\/", "\\-", "\\ ", "\\é", "\\u0041", "\\x41",
    "\\101", "\\0", "\\C", "%41", "%u0041", "%", "&amp;", "&#65;", "&", "=3D", "=", "+", " ", "é",
    "\n", "'", '"', "{", "}", "[", "]", "(", ")", ":", ",", "a=b&c=", "'k': '", "\u200b", "\0",
    "\x1b[31m", "aGVsbG8gd29ybGQhIG9wZW4tc2VzYW1l", "H4sIAAAAAAAC", "686f6c61206d756e646f",
    "https://a.example/", "112, ", "97,", "115 ", "0x61, ", "\\r", "...", "\u00a0", "\uff21",
    "\u00c3\u00a9", "eJxLSs3LzCtRSE4sAgAfKwTq",
)  # fmt: skip


def _views(text: str) -> Iterator[str]:
    detection = Detection((RedactPart(),))
    site = Site((), View(text), TEXT)
    Judge(detection, Finder(detection), lambda: 1 << 20).text(site, site.view, None, None)
    return (view.text for view in site.views)


@pytest.mark.parametrize("part", range(4))
def test_what_is_not_hidden_stands_in_no_view_but_for_what_is_there(part: int) -> None:
    certain = 0
    for seed in range(part * 150, part * 150 + 150):
        random = Random(seed)
        pieces = random.sample(_PIECES, random.choice((3, 6, 12)))
        text = "".join(random.choice(pieces) for _ in range(random.randrange(2, 40)))
        for view in _views(text):
            for at in range(max(1, len(view) - MIN_LENGTH)):
                value = view[at : at + random.randrange(MIN_LENGTH, 12)]
                if not may_hide(text, frozenset(value)):
                    certain += 1
                    assert value in text
    assert certain > 100


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        r"b'{\"level\": \"error\"}\n{\"type\": \"event\"}\n'",
        r"C:\Windows\System32 and App\Http\Kernel",
        "{'a': [1, 2], 'b': 'x y'}",
        r"{'a': '{\'b\': \'line\\\\nline\'}'}",
    ],
)
def test_line_feeds_and_quotation_marks_hide_nothing_else(text: str) -> None:
    assert not may_hide(text, frozenset("jane@mail.example +49 30"))
    assert may_hide(text, frozenset('say "this"')) == ("\\" in text and '"' in text)


@pytest.mark.parametrize(
    "text",
    [
        r"jane\u0040mail.example", r"jane\x40mail", r"jane\100mail", "jane%40mail", "jane&#64;mail",
        "jane=3D", "ja\u200bne@mail", "j\x1b[0mane", r"\@", "amFuZUBtYWlsLmV4YW1wbGU=",
        r"\namFuZUBtYWlsLmV4YW1wbGU=", "6a 61 6e 65 40 6d 61 69 6c", "name=jane+doe",
        r"a\/b", r"a\+b",
    ],
)  # fmt: skip
def test_other_encodings_may(text: str) -> None:
    assert may_hide(text, frozenset("jane@mail.example doe"))
