"""Headers of HTTP that a user wants sent with each request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..pipeline.errors import Problem
from ..pipeline.options import Secret

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2


def header_problems(headers: Mapping[str, Secret]) -> Iterator[Problem]:
    """What no request could carry. Every one would fail, and what is acknowledged would be lost."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            yield Problem("headers", "expected names that HTTP allows")
        elif not value.reveal().isprintable():
            what = "expected one line; a variable that was filled from a file may end in a line end"
            yield Problem(f"headers.{name}", what)
