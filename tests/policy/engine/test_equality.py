"""The engine sees what the plain walk sees: on hard documents, real ones, and every near miss."""

from __future__ import annotations

import json
import unicodedata
from bisect import bisect_left
from random import Random
from typing import Any

import engine_documents as documents
import engine_twins as twins
import hyperscan
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errlock.pipeline.leaktest.cases import all_slots, chosen_kinds, promised
from errlock.pipeline.leaktest.running import planted_payloads
from errlock.policy.detectors import example, load_catalogue
from errlock.policy.engine.word_triggers import ODD_BYTES, odd_signs
from errlock.policy.fields import TABLE
from errlock.policy.keys import GLUED, MAX_KEY, SEPARATORS, TERMS
from errlock.policy.plan import Findings, Subject

SEEDS = st.integers(0, 2**48)
_OTHERS = sorted(set(twins.policies()) - {"default"})


def _check(policy: str, type_: str, tree: Any, random: Random) -> None:
    assert twins.difference(policy, type_, tree) is None
    assert twins.raw_difference(policy, type_, documents.written(random, tree)) is None


def _event(text: Any, key: str = "note") -> dict[str, Any]:
    return {"extra": {key: text}}


def _bytes_of(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _check_both(type_: str, tree: Any, policy: str = "default") -> None:
    assert twins.difference(policy, type_, tree) is None
    assert twins.raw_difference(policy, type_, _bytes_of(tree)) is None


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(SEEDS)
def test_both_see_the_same_in_hard_documents(seed: int) -> None:
    random = Random(seed)
    type_ = documents.any_kind(random)
    _check("default", type_, documents.document(random, type_), random)


@pytest.mark.parametrize("policy", _OTHERS)
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=SEEDS)
def test_both_see_the_same_under_every_policy(policy: str, seed: int) -> None:
    random = Random(seed)
    type_ = documents.any_kind(random)
    _check(policy, type_, documents.document(random, type_), random)


def test_both_see_the_same_in_many_more_documents(soak: bool) -> None:
    for seed in range(100_000 if soak else 40):
        random = Random(f"more {seed}")
        type_ = documents.any_kind(random)
        policy = random.choice(sorted(twins.policies()))
        _check(policy, type_, documents.document(random, type_), random)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(SEEDS)
def test_both_see_copies_in_documents_that_came_together(seed: int) -> None:
    random = Random(seed)
    secret = documents.value(random)
    outer = random.choice(("envelope", "resource"))
    inner = ("event", "transaction", "log") if outer == "envelope" else ("otlp_span", "log_record")
    family: list[tuple[str, Any, list[int]]] = [(outer, documents.document(random, outer), [])]
    for _ in range(random.randrange(1, 4)):
        type_ = random.choice(inner)
        tree = documents.document(random, type_)
        about = random.choice(("password", "email", "note", "attributes"))
        tree[about] = {"x": f"seen {secret}"} if random.random() < 0.5 else secret
        family.append((type_, tree, [0]))
    assert twins.difference_of("default", family) is None
    assert twins.raw_difference_of("default", family) is None


@settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(st.sampled_from(sorted(TABLE)), SEEDS)
def test_both_see_the_same_in_bytes_that_are_values(type_: str, seed: int) -> None:
    random = Random(seed)
    tree = documents.document(random, type_)
    text = documents.text(random).encode("utf-8", "replace")
    tree["body"] = text if random.random() < 0.7 else text + b"\xff\xfe"
    assert twins.difference("default", type_, tree) is None


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), SEEDS)
def test_bytes_that_are_no_json_never_pass_unread(broken: bytes, seed: int) -> None:
    random = Random(seed)
    data = _bytes_of(documents.document(random, "event"))
    at = random.randrange(len(data) + 1)
    assert twins.raw_difference("default", "event", data[:at] + broken + data[at:]) is None
    assert twins.raw_difference("default", "event", broken) is None


@pytest.mark.parametrize(
    ("clean", "is_read"),
    [
        ({"body": "nothing here", "attributes": {"x": 1.5}}, False),
        ({"body": "of Zq7mPw2LkV9s again"}, True),
        ({"body": r"of Zq7mPw2\u004ckV9s again"}, True),
        ({"body": "of Zq7mPw2%4CkV9s again"}, True),
        ({"body": "WnE3bVB3MkxrVjlz is base64"}, True),
    ],
)
def test_clean_documents_are_read_for_copies_only_where_there_may_be_one(
    clean: dict[str, Any], is_read: bool
) -> None:
    plan = twins.twins("default").engine
    envelope = Subject("envelope", {})
    dirty = Subject("log", {"attributes": {"password": "Zq7mPw2LkV9s"}}, (envelope,))
    raw = json.dumps(clean).encode()
    subject = Subject("log", clean, (envelope,), raw=raw)
    found = plan.detect([envelope, dirty, subject])[2]
    assert isinstance(found, Findings)
    assert found.unread is not is_read
    assert bool(found.sites) is is_read


