import base64
import gzip
import json

import pytest
from engine_twins import difference
from scrubbing import scrubbed

from errlock.policy.views import View, base64_text, decodings, percent_decoded, unescaped


def test_percent_encoding_maps_back_to_every_character() -> None:
    view = percent_decoded(View("a%40b.%C3%A9x"))
    assert view.text == "a@b.éx"
    assert view.root_span(1, 2) == (1, 4)
    assert view.root_span(4, 5) == (6, 12)
    assert view.root_span(5, 6) == (12, 13)


def test_a_plus_is_a_space_only_in_forms() -> None:
    assert percent_decoded(View("a+b%20c")).text == "a+b c"
    assert percent_decoded(View("a+b%20c"), plus=True).text == "a b c"


def test_bytes_that_are_not_utf8_are_decoded_one_by_one() -> None:
    assert percent_decoded(View("%FFx")).text == "\xffx"


def test_a_nested_view_maps_back_to_the_root() -> None:
    outer = percent_decoded(View("x=%2561%2562"))
    inner = percent_decoded(outer)
    assert inner.text == "x=ab"
    assert inner.root_span(2, 3) == (2, 7)


def test_escapes_are_undone_as_json_and_python_write_them() -> None:
    view = unescaped(View(r"a\u0040\x62\n\"\\\/\U00000063"))
    assert view.text == 'a@b\n"\\/c'
    assert view.root_span(1, 2) == (1, 7)


def test_a_surrogate_pair_is_one_character() -> None:
    view = unescaped(View(r"\ud83d\ude00!"))
    assert view.text == "\U0001f600!"
    assert view.root_span(0, 1) == (0, 12)


def test_half_a_surrogate_pair_can_still_be_read() -> None:
    assert unescaped(View(r"\ud83d!")).text == "\ufffd!"


def test_html_entities_are_undone() -> None:
    [view] = decodings(View("jane&#64;example.com"))
    assert view.text == "jane@example.com"


def test_a_base64_token_maps_back_as_a_whole() -> None:
    token = base64.b64encode(b"my password is 123").decode()
    [view] = decodings(View(f"x {token} y"))
    assert view.text == "my password is 123"
    assert view.root_span(3, 5) == (2, 2 + len(token))


@pytest.mark.parametrize("token", ["0123456789abcdef0123456789abcdef", "AAAAAAAAAAAAAAAAAAAAA"])
def test_hex_and_binary_tokens_are_no_base64_text(token: str) -> None:
    assert base64_text(token) is None


def test_encodings_are_undone_three_deep() -> None:
    view = View("%252561")
    for _ in range(3):
        [view] = decodings(view)
    assert view.text == "a"
    assert list(decodings(View("%41", depth=3))) == []


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode())).decode()


def test_what_gzip_has_packed_is_read() -> None:
    logs = json.dumps({"owner": "7", "logEvents": [{"message": "password=Wint3rfell9 é"}]})
    event = {"extra": {"awslogs": {"data": _packed(logs)}, "note": f"got {_packed(logs)} twice"}}
    left = scrubbed(event)["extra"]
    assert left == {"awslogs": {"data": "[password]"}, "note": "got [password] twice"}
    assert difference("default", "event", event) is None


@pytest.mark.parametrize("text", ["nothing that tells anything is in here", "x" * 4_000_000])
def test_what_is_packed_and_tells_nothing_stays(text: str) -> None:
    event = {"extra": {"data": _packed(text), "cut": _packed(text)[:24], "odd": "H4sIAAAAAAAC"}}
    assert scrubbed(event) == event
    assert difference("default", "event", event) is None


def test_of_what_unpacks_to_very_much_the_first_part_is_read() -> None:
    unpacked = base64_text(_packed("password=Wint3rfell9 " + "é" * 4_000_000))
    assert unpacked is not None
    assert unpacked.startswith("password=")
    assert len(unpacked) < 100_000
