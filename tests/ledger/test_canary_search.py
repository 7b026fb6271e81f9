"""The search for canaries finds every form at every place: else finding none would say nothing."""

from __future__ import annotations

import json
import random
from urllib.parse import quote

import canary_search
import pytest
from canaries import CANARIES
from canary_search import Search, forms, is_distinctive
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from errlock.pipeline.leaktest.encodings import ENCODINGS, Encoding, Planted

VALUES = [
    *CANARIES.values(),
    'Zo\u00eb "quoted" O\'Hara & Sons',
    "pa%ss+wo/rd=1",
    "line one\nline two",
]
TEXTS = [encoding for encoding in ENCODINGS if encoding.need != "structure"]


@pytest.mark.parametrize("encoding", TEXTS, ids=lambda each: each.name)
def test_a_value_is_found_in_each_encoding_of_leaktest_in_a_document(encoding: Encoding) -> None:
    for value in VALUES:
        if "\n" in value and encoding.one_line:
            continue
        text = encoding.write(Planted(f"refused {value} at once", "password", value, "batch001"))
        search = Search([value])
        assert search.values_in(text.encode()) == {value}, value
        assert search.values_in(json.dumps({"message": text}).encode()) == {value}, value


@pytest.mark.parametrize("value", ["186041093", "85042778625", "4539578763621486"])
def test_a_value_is_found_where_somebody_made_a_number_of_it(value: str) -> None:
    attribute = KeyValue(key="id", value=AnyValue(int_value=int(value)))
    assert Search([value]).values_in(attribute.SerializeToString()) == {value}
    for written in (int(value).to_bytes(8, "big"), int(value).to_bytes(8, "little")):
        assert Search([value]).values_in(b"\xcf" + written + b"\x00") == {value}


def test_a_value_is_found_at_every_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary_search, "_BLOCK", 32)
    search, needle = Search(["Tr0ub4dor-canary-91x", "another-one-77"]), b"Tr0ub4dor-canary-91x"
    for before in range(80):
        for after in (0, 1, 40):
            assert search.values_in(b"." * before + needle + b"." * after) == {needle.decode()}
    assert search.values_in(needle[:-1] + b"another-one-7") == set()


def test_all_of_many_are_found_and_none_by_chance() -> None:
    dice = random.Random(1)
    values = {f"{dice.getrandbits(80):020x}" for _ in range(200)}
    noise = dice.randbytes(4 << 20)
    search = Search(values)
    assert search.values_in(noise) == set()
    parts = [noise[:1000] + quote(value).encode() for value in values]
    assert search.values_in(b"".join(parts)) == values
    assert search.found({"here": parts[0], "there": noise}) == [("here", parts[0][1000:].decode())]


def test_what_may_stand_anywhere_is_not_looked_for() -> None:
    assert Search(["123", "481516", "12345678", "short", "123456789"]).values == ["123456789"]
    assert not is_distinctive("1234 5678")
    assert all(len(form) >= 6 for form in forms("123456789"))