# -- every example, length, field and character -------------------------------------------------

_BEFORE = ("", "\n", "\t", '"', "see /", "é")


@pytest.mark.parametrize("part", range(4))
def test_both_see_every_example_of_the_catalogue(part: int) -> None:
    for number, detector in enumerate(load_catalogue()):
        if number % 4 != part:
            continue
        for notation in (*detector.catch, *detector.spare):
            text, start, end = example(detector.id, notation)
            before = _BEFORE[(number + len(text)) % len(_BEFORE)]
            data = _bytes_of({"extra": {"note": before + text, "list": ["x", text + '"']}})
            assert twins.raw_difference("default", "event", data) is None
            data = json.dumps({"extra": {"note": f"é{before}{text}é"}}).encode()
            assert twins.raw_difference("default", "event", data) is None
            for word in detector.context[:1] or detector.needs[:1]:
                data = _bytes_of({word: text[start:end], "x": {"name": word, "value": text}})
                assert twins.raw_difference("default", "log", data) is None


@pytest.mark.parametrize("shape", ["password={}", "{}", "token is {}"])
def test_both_see_values_of_every_length(shape: str) -> None:
    random = Random(shape)
    for length in range(301):
        made = "".join(random.choices("abcXYZ0189", k=length))
        before = ("", "\n", "\t", '"', " ")[length % 5]
        key = "password" if shape == "{}" else "note"
        data = _bytes_of(_event(before + shape.format(made), key))
        assert twins.raw_difference("default", "event", data) is None


_IN_FIELDS = ("Hunter2 x", "jane@example.com", "x", "password=Hun7er2", 4915123456789, True)


def test_both_see_the_same_in_every_field_of_every_kind(soak: bool) -> None:
    number = 0
    for type_ in TABLE:
        for way, class_ in documents.places(type_):
            number += 1
            every = soak or class_ is not None
            for value in (
                _IN_FIELDS if every else (_IN_FIELDS[number % 3], _IN_FIELDS[3 + number % 3])
            ):
                tree: dict[str, Any] = {}
                documents.plant(Random(1), tree, way, value)
                assert twins.raw_difference("default", type_, _bytes_of(tree)) is None


_LETTERS = frozenset(char for term in (*TERMS, *GLUED) for char in term if not char.isascii())


def _odd(char: str) -> bool:
    """Whether a name may be made with a character that is not ASCII and not in a term."""
    form = unicodedata.normalize("NFKC", char)
    if any(each.isascii() and each.isalnum() for each in form.casefold()) or form in SEPARATORS:
        return True
    return form != char and any(each in _LETTERS for each in form.casefold())


def test_every_character_that_may_be_read_as_a_letter_of_a_name_is_seen() -> None:
    chars = [chr(code) for code in range(0x80, 0x110000) if not 0xD800 <= code < 0xE000]
    odd = [char for char in chars if _odd(char)]
    text = "".join(f"x{char}x\n" for char in odd).encode()
    seen: set[int] = set()
    for pattern in (ODD_BYTES, odd_signs()):
        database = hyperscan.Database()
        database.compile(expressions=[pattern.encode()], ids=[0], elements=1, flags=[0])
        database.scan(text, match_event_handler=lambda _i, _s, end, _f, _c: seen.add(end))
    ends = [end for end, byte in enumerate(text) if byte == 10]
    lines = {bisect_left(ends, end - 1) for end in seen}
    assert [char for number, char in enumerate(odd) if number not in lines] == []


@pytest.mark.parametrize("term", [term for term in (*TERMS, *GLUED) if not term.isascii()])
@pytest.mark.parametrize("form", ["NFD", "NFKD", "NFC"])
def test_names_in_other_scripts_are_seen_in_every_form(term: str, form: str) -> None:
    for text in (term, term.upper(), term.capitalize()):
        written = unicodedata.normalize(form, text)  # type: ignore[arg-type]  # one of these
        _check_both("event", _event({written: "Hun7er2x", "note": f"{written}=Hun7er2y"}))


