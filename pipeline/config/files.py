"""Configuration files and `a.b=c` settings to one tree, `${…}` as written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path as FilePath

from ...policy.named_files import read_file
from ..errors import ConfigError, Problem
from .yaml import Parsed, merge, parse


def merged_files(paths: Sequence[str | FilePath], sets: Sequence[str]) -> Parsed:
    """What files and settings say together. Raises ConfigError."""
    problems: list[Problem] = []
    merged = Parsed({})
    for read in [*(partial(_read, path) for path in paths), *(partial(_setting, s) for s in sets)]:
        try:
            merged = merge(merged, read())
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return merged


def _read(path: str | FilePath) -> Parsed:
    source = str(path)
    try:
        text = read_file(path).decode("utf-8-sig")
    except OSError as error:
        raise ConfigError([Problem("", f"cannot be read: {error.strerror}", source)]) from None
    except UnicodeDecodeError:
        raise ConfigError([Problem("", "is not UTF-8 text", source)]) from None
    parsed = parse(text, source)
    # It was cut off, by an editor that is about to write it or by a full disk: taken for a
    # configuration, it would exchange every destination for the defaults.
    if parsed.tree is None:
        problem = Problem("", "has nothing in it; {} stands for the defaults", source)
        raise ConfigError([problem])
    return sections_of(parsed, source)


def sections_of(parsed: Parsed, source: str) -> Parsed:
    """A whole file's tree. Raises ConfigError when it is none."""
    if parsed.tree is None:
        return Parsed({})
    if not isinstance(parsed.tree, dict):
        raise ConfigError([Problem("", "expected sections such as receivers:", source)])
    return parsed


_MAX_PARTS = 50  # of a setting's name
_URL = re.compile(r"://|@")


def _setting(text: str) -> Parsed:
    """A tree of one value: `exporters.otlp.endpoint=tempo:4317`."""
    name, equals, value = text.partition("=")
    parts = name.split(".")
    if not equals or _URL.search(name):  # what was not set apart may be a value: it is not shown
        raise ConfigError([Problem("", "expected a.b.c=value", "--set")])
    if not all(parts) or len(parts) > _MAX_PARTS:
        raise ConfigError([Problem("", "expected a.b.c=value", f"--set {name}")])
    parsed = parse(value, f"--set {name}")
    tree = parsed.tree if value.strip() else None
    for part in reversed(parts):
        tree = {part: tree}
    places = {(*parts, *path): f"--set {name}" for path in parsed.places}
    return Parsed(tree, places)
