"""The short way to RE2 finds what its own wrapper finds."""

from __future__ import annotations

from typing import Any

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from errlock.policy.linear import compile_linear

_PATTERNS = ("a*", "b", "(a)|(b)", "a(b)?", "^a|b$", r"\bab", "(?P<x>a+)(?P<y>b*)", "é?a", "")
_TEXTS = st.text("abé \n", max_size=12)


def _seen(match: Any) -> Any:
    if match is None:
        return None
    groups = range(match.re.groups + 1)
    named = {name: match[name] for name in match.re.groupindex}
    return [(match.span(g), match.start(g), match.end(g), match[g]) for g in groups], named


@pytest.mark.parametrize("pattern", _PATTERNS)
@given(text=_TEXTS, pos=st.integers(0, 14), endpos=st.none() | st.integers(0, 14))
def test_it_finds_what_the_wrapper_finds(
    pattern: str, text: str, pos: int, endpos: int | None
) -> None:
    for made, there in ((pattern, text), (pattern.encode(), text.encode())):
        ours, theirs = compile_linear(made), re2.compile(made)
        for how in ("search", "match", "fullmatch"):
            found = getattr(ours, how)(there, pos, endpos)
            assert _seen(found) == _seen(getattr(theirs, how)(there, pos, endpos)), how
        found = [_seen(match) for match in ours.finditer(there, pos, endpos)]
        assert found == [_seen(match) for match in theirs.finditer(there, pos, endpos)]


def test_it_replaces_as_the_wrapper_does() -> None:
    assert compile_linear(r"(a+)(b)?").sub(r"<\1\2>", "xaabay") == "x<aab><a>y"
    assert compile_linear(r"a|b").findall("cab") == ["a", "b"]