@pytest.mark.parametrize("term", GLUED)
def test_names_that_end_in_a_telling_word_are_seen(term: str) -> None:
    for name in (f"my{term}", f"MY{term.upper()}", f"wifi{term}2"):
        _check_both("event", _event({name: "Hun7er2x", "note": f"{name}=Hun7er2y"}))


# -- real-shaped documents ------------------------------------------------------------------------


def test_both_see_the_same_in_real_shaped_documents(soak: bool) -> None:
    cases = list(promised(chosen_kinds([]), all_slots(), quick=True))
    chosen = Random(5).sample(cases, 20_000 if soak else 250)
    for payload, _ in planted_payloads(chosen, seed=3):
        found = [*payload.contexts, *payload.documents]
        places = {id(document): at for at, document in enumerate(found)}
        family = [
            (each.type, each.tree, [places[id(parent)] for parent in each.parents])
            for each in found
        ]
        assert twins.difference_of("default", family) is None


# -- what was seen differently once ---------------------------------------------------------------

_SANITY = next(
    text[start:end]
    for detector in load_catalogue()
    if detector.id == "sanity"
    for text, start, end in [example(detector.id, detector.catch[0])]
)
_ONCE: tuple[tuple[str, Any], ...] = (
    # Names: other characters, parts apart, digits at their ends, signs behind them.
    ("event", _event("api\u00a0key: x7")),
    ("event", _event("api\u2003key=x7Hun")),
    ("event", _event({"ˢecret": "Hun7er2x", "private\ufe33key": "x7"})),
    ("span", {"data": {"user.full_name": [76855]}}),
    ("event", _event("user_full_name=Jane Doe")),
    ("event", _event("--pkcs8secondary n8x7y6")),
    ("event", _event("Pkcs8env('4oDvvY')")),
    ("event", _event('token;s:6:"x7"')),
    ("event", _event("--password\fHun7er2")),
    ("event", _event("name=" + " " * 200 + "password value=Hun7er2")),
    ("event", _event("name=" + "q" * 53 + "passwordabc value=Hun7er2x")),
    # Numbers inside data, of nine characters and more.
    *(
        ("event", _event({"note": f"{{'card': [{number}]}}"}))
        for number in ("4111111111111111", "-4111111111111111")
    ),
    # Words before a value.
    ("event", _event("the token is abc,def")),
    ("event", _event("your password is (hunter")),
    ("event", _event("the password was abc{def")),
    ("event", _event("the token is abc\x7fdef")),
    ("event", _event("the token is >\n  hunter")),
    ("event", _event("using token AbcDefGhiJklMnoPqrs")),
    ("event", _event("session_id a1B2c3D4e5")),
    ("event", _event("sessionid -> 21196n")),
    ("event", _event("abc\u0663def\u0663ghi as the password")),
    ("event", _event("ldapsearch -w Hun7er2")),
    ("event", _event("SSHPASS -p x7")),
    # What stands beside a value.
    ("event", {"password": "[hunter2]"}),
    ("event", _event({"name": "Jane Doe", "phone": True})),
    ("event", _event({"name": "Jane Doe", "email": "n/a"})),
    ("event", _event({"sanity": _SANITY})),
    ("event", _event({"name": "wallet", "value": "0x52908400098527886E0F7030069857D2E4169EE7"})),
    ("event", _event([["wallet", "0x52908400098527886E0F7030069857D2E4169EE7"]])),
    ("event", _event(["--steuernummer", "181/815/08155"])),
    ("event", {"contexts": {"feedback": {"name": "Jane"}}}),
    ("event", {"contexts": {"device": {"name": "Jane"}}}),
    ("span", {"data": {"user.email": "jane"}}),
    ("span", {"data": {"user.hash": "abc"}}),
    # Nothing is found in it, but it is nested too deeply to be read in full.
    ("event", _event("eyJiIjogIntcImNcIjogXCInaW52YWxpZCBhcGlrZXkgKioqXFxcXG5cIn0ifQ")),
)  # fmt: skip


@pytest.mark.parametrize(("type_", "tree"), _ONCE)
def test_what_the_engine_once_missed_is_seen(type_: str, tree: Any) -> None:
    _check_both(type_, tree)
    assert not twins.twins("default").engine.is_clean(type_, _bytes_of(tree))


@pytest.mark.parametrize("depth", range(124, 132))
@pytest.mark.parametrize("shape", ["list", "object", "pairs"])
def test_both_give_up_at_the_same_depth(depth: int, shape: str) -> None:
    tree: Any = [["a", "jane@example.com"]] if shape == "pairs" else "jane@example.com"
    for _ in range(depth):
        tree = {"a": tree} if shape == "object" else [tree]
    _check_both("event", _event(tree))


