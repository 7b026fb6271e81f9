"""Each trigger of the gate is needed: without it an example is no longer seen."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import errlock.policy
from errlock.policy.detectors import Detector, example, load_catalogue
from errlock.policy.engine import gate, names
from errlock.policy.engine.characters import Dialect
from errlock.policy.engine.databases import BEYOND_ASCII, Database, Expression
from errlock.policy.engine.rule_triggers import rule_trigger
from errlock.policy.engine.word_triggers import word_triggers
from errlock.policy.keys import GLUED, TERMS

# For each finder, by the number of its trigger: what only this trigger sees.
_BY_WORDS: dict[str, tuple[str, ...]] = {
    "pairs": ("Ship to: x",),
    "phrases": (
        "the password is x1y2z3", "using token AbcDefGhiJklMnoPqrs", "a1b2c3d4 as the password",
        "Bearer abcdefghijklmnopqrstu", "your code is 482193", "code for bob@x: 482193",
        "482193 is your login code",
        "Password for bob: hunter",
    ),
    "markup": (f"name={'q' * 53}passwordabc value=Hun7er2",),
    "command_lines": (
        "psexec -p Hun7er2 a", "zip -P Hun7er2 a", "redis-cli -a Hun7er2",
        "ssh-keygen -N Hun7er2",
        "ldapsearch -w Hun7er2", "doctl auth init -t Hun7er2",
        "security set-key-partition-list -k Hun7er2", "gh secret set x -b Hun7er2",
        "aws ssm put-parameter --value Hun7er2", "snmpget -A Hun7er2 r", "snmpget -X Hun7er2 r",
        "xfreerdp /p:Hun7er2", "mc alias set s3 http://s3 KEY1 Hun7er2",
        "kv put db/pin Hun7er2", "echo Hun7er2 | sudo -S ls", "chpasswd <<< bob:Hun7er2",
        "--password-command 'echo Hun7er2'", "openssl aes -k Hun7er2",
        "net use z: \\\\h\\x Hun7er2 /user:bob", "AUTH x",
        "curl -u bob:Hun7er2 x",
    ),
    "arguments": ("'hunter22' == pw",),
    "calls": ("crypt('Hun7er2x')", "Login(bob,Hun7er2x)", "add_user(1, 'Hun7er2x')"),
    "sql": (
        "IDENTIFIED BY 'x'", "PASSWORD('x')", "SET PASSWORD FOR x = 'y'", "SELECT 'x' AS b",
        "INSERT INTO t (a, b) VALUES (1, 'x')", "Key (a, b)=(1, x) exists",
        "Failing row contains (1, x).", "Fehlgeschlagene Zeile enthält (1, x).",
        "La ligne en échec contient (1, x).", "La fila que falla contiene (1, x).",
        "The duplicate key value is (x).",
    ),
    "quoted_input": (
        "a\n  bad [input_value=x]", "{'loc': ('body', 'a'), 'input': 'x'}",
        "field 'a': rejected value [x]", "On instance['a']:\n    'x'", "'a' with value 'x'",
        "variable a with value 'x'",
        "parse field [a] of type [date] Preview of field's value: 'x'",
        "a: must match (was 'x')",
        "Path `a` (`x`) is short", 'name "a": converting driver.Value type string ("x")',
        'a: invalid type: string "x"',
        'a.b: Invalid value: "x"', "for parameter a, value: x",
        "argument --a: invalid int value: 'x'",
        "dictionary value @ data['a']. Got 'x'",
        "'a' expected type 'int', got unconvertible type 'string', value: 'x'",
        "convert string to integer: x. Path 'a', line 1", "The value 'x' is not valid for a.",
        "Property: a\n    Value: x",
        "(Parameter 'a')\nActual value was x.",
        'Cast failed for value "x" at path "a"', "Incorrect value: 'x' for column 'a'",
        "Duplicate entry 'x' for key 'a'", 'from String "x": bad (through reference chain: F["a"])',
        'variable "a" { default = "x" }', "literal: 'x' (env A)",
    ),
    "structures": (
        "customer: {", "name: [", "customer: 'Jane", "ref Patient/1", "q=hello+x", "kind: Secret",
    ),
    "tables": ("-[ RECORD 1 ]---",),
    "rows": ("INSERT INTO t (a)",),
    "numbers": (
        "[123456789]", "[12345.6]", "[1234.5678]", "[1.23456]", "[-123.4567]",
    ),
    "held": ("[email:e1:0x9f3b6c02d41a]", "************1111"),
    "encoded": (
        "a%20b", "a%u0070b", "a=3Db", "=?utf-8?Q?a_b", "a\\x41", "a&amp;b", "\x1b[32m",
        "pass\u200bword",
        "p\0a\0s\0s\0", "cGFzc3dvcmQ9SHVuN2VyMg",
        "cABhAHMAcwB3AG8AcgBkAA==", "H4sIAAAAAAAC", "1f8b0800", "eJwAAAAAAAAAAAAA",
        "70 61 73 73 77 6f 72 64", "0x70, 0x61, 0x73, 0x73, 0x77, 0x6f, 0x72, 0x64",
        "[112, 97, 115, 115, 119, 111, 114, 100]", 'Password:\u00a0"x"', "4111\u20131111",
        "\u0664\u0661", "stra\u00c3\u0178e",
    ),
}  # fmt: skip


@pytest.mark.parametrize("finder", sorted(word_triggers()))
def test_each_trigger_of_a_finder_sees_what_no_other_one_sees(finder: str) -> None:
    id_ = gate._FINDER + names.FINDERS.index(finder)
    ours = [each for each in gate.words("text") if each.id == id_]
    texts = _BY_WORDS[finder]
    assert len(ours) == len(texts)
    database = Database.compiled(_numbered(ours))
    for number, text in enumerate(texts):
        assert _hits(database, text) == {number}, (finder, number)


def _numbered(expressions: Sequence[Expression]) -> list[Expression]:
    return [replace(each, id=number) for number, each in enumerate(expressions)]


def _hits(database: Database, text: str) -> set[int]:
    return {id_ for _, id_ in database.hits(text.encode() + b"\n")}


@cache
def _detectors() -> tuple[Detector, ...]:
    return load_catalogue()


def _expressions(dialect: Dialect) -> Iterator[tuple[Detector, list[Expression]]]:
    for index, detector in enumerate(_detectors()):
        yield detector, gate.of_rules([rule_trigger(detector)], dialect, index)


@pytest.mark.parametrize("dialect", ["text", "json"])
def test_without_its_trigger_no_rule_is_asked_for(dialect: Dialect) -> None:
    whole = dict(enumerate(_expressions(dialect)))
    unseen = [d.id for d, found in whole.values() if not found]
    assert unseen == []  # each rule has one of its own: nothing else asks for it
    ids = [each.id for _, found in whole.values() for each in found]
    assert sorted(set(ids)) == list(range(gate.RULES, gate.RULES + len(_detectors())))
    # The rule's own examples are tried out with all triggers when the gate is made: without its
    # own no other identifier stands for it.
    for index, (detector, found) in whole.items():
        assert {each.id for each in found} == {gate.RULES + index}, detector.id


@pytest.mark.parametrize("dialect", ["text", "json"])
def test_nothing_is_left_out_of_ascii_that_ascii_can_hold(dialect: Dialect) -> None:
    found = [*gate.words(dialect), *(e for _, each in _expressions(dialect) for e in each)]
    beyond = [each for each in found if each.group == BEYOND_ASCII]
    texts = [example(d.id, notation)[0] for d in _detectors() for notation in d.catch]
    texts += [f" {word} " for d in _detectors() for word in d.context]
    texts += [f" {term}=" for term in (*TERMS, *GLUED)]
    ascii_only = "\n".join(text for text in texts if text.isascii())
    assert Database.compiled(beyond).hits(ascii_only.encode() + "é".encode()) == []


def test_each_word_of_a_choice_is_a_literal_of_its_own() -> None:
    """In one pattern they are an engine that watches every byte."""
    [found] = [each for detector, each in _expressions("json") if detector.id == "national_id.told"]
    assert len(found) > 90
    assert {each.group for each in found} == {"literals", BEYOND_ASCII}


@pytest.mark.parametrize("number", range(0, 600, 150))
def test_a_gate_without_a_rules_trigger_is_not_used(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = _detectors()[min(number, len(_detectors()) - 1)]
    index = _detectors().index(detector)
    [(_, found)] = [each for each in _expressions("text") if each[0] is detector]
    other = Expression(gate.RULES + index + 1, "nothing that stands anywhere")
    plain = example(detector.id, detector.catch[0])[0].encode() + b"\n"
    assert gate._sees([Database.compiled(found)], plain, index)
    assert not gate._sees([Database.compiled([other])], plain, index)


def test_each_name_is_seen_by_a_trigger_of_its_own() -> None:
    found = [each for each in gate.words("text") if each.id in (gate.NAME, gate.LONG_NAME)]
    numbered = _numbered(found)
    database = Database.compiled(numbered)
    seen_twice = tried = 0
    for each in numbered:
        text = _spoken(each.pattern)
        if text is None:
            continue
        seen = {id_ for _, id_ in database.hits(text.encode() + b"=")}
        assert each.id in seen, each.pattern
        seen_twice += len(seen) > 1
        tried += 1
    assert tried > 400
    assert seen_twice < 60  # a name inside another one, and before it, is seen by both


_SPOKEN = re.compile(r"\(\?i:([a-z0-9]+)\)(?:\[\^a-rt-z\])?")


def _spoken(pattern: str) -> str | None:
    """A text that a trigger of a name matches, for those that are a literal without case."""
    match = _SPOKEN.fullmatch(pattern)
    return match[1] if match is not None else None


# -- the walk knows nothing of the engine ---------------------------------------------------------

_WALK = (
    "scan", "judging", "text", "words.words", "keys", "views", "literals", "pairs", "copies",
    "detection", "detectors", "validation.validators", "findings", "named", "fields",
    "placeholders", "words.values", "words.phrases",
)  # fmt: skip
_POLICY = Path(*errlock.policy.__path__)


def _imported(module: str) -> set[str]:
    """The modules of the policy that one of them imports, directly."""
    here = module.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(_file(module).read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) + 1 - node.level]
            path = [*base, *(node.module.split(".") if node.module else ())]
            found.update(".".join([*path, *each]) for a in node.names for each in ((), (a.name,)))
        elif isinstance(node, ast.ImportFrom) and node.module and "errlock" in node.module:
            found.add(node.module.removeprefix("errlock.policy."))
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if "errlock" in alias.name)
    return found


def _file(module: str) -> Path:
    return _POLICY.joinpath(*module.split(".")).with_suffix(".py")


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("module", _WALK)
def test_the_walk_does_not_import_the_engine_however_far_one_goes(module: str) -> None:
    assert _file(module).exists()
    seen: set[str] = set()
    waiting = {module}
    while waiting:
        here = waiting.pop()
        assert "engine" not in here, (module, sorted(seen))
        seen.add(here)
        if _file(here).exists():
            waiting |= _imported(here) - seen
