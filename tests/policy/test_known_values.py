import base64
import sys
from pathlib import Path

import pytest
from scrubbing import scrubbed_text

from errlock.policy.known_values import KnownValues, from_command, from_environment, from_file
from errlock.policy.parts import RedactPart

VALUE = "vq-Zebra/77 blau"


def scrub(text: str) -> object:
    return scrubbed_text(text, [RedactPart(known=KnownValues([VALUE]))])


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "x", "xy"])
def test_a_known_value_is_found_inside_longer_base64(before: str, after: str) -> None:
    text = base64.b64encode((before + VALUE + after).encode() + b"\xff\xfe\xff").decode()
    assert scrub(text) != text


@pytest.mark.parametrize("text", [VALUE, "vq-Zebra%2F77%20blau", "vq\\u002dZebra\\/77 blau"])
def test_a_known_value_is_found_in_its_encodings(text: str) -> None:
    assert scrub(f"<{text}>") == "<[known_value]>"


@pytest.mark.parametrize("value", ["short", "changeme", "11111111", "production", "12345678"])
def test_short_and_common_values_are_ignored_and_counted(value: str) -> None:
    known = KnownValues([value, VALUE])
    assert (known.count, known.ignored) == (1, 1)
    assert list(known.spans(value)) == []


def test_values_come_from_the_environment_by_pattern() -> None:
    environment = {"APP_TOKEN": "a", "TOKEN_COUNT": "b", "DB_PASSWORD": "c"}
    assert from_environment(["*_TOKEN", "*_PASSWORD"], environment) == ["a", "c"]


def test_values_come_from_files(tmp_path: Path) -> None:
    path = tmp_path / "values"
    path.write_text("# ours\nplain=value==\n\nNAME='quoted'\njust a value\n")
    assert from_file(path) == ["value==", "quoted", "just a value"]


def test_values_come_from_a_command() -> None:
    assert from_command([sys.executable, "-c", "print('a'); print('b')"]) == ["a", "b"]
    with pytest.raises(ValueError, match=r"^the command ended with 3$"):
        from_command([sys.executable, "-c", "raise SystemExit(3)"])


def test_known_values_are_never_shown() -> None:
    assert repr(KnownValues([VALUE])) == "KnownValues(1 values)"