@pytest.mark.parametrize(
    "data",
    [
        b'{"extra": {"a": [' + b" " * 300 + b'"password", "Hun7er2"]}}',
        b'{"extra": {"name"' + b" " * 300 + b":" + b" " * 300 + b'"password", "value": "Hun7er2"}}',
        b'{"contexts": {"device": {"name": "Jane", "name": ""}}}',
        b'{"password": "Hun7er2", "password": null}',
    ],
)
def test_odd_json_does_not_hide_what_it_holds(data: bytes) -> None:
    assert not twins.twins("default").engine.is_clean("event", data)
    assert twins.raw_difference("default", "event", data) is None


_UNREAD = (
    {"message": "Zahlung für Köln abgelehnt", "extra": {"note": "日本語"}},
    {"message": "\x1b[31mfailed\x1b[0m"},
    {"extra": {"path": r"C:\Windows\System32\ucrtbase.dll"}},
    {"extra": {"function": r"App\Http\Kernel::handle"}},
    {
        "request": {
            "headers": {
                "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X)"
                " AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1"
            }
        }
    },
)


@pytest.mark.parametrize("number", ["1e999", "-0.5E+400", "1" * 99 + "e300", "15E148"])
@pytest.mark.parametrize(
    "around", ['{"extra":%s}', '{"extra": [1, %s ]}', '{"extra": {"n":\n%s\n}}']
)
def test_numbers_that_readers_do_not_agree_on_are_read(number: str, around: str) -> None:
    assert not twins.twins("default").engine.is_clean("event", (around % number).encode())


@pytest.mark.parametrize("tree", _UNREAD)
def test_other_letters_and_backslashes_are_no_reason_to_read_a_document(tree: Any) -> None:
    """Python's SDK writes the former as escapes; Windows and PHP have the latter everywhere."""
    data = json.dumps(tree, separators=(",", ":")).encode()
    assert twins.twins("default").engine.is_clean("event", data)
    _check_both("event", tree)


@pytest.mark.parametrize(
    "data",
    [
        rb'{"message":"f\u00fcr password=Hun7er2xQ"}',
        rb'{"contrase\u00f1a":"Hun7er2xQ"}',
        rb'{"us\u0065r":{"name":"x"}}',
        rb'{"p\u0061ssword":"Hun7er2xQ"}',
        rb'{"extra":{"argv":["mysql","\u002dpHun7er2xQ"]}}',
        rb'{"extra":{"argv":["\u00e9","mysql","-pHun7er2xQ"]}}',
        rb'{"message":"C:\\users\\\u00fc token=Hun7er2xQ9dKw"}',
    ],
)
def test_escapes_do_not_hide_what_they_say(data: bytes) -> None:
    assert not twins.twins("default").engine.is_clean("event", data)
    assert twins.raw_difference("default", "event", data) is None


@pytest.mark.parametrize(
    "tree",
    [
        {"name_": {"first": "Jane", "last": "Roe"}},
        {"name ": {"first": "Jane", "last": "Roe"}},
        {"ｎａｍｅ": {"first": "Jane", "last": "Roe"}},
        {"customer_": {"name": "Jane Roe"}},
        {"payer-": [{"name": "Jane Roe"}]},
        {"ｃustomer": {"name": "Jane Roe"}},
        {"cuſtomer": "Jane Roe"},
        {"display_name": "Jane Roe", "phone": "Jane"},
    ],
)
def test_keys_of_people_are_seen_however_they_are_written(tree: Any) -> None:
    for written in (tree, str(tree), json.dumps(tree)):
        _check_both("event", _event(written))


def test_attributes_whose_names_end_in_name_are_no_reason_to_read_a_log() -> None:
    """Each log of Sentry has one: `"sentry.sdk.name": {"value": …}`. Templates are no plates."""
    tree = {
        "body": "paid",
        "attributes": {
            "sentry.sdk.name": {"value": "sentry.python", "type": "string"},
            "sentry.message.template": {"value": "order {n} paid", "type": "string"},
        },
    }
    data = json.dumps(tree, separators=(",", ":")).encode()
    assert twins.twins("default").engine.is_clean("log", data)
    _check_both("log", tree)


