"""An inventory is read: by the format that is told, or that its content tells."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator, Sequence

from .assignments import ASSIGNMENT, SECTION, env, ini, properties
from .logins import is_login_url, is_netrc, is_pgpass, netrc, pgpass, urls
from .pem import BEGIN, is_pem, pem
from .tables import is_table, table
from .trees import is_toml, json_text, opened, toml_text, yaml_text
from .wanted import BadInventory, InventoryFormat, Wanted, numbered, told_apart

MOST_BYTES = 256 * 2**20
MOST_VALUES = 2_000_000

# Of https://docs.ansible.com, https://age-encryption.org, OpenPGP.
_SEALED = re.compile(
    r"\$ANSIBLE_VAULT;|age-encryption\.org/|-----BEGIN (?:PGP MESSAGE|AGE ENCRYPTED FILE)-----"
)
_PROPERTY = re.compile(r"\s*(?:[^=:\s\\]|\\.)+\s*[=:]")
_YAML = re.compile(r"""(?:- |-$|---|\.\.\.|%YAML|(?:"[^"]*"|'[^']*'|[^\s:#'"=][^:=]*):(?: |$)).*""")


def read_inventory(data: bytes, format_: InventoryFormat | None = None) -> list[Wanted]:
    """The values of a file, in order. Without a format it is told by the content.

    Raises BadInventory.
    """
    text = _decoded(data)
    found = []
    for read in _READERS[format_ or _format_of(text)](text):
        for wanted in opened(read) if read.value.strip() else ():
            found.append(wanted)
            if len(found) > MOST_VALUES:
                raise BadInventory(f"more than {MOST_VALUES:,} values")
    return told_apart(found)


def _decoded(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise BadInventory(f"longer than {MOST_BYTES >> 20} MiB")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as Windows writes it
        text = data.decode("utf-16", "replace")
        if "\ufffd" in text:
            raise BadInventory("it begins as UTF-16, and is none")
        data = text.encode()
    if (nul := data.find(b"\0")) >= 0:
        raise BadInventory(f"line {_line(data, nul)} holds a NUL byte: it is no text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = _line(data, error.start)
    raise BadInventory(f"line {line} is not UTF-8")


def _line(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1


def _format_of(text: str) -> InventoryFormat:
    """What the content is, as far as it is no list of plain lines. Raises BadInventory."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    lines = [line for line in lines if line.strip() and line.lstrip()[0] not in "#;!"]
    first = lines[0].strip() if lines else ""
    if _SEALED.match(first):
        raise BadInventory("it is encrypted: decrypt it first")
    if is_pem(first):
        return "pem"
    if any(map(SECTION.fullmatch, lines)) and is_toml(text):
        return "toml"
    if SECTION.fullmatch(first):
        return "ini"
    if first[:1] in ("{", "["):
        return "json"
    if is_netrc("\n".join(lines)):
        return "netrc"
    for format_, is_one in _LINES_OF.items():
        if lines and all(is_one(line) for line in lines):
            return format_
    return _of_assignments(lines) or _of_lines(lines)


def _of_assignments(lines: Sequence[str]) -> InventoryFormat | None:
    # The lines of a value over several lines are no assignments.
    found = [found for line in lines if (found := ASSIGNMENT.fullmatch(line))]
    if any("." in each[1] for each in found):  # which no variable of an environment has
        often = sum(1 for line in lines if _PROPERTY.match(line))
        return "properties" if often * 2 > len(lines) else None
    if len(found) * 2 <= len(lines):
        return None
    if any(SECTION.fullmatch(line) for line in lines):
        return "ini"
    return "env"


def _of_lines(lines: Sequence[str]) -> InventoryFormat:
    outer = [line for line in lines if line[:1] not in " \t"]
    if outer and (outer[0] == "---" or all(map(_YAML.fullmatch, outer))):
        return "yaml"
    if is_table(lines):
        return "csv"
    if any(map(BEGIN.search, lines)):
        raise BadInventory("it has a key in it, but is nothing that is known")
    return "lines"


def _lines(text: str) -> Iterator[Wanted]:
    for number, line in numbered(text):
        yield Wanted(f"line {number}", line.strip())


_READERS = {
    "env": env, "properties": properties, "ini": ini, "toml": toml_text, "json": json_text,
    "yaml": yaml_text, "csv": table, "netrc": netrc, "pgpass": pgpass, "urls": urls, "pem": pem,
    "lines": _lines,
}  # fmt: skip
# Formats of which each line shows what they are.
_LINES_OF: dict[InventoryFormat, Callable[[str], bool]] = {
    "pgpass": is_pgpass,
    "urls": is_login_url,
}
