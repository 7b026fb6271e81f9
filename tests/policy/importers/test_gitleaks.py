"""gitleaks' rules as detectors: what it would report is gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from imported import pipeline_of

from errlock.policy.importers.fragment import NotAPolicy
from errlock.policy.importers.gitleaks import (
    class_of,
    detectors_from_gitleaks,
    import_gitleaks,
)

RULES = r"""
title = "rules of a shop"

[[rules]]
id = "acme-api-token"
description = "ACME"
regex = '''(?i)\bacme_([a-z0-9]{12})\b'''
keywords = ["acme_"]

[[rules]]
id = "shop-badge"
regex = '''badge (\d{2})-(\d{4})'''
secretGroup = 2

[[rules]]
id = "whole-key"
regex = '''WK[0-9A-F]{8}$'''
"""


def scrubbed(rules: str, text: str) -> str | None:
    return pipeline_of(import_gitleaks(rules)).scrub_text(text)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("key ACME_1234abcd5678 used", "key ACME_[api_key.acme] used"),
        ("badge 17-4711 came", "badge 17-[custom.shop_badge] came"),
        ("used WK0123ABCD", "used [api_key.whole]"),
        ("mail lina@example.com", "mail [email]"),  # errlock's own profile stays in force
    ],
)
def test_a_secret_goes(text: str, result: str) -> None:
    assert import_gitleaks(RULES).left_out == ()
    assert scrubbed(RULES, text) == result


def test_rules_become_detectors(tmp_path: Path) -> None:
    file = tmp_path / "gitleaks.toml"
    file.write_text(RULES)
    found = detectors_from_gitleaks(file)
    assert [(each.id, each.class_, each.source) for each in found] == [
        ("acme-api-token", "secret.api_key.acme", str(file)),
        ("shop-badge", "custom.shop_badge", str(file)),
        ("whole-key", "secret.api_key.whole", str(file)),
    ]


@pytest.mark.parametrize(
    ("id_", "class_"),
    [
        ("github-fine-grained-pat", "secret.api_key.github"),
        ("private-key", "secret.private_key"),
        ("generic-api-key", "secret.api_key"),
        ("shop-badge", "custom.shop_badge"),
        ("token", "custom.token"),
    ],
)
def test_the_class_comes_from_the_id(id_: str, class_: str) -> None:
    assert class_of(id_) == class_


EXCEPTIONS = "what it allows goes, unless you write it into `allowed_values` of redact"
NOT_OURS = "gitleaks' own rules are not part of errlock; import its gitleaks.toml as well"


def rule(text: str, id_: str = "a-token") -> str:
    return f"[[rules]]\nid = '{id_}'\n{text}\n"


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        (
            rule("regex = '(?=a)b'"),
            "rules.a-token: RE2 does not take it (look-around and back-references are not)",
        ),
        (rule("regex = 'a*'"), "rules.a-token: matches the empty text"),
        (
            rule("path = 'x.pem$'"),
            "rules.a-token: has no `regex`: errlock sees no files whose paths could match",
        ),
        (rule("regex = 'a(b)'\nsecretGroup = 2"), "rules.a-token: the pattern has no group 2"),
        (
            rule("regex = 'ab'") + "[[rules.allowlists]]\nstopwords = ['test']",
            "rules.a-token.allowlists[0].stopwords: " + EXCEPTIONS,
        ),
        (
            rule("regex = 'ab'") + "[allowlist]\nregexes = ['x']",
            "allowlist.regexes: " + EXCEPTIONS,
        ),
        (
            "[extend]\nuseDefault = true",
            "extend.useDefault: " + NOT_OURS,
        ),
        (
            rule("regex = 'ab'") + rule("regex = 'cd'"),
            "rules.a-token: there is another detector 'a-token'",
        ),
    ],
)
def test_what_cannot_be_carried_over_is_told(text: str, left_out: str) -> None:
    assert [str(note) for note in import_gitleaks(text).left_out] == [left_out]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (rule("regex = 'ab'\nentropy = 3.5"),
         "rules.a-token: values of less entropy are removed as well"),
        (rule("regex = 'ab'\npath = 'x'"),
         "rules.a-token: looks everywhere, not only in files of its `path`"),
        (rule("regex = '(a)(b)'"),
         "rules.a-token: has several groups and no `secretGroup`: all of them go"),
    ],
)  # fmt: skip
def test_what_is_carried_over_differently_is_told(text: str, note: str) -> None:
    result = import_gitleaks(text)
    assert (result.left_out, [str(each) for each in result.differs]) == ((), [note])


@pytest.mark.parametrize(
    ("regex", "result"),
    [
        ("k=(a[0-9])(b[0-9])", "k=[api_key.a][api_key.a] k=c7"),
        ("k=a(1)b2|k=(c7)", "k=a[api_key.a]b2 k=[api_key.a]"),
        ("k=a1(b2)?|k=(c7)", "[api_key.a] [api_key.a]"),
    ],
)
def test_without_a_secret_group_the_groups_are_the_secret(regex: str, result: str) -> None:
    assert scrubbed(rule(f"regex = '{regex}'"), "k=a1b2 k=c7") == result


def test_keywords_that_every_match_holds_save_time(tmp_path: Path) -> None:
    file = tmp_path / "gitleaks.toml"
    file.write_text(
        rule("regex = 'ACME_[0-9]'\nkeywords = ['acme_']", "in-match")
        + rule("regex = 'key_[0-9]'\nkeywords = ['acme']", "elsewhere")
    )
    assert [each.needs for each in detectors_from_gitleaks(file)] == [("acme_",), ()]


def test_much_entropy_is_approximated() -> None:
    rules = rule(r"regex = 'a_(\w{16})'" + "\nentropy = 3.9")
    text = "a_aaaaaaaaaaaaaaaa a_a1b2c3d4e5f6g7h8"
    assert scrubbed(rules, text) == "a_aaaaaaaaaaaaaaaa a_[api_key.a]"


def test_an_extended_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(RULES)
    extending = rule("regex = 'own-[0-9]{4}'", "own") + (
        "[extend]\npath = 'base.toml'\ndisabledRules = ['shop-badge']\n"
    )
    result = import_gitleaks(extending, tmp_path)
    ids = [each["id"] for each in result.processors["redact"]["detectors"]]
    assert (ids, result.left_out) == (["own", "acme-api-token", "whole-key"], ())


@pytest.mark.parametrize("text", ["a = ", "a = 1", "rules = 3"])
def test_another_file_is_refused(text: str) -> None:
    with pytest.raises(NotAPolicy):
        import_gitleaks(text)
