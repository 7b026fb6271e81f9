"""Parts of a text that are asked about again and again: as if each were asked about each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from errlock.policy.detection import says_nothing_else
from errlock.policy.findings import Taken
from errlock.policy.placeholders import find, labels

PARTS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda part: tuple(sorted(part)))
)


@given(parts=PARTS, start=st.integers(0, 30), size=st.integers(0, 10))
def test_what_is_taken_is_known(parts: list[tuple[int, int]], start: int, size: int) -> None:
    end = start + size
    expected = any(begun < end and start < ended for begun, ended in parts)
    assert Taken(parts).has_some_of(start, end) is expected


@given(
    pieces=st.lists(st.sampled_from(["[email]", "[ip]", "************1111", "a", " ", ", ", "7"])),
    start=st.integers(0, 60),
    size=st.integers(0, 40),
)
def test_what_stands_beside_placeholders_is_seen(pieces: list[str], start: int, size: int) -> None:
    text = "".join(pieces)
    start = min(start, len(text))
    end = min(start + size, len(text))
    held = list(find(text, labels()))
    covered = {at for place in held for at in range(place.start, place.end)}
    expected = not any(text[at].isalnum() for at in range(start, end) if at not in covered)
    assert says_nothing_else(text, start, end, held) is expected
