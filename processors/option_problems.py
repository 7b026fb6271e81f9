"""What is wrong with classes, patterns and selectors in the options of processors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import re2

from ..pipeline.errors import Problem
from ..policy.classes import CLASSES, ROOTS, is_class
from ..policy.detectors import load_catalogue
from ..policy.linear import refusal
from ..policy.selectors import parse_selector


def class_problems(path: str, names: Iterable[str]) -> Iterator[Problem]:
    """A problem for each name that is neither a class nor a branch of classes."""
    for name in names:
        if not _is_class_selector(name):
            yield Problem(f"{path}.{name}", unknown_class(name))


def pattern_problem(path: str, pattern: str, replacement: str = "") -> Iterator[Problem]:
    """A problem when RE2 does not take a pattern, or its replacement names no group of it."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
        re2.compile(f"|{pattern}", options).sub(replacement, "")  # found in any text
    except re2.error as error:
        yield Problem(path, refusal(error))
    except (IndexError, UnicodeDecodeError):
        yield Problem(path, "its replacement names a group that it does not have, or ends in \\")


def selector_problem(path: str, text: str) -> Iterator[Problem]:
    """A problem when a selector cannot be read."""
    try:
        parse_selector(text)
    except ValueError as error:
        yield Problem(path, str(error))


def detector_problem(path: str, id_: str) -> Iterator[Problem]:
    """A problem when no built-in detector has this id."""
    known = [detector.id for detector in load_catalogue()]
    if id_ not in known:
        yield Problem(path, f"unknown detector {id_!r}{_near(id_, known)}")


def unknown_class(name: str) -> str:
    """What to say of a name that is no class."""
    return f"unknown class {name!r}{_near(name, [*CLASSES, *ROOTS])}"


def _near(name: str, known: list[str]) -> str:
    from difflib import get_close_matches  # only where something is wrong

    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _is_class_selector(name: str) -> bool:
    name = name.removesuffix(".*")
    return (
        name == "*"
        or name in ROOTS
        or is_class(name)
        or any(class_.startswith(f"{name}.") for class_ in CLASSES)
    )
