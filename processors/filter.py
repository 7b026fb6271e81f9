"""Drop documents by condition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any

import msgspec
import re2
from msgspec import Meta

from ..pipeline.component import Processor, ProcessorConfig, Settings
from ..pipeline.errors import Drop, Problem
from ..pipeline.payloads.document import DOCUMENT_TYPES, Document, Tree
from ..policy.conditions import AllOf, AnyOf, Condition, FieldIs, NotThat, TypeIs
from ..policy.selectors import parse_selector
from .option_problems import pattern_problem, selector_problem

_TESTS = ("equals", "in", "matches", "contains", "above", "below", "exists")


class When(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"in_": "in", "not_": "not"},
):
    """A condition: a `field` with one test, a `type`, or `all`, `any`, `not` of conditions.

    What stands in one condition must all be true: `{type: [log], field: level, equals: debug}`.
    """

    field: Annotated[
        str | None, Meta(description="A selector; the condition holds when one such field passes.")
    ] = None
    equals: Annotated[str | int | float | bool | None, Meta(description="The field is this.")] = (
        None
    )
    in_: Annotated[
        tuple[str | int | float | bool, ...] | None, Meta(description="The field is one of these.")
    ] = None
    matches: Annotated[
        str | None, Meta(description="This pattern (RE2) is found in the field's text.")
    ] = None
    contains: Annotated[str | None, Meta(description="The field's text contains this.")] = None
    above: Annotated[float | None, Meta(description="The field is a number above this.")] = None
    below: Annotated[float | None, Meta(description="The field is a number below this.")] = None
    exists: Annotated[bool | None, Meta(description="Whether there is such a field.")] = None
    type: Annotated[
        tuple[str, ...], Meta(description="Types of documents: `event`, `log_record`, …")
    ] = ()
    all: Annotated[tuple[When, ...], Meta(description="All of these hold.")] = ()
    any: Annotated[tuple[When, ...], Meta(description="One of these holds.")] = ()
    not_: Annotated[When | None, Meta(description="This does not hold.")] = None

    def wrong(self, path: str) -> Iterator[Problem]:
        """What is wrong with it."""
        tests = [name for name, value in self._tests().items() if value is not None]
        if self.field is None and tests:
            yield Problem(path, f"{tests[0]!r} needs a 'field'")
        elif self.field is not None and len(tests) != 1:
            yield Problem(path, f"a field needs exactly one test of {', '.join(_TESTS)}")
        elif self.field is None and not (self.type or self.all or self.any or self.not_):
            yield Problem(path, "expected a 'field', a 'type', 'all', 'any' or 'not'")
        if self.field is not None:
            yield from selector_problem(f"{path}.field", self.field)
        if self.matches is not None:
            yield from pattern_problem(f"{path}.matches", self.matches)
        for name in self.type:
            if name not in DOCUMENT_TYPES:
                known = ", ".join(DOCUMENT_TYPES)
                yield Problem(f"{path}.type", f"unknown type {name!r}. Known: {known}")
        for name, inner in (("all", self.all), ("any", self.any)):
            for index, condition in enumerate(inner):
                yield from condition.wrong(f"{path}.{name}[{index}]")
        if self.not_ is not None:
            yield from self.not_.wrong(f"{path}.not")

    def _tests(self) -> dict[str, Any]:
        return {name: getattr(self, f"{name}_" if name == "in" else name) for name in _TESTS}

    def condition(self) -> Condition:
        """Compile it."""
        found: list[Condition] = []
        if self.type:
            found.append(TypeIs(frozenset(self.type)))
        if self.field is not None:
            found.append(self._field(self.field))
        found += [condition.condition() for condition in self.all]
        if self.any:
            found.append(AnyOf(tuple(condition.condition() for condition in self.any)))
        if self.not_ is not None:
            found.append(NotThat(self.not_.condition()))
        return found[0] if len(found) == 1 else AllOf(tuple(found))

    def _field(self, field: str) -> Condition:
        selector = parse_selector(field)
        if self.exists is not None:
            there = FieldIs(selector, lambda value: value is not None)
            return there if self.exists else NotThat(there)
        return FieldIs(selector, self._test())

    def _test(self) -> Callable[[Tree], bool]:
        if self.equals is not None:
            return lambda value: _same(value, self.equals)
        if self.in_ is not None:
            return lambda value: any(_same(value, allowed) for allowed in self.in_ or ())
        if self.matches is not None:
            pattern = re2.compile(self.matches)
            return lambda value: _is_text(value) and pattern.search(str(value)) is not None
        if self.contains is not None:
            return lambda value: _is_text(value) and (self.contains or "") in str(value)
        if self.above is not None:
            return lambda value: _is_number(value) and value > self.above  # type: ignore[operator]  # checked
        return lambda value: _is_number(value) and value < self.below  # type: ignore[operator]  # checked


def _is_text(value: Tree) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _is_number(value: Tree) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(value: Tree, wanted: object) -> bool:
    """Equal, and both or neither a boolean: 1 is not true."""
    return value == wanted and isinstance(value, bool) == isinstance(wanted, bool)


class Filter(ProcessorConfig, frozen=True, kw_only=True):
    """Drop documents for which one of the conditions holds."""

    drop: Annotated[tuple[When, ...], Meta(description="Conditions; one that holds is enough.")]

    def problems(self) -> Iterable[Problem]:
        """What is wrong with the conditions."""
        if not self.drop:
            yield Problem("drop", "expected at least one condition")
        for index, condition in enumerate(self.drop):
            yield from condition.wrong(f"drop[{index}]")

    def build(self, settings: Settings) -> Processor:
        """Make the processor."""
        return _Filter(AnyOf(tuple(condition.condition() for condition in self.drop)))


class _Filter(Processor):
    def __init__(self, condition: Condition) -> None:
        self._condition = condition

    def process(self, document: Document) -> None:
        if self._condition.holds(document):
            raise Drop("filtered")