@pytest.mark.parametrize("sign", [" ", "\u00a0", "\u3000", "_\u00a0", "\ufe33"])
@pytest.mark.parametrize(
    "parts", ["שם משפחה", "номер телефона", "身份证 号", "last name", "rodné číslo"]
)
def test_both_see_names_whose_parts_stand_apart_by_any_sign(parts: str, sign: str) -> None:
    name = parts.replace(" ", sign)
    for text in (f"{name}: Jane", f"{{'{name}': 'TpOf:'}}", f"{name.upper()}=+49 30 901820"):
        event = {"message": text, "extra": {name: text}}
        assert twins.difference("default", "event", event) is None
        assert twins.raw_difference("default", "event", _bytes_of(event)) is None


@pytest.mark.parametrize("policy", ["default", "own"])
@pytest.mark.parametrize("text", ["password ", "acme case file ", "token=eyJpdiI6", "note_"])
def test_both_see_keys_that_are_too_long_to_be_remembered(policy: str, text: str) -> None:
    for length in (MAX_KEY, MAX_KEY + 1, 2 * MAX_KEY):
        key = (text * length)[:length]
        for value in (None, True, "", "x", "hunter2!Zq", "acme ABC-1234", 12345, ["x"]):
            event = {"extra": {key: value, "name": key}}
            assert twins.difference(policy, "event", event) is None
            assert twins.raw_difference(policy, "event", _bytes_of(event)) is None


@pytest.mark.parametrize("word", ["password", "wallet"])
def test_a_word_that_was_harmless_is_looked_at_again_where_it_may_be_a_name(word: str) -> None:
    engine = twins.twins("default").engine
    for _ in range(2):
        for tree in ({"a": word, "b": "Hun7er2x"}, {"a": ["b", word]}):
            assert engine.is_clean("event", json.dumps(tree, separators=(",", ":")).encode())
        named: list[dict[str, Any]] = [
            {"name": word, "value": "Hun7er2x"},
            {"a": [word, "Hun7er2x"]},
            {"loc": ["b", word], "input": "Hun7er2x"},
        ]
        for tree in named:
            data = json.dumps(tree, separators=(",", ":")).encode()
            assert not engine.is_clean("event", data)
            assert twins.raw_difference("default", "event", data) is None


def test_own_key_patterns_are_seen_in_data_inside_a_text() -> None:
    for text in (
        "{'kundennummer': 'abc'}",
        "a=1&kundennummer=abc",
        '{"x": {"kundennummer": "abc"}}',
    ):
        for encoded in (text, documents.ENCODINGS[0](text), documents.ENCODINGS[9](text)):
            _check_both("event", _event(encoded, "x"), "keys")


def test_the_needs_of_a_detector_may_stand_in_the_key() -> None:
    for key in ("acme_id", "acme", "x"):
        _check_both("event", _event("ABC-1234", key), "own")
        _check_both("event", _event(["ABC-1234"], key), "own")


def test_random_surroundings_do_not_pass_for_nothing() -> None:
    engine = twins.twins("default").engine
    made = [_bytes_of(documents.document(Random(seed), "event")) for seed in range(100)]
    # Of both there are enough to say something.
    assert 5 <= sum(engine.is_clean("event", data) for data in made) <= 60


@pytest.mark.parametrize("policy", sorted(twins.policies()))
def test_words_in_lines_of_source_are_seen_in_literals(policy: str) -> None:
    said = [
        "password: Hun7er2xQ", "token = Hun7er2xQ", "if len(password) < 64:",
        "--password Hun7er2xQ", "the password is Hun7er2xQ", "<password>Hun7er2xQ</password>",
        "SET PASSWORD = Hun7er2xQ", "crypt(Hun7er2xQ)", "def login(token: dict[str, str]) -> int:",
        "x = 4111111111111111",
    ]  # fmt: skip
    lines = [
        *said,
        *(f"log({quote}{text}{quote})" for text in said for quote in "'\"`"),
        *(encode(text) for text in said for encode in documents.ENCODINGS),
    ]
    frames = [{"context_line": line, "pre_context": [line, "x"]} for line in lines]
    tree: Any = {"exception": {"values": [{"stacktrace": {"frames": frames}}]}}
    _check_both("event", tree, policy)


@pytest.mark.parametrize(
    ("key", "is_told"),
    [("cf", True), ("user_cf", True), ("userCf", True), ("7f594cf15090", False)],
)
def test_a_word_of_hex_digits_is_none_in_an_id(key: str, is_told: bool) -> None:
    _check_both("event", _event("RCCMNL83S18D969H", key))
    _check_both("event", _event(f"{key} RCCMNL83S18D969H"))
    (found,) = twins.twins("default").engine.detect(
        [Subject("event", _event("RCCMNL83S18D969H", key))]
    )
    assert isinstance(found, Findings)
    assert bool(found.sites) == is_told
