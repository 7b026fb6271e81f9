import json as standard
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errlock.pipeline.errors import BrokenDocument
from errlock.pipeline.payloads.json import MAX_DEPTH, decode, encode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "tree", "repairs"),
    [
        (b'{"a": "x\\ud83d more"}', {"a": "x\ufffd more"}, 1),
        (b'{"a": "\\udc00\\ud83d\\ude00"}', {"a": "\ufffd\U0001f600"}, 1),
        (b'{"\\ud83d": 1}', {"\ufffd": 1}, 1),
        (b'["\\\\ud83d", NaN]', ["\\ud83d", None], 1),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}, 1),
        (b'{"a": NaN, "b": [Infinity, -Infinity]}', {"a": None, "b": [None, None]}, 3),
        (b'["NaN", "a\\"NaN", -Infinity]', ["NaN", 'a"NaN', None], 1),
        (b'["a\x00b\nc\td"]', ["a\x00b\nc\td"], 3),
        (b'{"a": "1", "a": "2"}', {"a": "2"}, 1),
        (b'{"a": {"b": 1, "b": 2}, "c": [":"]}', {"a": {"b": 2}, "c": [":"]}, 1),
        (b'{"password": 1, "pass\\u0077ord": 2}', {"password": 2}, 1),
        (b'{"a": "\\u003a", "a": "\\u003A"}', {"a": ":"}, 1),
        (b'{"a": "\\u003a"}', {"a": ":"}, 0),
        (b' {"a": "::", "b:": [1e3, 12345678901234567890123]} ',
         {"a": "::", "b:": [1000.0, 12345678901234567890123]}, 0),
    ],
)  # fmt: skip
def test_sloppy_json_is_read_and_its_repairs_are_counted(
    text: bytes, tree: object, repairs: int
) -> None:
    assert decode(text) == (tree, repairs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": 1} x', "not JSON"),
        (b'{"a": 1}{"b": 2}', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": undefined}', "not JSON"),
        (b'{"a": NaN', "not JSON"),
        (b'{"a": NaNs}', "not JSON"),
        (b'["\\x", NaN]', "not JSON"),
        (b'["\\\n", NaN]', "not JSON"),
        (b'"cut \\', "not JSON"),
        (b"[1e400]", "not JSON"),
        (b'["\xff"]', "not UTF-8"),
        (b'["\xed\xa0\xbd"]', "not UTF-8"),
        (b'["\xc0\xaf"]', "not UTF-8"),
        (b'["\xff", NaN]', "not UTF-8"),
        (b"[" + b"9" * 5000 + b"]", "not JSON"),
        (b"[" * 129 + b"]" * 129, "nested more than 128 deep"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "nested more than 128 deep"),
        (b"[" * 100_000, "nested more than 128 deep"),
    ],
)
def test_other_broken_json_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(BrokenDocument) as caught:
        decode(text)
    assert str(caught.value) == message


def test_nesting_up_to_the_bound_is_read() -> None:
    text = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert encode(decode(text)[0]) == text


def test_mending_takes_time_in_proportion_to_the_text() -> None:
    """A missing quote before many escaped ones must not be tried from each of them."""
    begin = time.process_time()
    with pytest.raises(BrokenDocument):
        decode(b'["' + b'\\"a' * 300_000)
    assert time.process_time() - begin < 2


@given(VALUES)
def test_what_other_encoders_write_is_read_without_repairs(value: object) -> None:
    """With and without escapes: no colon in it is taken for a key that occurs twice."""
    for ascii_only in (True, False):
        text = standard.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        assert decode(text) == (value, 0)


@given(st.dictionaries(st.text(alphabet='a:"\\'), VALUES, min_size=1), VALUES)
def test_a_key_that_occurs_twice_is_always_seen(value: dict[str, object], first: object) -> None:
    key = next(iter(value))
    text = standard.dumps(value)
    text = f"{{{standard.dumps(key)}: {standard.dumps(first)}, {text[1:]}"
    assert decode(text.encode()) == (value, 1)


def test_python_values_that_json_does_not_know_are_written_as_text() -> None:
    class Odd:
        def __repr__(self) -> str:
            return "<Odd>"

    text = encode({"cut": "x\ud83d", "set": (1, 2), "odd": Odd(), "nan": float("nan")})
    assert decode(text) == (
        {"cut": "x\ufffd", "set": [1, 2], "odd": "<Odd>", "nan": None},
        0,
    )


def test_what_cannot_be_written_is_refused_without_quoting_it() -> None:
    class Rude:
        def __repr__(self) -> str:
            raise ValueError("hunter2")

    with pytest.raises(BrokenDocument) as caught:
        encode({"a": Rude()})
    assert str(caught.value) == "not representable as JSON"
