"""Inventories of keys: blocks of PEM, as `openssl` and `ssh-keygen` write them (RFC 7468)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .wanted import BadInventory, Wanted, numbered

BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,64})-----")


def is_pem(first_line: str) -> bool:
    """Whether a first line is one of PEM, or of what `openssl pkcs12` writes before it."""
    return BEGIN.match(first_line) is not None or first_line.startswith("Bag Attributes")


def pem(text: str) -> Iterator[Wanted]:
    """A block a value. What is between them explains them. Raises BadInventory."""
    begun, label, block = 0, "", list[str]()
    for number, line in numbered(text):
        if begun:
            block.append(line)
            if line.startswith(f"-----END {label}-----"):
                yield Wanted(f"line {begun} {label}", "\n".join(block))
                begun = 0
        elif found := BEGIN.match(line):
            begun, label, block = number, found[1], [line]
    if begun:
        raise BadInventory(f"not PEM: what line {begun} begins has no end")
