"""Take out what must not leave: replace it by its class, mask it, or remove it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from ..pipeline.component import ProcessorConfig, Settings
from ..pipeline.errors import ConfigError, Problem
from ..policy.classes import is_class
from ..policy.detectors import Detector, load_detectors
from ..policy.errors import PolicyError
from ..policy.exceptions import Exceptions, leaves_everything
from ..policy.known_values import KnownValues, from_command, from_environment, from_file
from ..policy.parts import Method, Profile, RedactPart
from ..policy.selectors import Selector, parse_selector
from .option_problems import (
    class_problems,
    detector_problem,
    pattern_problem,
    selector_problem,
    unknown_class,
)

# What a selector may name instead of a class: the action for a field that is of no class.
_FIELD_CLASSES: Mapping[str, Method] = {"replace": "replace", "mask": "mask", "remove": "remove"}


class OwnDetector(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"class_": "class"},
):
    """A detector of one's own, in the form of the built-in ones."""

    id: Annotated[str, Meta(description="Its name, unique among these.")]
    class_: Annotated[str, Meta(description="The class of what it finds, such as `custom.badge`.")]
    pattern: Annotated[
        str, Meta(description="RE2 syntax; the group `v`, if there is one, is the span.")
    ]
    needs: Annotated[
        tuple[str, ...],
        Meta(description="Lower-case literals, one of which stands in every match. Saves time."),
    ] = ()
    context: Annotated[
        tuple[str, ...],
        Meta(description="Lower-case words, one of which must stand before it or in its key."),
    ] = ()
    validator: Annotated[
        str | None, Meta(description="A built-in check of what was matched, such as `card`.")
    ] = None


