"""`${…}` in configuration values."""

from pathlib import Path
from typing import Any

import pytest

from errlock.pipeline.config.interpolation import BROKEN, Expanded, Expander

ENV = {"HOST": "tempo", "PORT": "0123", "NAME": "HOST", "DOLLARS": "a$$b${HOST}", "EMPTY": ""}


UNSET = "a: the environment variable NOPE is not set; if it may be missing write ${env:NOPE:-}"


def expand(value: Any) -> tuple[Any, list[str]]:
    expander = Expander(ENV, {})
    result = expander.expand({"a": value})["a"]
    return result, [str(problem) for problem in expander.problems]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("http://${env:HOST}:4317", "http://tempo:4317"),
        ("x${HOST}", "xtempo"),
        ("x${env:NOPE:-other}", "xother"),
        ("x${NOPE:-}", "x"),
        ("x${NOPE:-a:-b}", "xa:-b"),
        ("x${env:EMPTY:-other}", "x"),
        ("x${env:NOPE:-${env:HOST}}", "xtempo"),
        ("x${env:HOST:-${env:NOPE}}", "xtempo"),
        ("x${${NAME}}", "xtempo"),
        ("$$HOST", "$HOST"),
        ("$${HOST}", "${HOST}"),
        ("$HOST $error.value ^a$", "$HOST $error.value ^a$"),
        ("x${DOLLARS}", "xa$$b${HOST}"),
    ],
)
def test_a_reference_inside_text_becomes_text(written: str, text: str) -> None:
    assert expand(written) == (text, [])


@pytest.mark.parametrize("written", ["$HOST", "Bearer $NOPE"])
def test_a_bare_name_is_refused_and_not_shown(written: str) -> None:
    """It would be taken for the token itself; and it may be one that begins so."""
    told = "a: a bare $NAME is no reference: write ${env:NAME}; for a '$' write '$$'"
    assert expand(written) == (BROKEN, [told])


def test_a_value_that_is_one_reference_keeps_its_text_and_its_yaml() -> None:
    assert expand("${env:PORT}") == (Expanded("0123", 123), [])
    assert expand("${env:EMPTY}") == (Expanded("", None), [])


def test_what_is_not_yaml_is_text() -> None:
    expander = Expander({"KEY": "{[x"}, {})
    assert expander.expand("${KEY}") == Expanded("{[x", "{[x")


def test_a_file_is_read_without_its_last_line_end(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"two\r\nlines\r\n")
    assert expand(f"${{file:{secret}}}") == (Expanded("two\r\nlines", "two lines"), [])


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "${env:NOPE}",
            "a: the environment variable NOPE is not set; if it may be missing write ${env:NOPE:-}",
        ),
        (
            "x ${NOPE}",
            "a: the environment variable NOPE is not set; if it may be missing write ${env:NOPE:-}",
        ),
        (
            "Winter${24!}",  # a password
            "a: what stands in ${…} is not a variable's name; for a literal '${' write '$${'",
        ),
        ("${https://x}", "a: unknown source in ${…}. Known: env, file"),
        ("${HOST", "a: '${' without its '}'; for a literal '${' write '$${'"),
        (
            "${file:/nowhere/at/all}",
            "a: the file '/nowhere/at/all' cannot be read: No such file or directory",
        ),
        ("${" * 25 + "HOST" + "}" * 25, "a: references nested deeper than 20"),
    ],
)
def test_a_broken_reference_is_told_with_its_path(written: str, message: str) -> None:
    assert expand(written) == (BROKEN, [message])


def test_a_name_that_is_put_together_is_not_shown() -> None:
    _, problems = expand("${${DOLLARS}}")
    assert problems == [
        "a: what stands in ${…} is not a variable's name; for a literal '${' write '$${'"
    ]


def test_a_file_that_is_too_large_or_not_text_is_refused(tmp_path: Path) -> None:
    large, binary = tmp_path / "large", tmp_path / "binary"
    large.write_bytes(b"x" * ((1 << 20) + 1))
    binary.write_bytes(b"\xff\xfe")
    assert expand(f"${{file:{large}}}")[1] == [
        f"a: the file '{large}' cannot be read: it has more than 1048576 bytes"
    ]
    assert expand(f"${{file:{binary}}}")[1] == [f"a: the file '{binary}' is not UTF-8 text"]


def test_an_expanded_value_is_not_shown() -> None:
    assert repr(Expanded("hunter22", "hunter22")) == "Expanded([REDACTED])"