class KnownValueSources(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the application's own secrets are, so that they are found wherever they appear."""

    env: Annotated[
        tuple[str, ...], Meta(description="Patterns of environment variables: `*_TOKEN`.")
    ] = ()
    files: Annotated[
        tuple[str, ...], Meta(description="Files with one value, or `NAME=value`, a line.")
    ] = ()
    command: Annotated[
        tuple[str, ...],
        Meta(description="A program and its arguments that prints one value a line. No shell."),
    ] = ()


class Redact(ProcessorConfig, frozen=True, kw_only=True):
    """Replace sensitive values by their class (`[password]`), mask or remove them."""

    profile: Annotated[
        Profile,
        Meta(
            description="`minimal`: secrets and financial data. `balanced`: personal data too, but "
            "not user ids. `strict`: user ids and what describes your code and hosts as well."
        ),
    ] = "balanced"
    classes: Annotated[
        dict[str, Method],
        Meta(
            description="What to do with a class or a branch of classes, on top of the profile: "
            "`replace`, `mask`, `remove` or `keep`."
        ),
    ] = msgspec.field(default_factory=dict)
    detectors: Annotated[
        tuple[OwnDetector, ...],
        Meta(description="Detectors of your own, beside the built-in ones."),
    ] = ()
    keys: Annotated[
        dict[str, str],
        Meta(description="Patterns of keys (RE2) and the class of the values under them."),
    ] = msgspec.field(default_factory=dict)
    selectors: Annotated[
        dict[str, str],
        Meta(
            description="Fields (`$user.**`, `extra.cart`) and their class, or `replace`, `mask` "
            "or `remove`."
        ),
    ] = msgspec.field(default_factory=dict)
    safe_fields: Annotated[
        tuple[str, ...], Meta(description="Selectors of fields that are never looked into.")
    ] = ()
    allowed_values: Annotated[
        tuple[str, ...],
        Meta(
            description="Patterns (RE2) of values that are left, whatever finds them. One has to "
            "match all of a value."
        ),
    ] = ()
    disabled_detectors: Annotated[
        tuple[str, ...],
        Meta(description="Ids of built-in detectors whose findings are left."),
    ] = ()
    known_values: Annotated[
        KnownValueSources, Meta(description="Your own secrets, found wherever they appear.")
    ] = KnownValueSources()
    item_types: Annotated[
        tuple[Literal["attachment", "unknown"], ...],
        Meta(
            description="Kinds that nobody can judge and that the policy does not drop: "
            "`attachment`, `unknown`. Their content is discarded when it is read, so it does not "
            "go out even then."
        ),
    ] = ()

    def problems(self) -> Iterable[Problem]:
        """Wrong classes, patterns, selectors, detectors and sources of known values."""
        yield from class_problems("classes", self.classes)
        for pattern, class_ in self.keys.items():
            if not is_class(class_):
                yield Problem(f"keys.{pattern}", unknown_class(class_))
            yield from pattern_problem(f"keys.{pattern}", pattern)
        for text, class_ in self.selectors.items():
            if class_ not in _FIELD_CLASSES and not is_class(class_):
                yield Problem(f"selectors.{text}", unknown_class(class_))
            yield from selector_problem(f"selectors.{text}", text)
        for index, text in enumerate(self.safe_fields):
            yield from selector_problem(f"safe_fields[{index}]", text)
        for index, pattern in enumerate(self.allowed_values):
            yield from pattern_problem(f"allowed_values[{index}]", pattern)
            if leaves_everything(pattern):
                yield Problem(f"allowed_values[{index}]", "would leave every value")
        for index, id_ in enumerate(self.disabled_detectors):
            yield from detector_problem(f"disabled_detectors[{index}]", id_)
        try:
            self._detectors()
        except PolicyError as error:
            yield from (Problem(path, message) for path, message in error.problems)
        yield from self._source_problems()

    def _source_problems(self) -> Iterator[Problem]:
        for index, name in enumerate(self.known_values.files):
            if not Path(name).is_file():
                yield Problem(f"known_values.files[{index}]", "there is no such file")

    def build(self, settings: Settings) -> RedactPart:
        """Make the part. Reads the known values: raises ConfigError when a source fails."""
        known = self._known(settings)
        methods = [(name, method) for name, method in self.classes.items()]
        methods += [(f"custom.field_{name}", method) for name, method in _FIELD_CLASSES.items()]
        return RedactPart(
            profile=self.profile,
            classes=tuple(methods),
            detectors=self._detectors(),
            keys=tuple(self.keys.items()),
            selectors=tuple(_field_rules(self.selectors)),
            safe=tuple(parse_selector(text) for text in self.safe_fields),
            exceptions=Exceptions(self.allowed_values, frozenset(self.disabled_detectors)),
            known=known,
            item_types=frozenset(self.item_types),
        )

    def _detectors(self) -> tuple[Detector, ...]:
        entries: list[dict[str, Any]] = [
            {"source": "configuration", **msgspec.to_builtins(own)} for own in self.detectors
        ]
        return load_detectors(entries)

    def _known(self, settings: Settings) -> KnownValues | None:
        sources = self.known_values
        values = from_environment(sources.env, os.environ)
        for index, name in enumerate(sources.files):
            try:
                values += from_file(Path(name))
            except (OSError, UnicodeDecodeError):
                raise _unreadable(f"known_values.files[{index}]", "cannot be read") from None
        if sources.command:
            try:
                values += from_command(sources.command)
            except OSError:
                raise _unreadable("known_values.command", "cannot be run") from None
            except ValueError as error:
                raise _unreadable("known_values.command", str(error)) from None
        if not values:
            return None
        known = KnownValues(values)
        if known.ignored:
            settings.log.warning(
                "%s: %d known values are not looked for: too short or a common word",
                settings.id,
                known.ignored,
            )
        return known


def _field_rules(selectors: Mapping[str, str]) -> Iterator[tuple[Selector, str]]:
    for text, class_ in selectors.items():
        yield parse_selector(text), f"custom.field_{class_}" if class_ in _FIELD_CLASSES else class_


def _unreadable(path: str, message: str) -> ConfigError:
    return ConfigError([Problem(path, message)])
