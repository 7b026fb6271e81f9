"""Parts: what each of redact, hash and generalize adds to the plan of its chain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from .classes import CLASSES, matches
from .detectors import Detector
from .exceptions import Exceptions
from .findings import FORMS, Form, Mark
from .generalisation import Generaliser
from .keyring.pseudonyms import Epoch, Keyring
from .known_values import KnownValues
from .placeholders import placeholder
from .selectors import Selector

Method = Literal["replace", "mask", "remove", "keep"]
Profile = Literal["balanced", "strict", "minimal"]

# Which classes a profile claims, the most specific selector deciding. A user's id is what an issue
# is counted by and says little outside the system it comes from; `hash` takes it.
PROFILES: dict[Profile, dict[str, Method]] = {
    "minimal": {"secret": "replace", "financial": "replace"},
    "balanced": {
        "secret": "replace", "financial": "replace", "financial.card": "mask", "pii": "replace",
        "pii.user_id": "keep", "custom": "replace",
    },
    "strict": {
        "secret": "replace", "financial": "replace", "pii": "replace", "custom": "replace",
        "code": "replace",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """What one processor adds to the plan of its chain."""

    known: KnownValues | None = field(default=None, compare=False, kw_only=True)  # looked for, too

    def form(self, class_: str) -> Form | None:
        """The form in which values of a class leave here; None: this part does not claim it."""
        return None

    def open(self, scope: str) -> None:
        """Get ready to act for a destination. Raises KeyringError."""

    def epoch(self, scope: str) -> Epoch | None:
        """What it makes the pseudonyms of one document with, if it makes any.

        Raises KeyringError when they cannot be made.
        """
        return None

    def act(self, mark: Mark, epoch: Epoch | None) -> str | None:
        """What stands in place of a finding of a claimed class; None: nothing does."""
        raise NotImplementedError


@dataclass(frozen=True)
class RedactPart(Part):
    """Replaces, masks or removes; also carries what the user adds to detection."""

    profile: Profile = "balanced"
    classes: tuple[tuple[str, Method], ...] = ()  # on top of the profile's
    detectors: tuple[Detector, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()  # pattern (RE2) and class
    selectors: tuple[tuple[Selector, str], ...] = ()  # field and class
    safe: tuple[Selector, ...] = ()
    exceptions: Exceptions = field(default_factory=Exceptions)
    item_types: frozenset[str] = frozenset()  # kinds let through though nobody can judge them

    def method(self, class_: str) -> Method:
        """What to do with a class; `keep` when this part does not claim it.

        The user's own rules decide where one matches, else the profile's; in both the most
        specific one.
        """
        return _method(self.classes, self.profile, class_)

    def form(self, class_: str) -> Form | None:
        """Removed or masked, as the profile and the user's classes say."""
        method = self.method(class_)
        return None if method == "keep" else "masked" if method == "mask" else "removed"

    def act(self, mark: Mark, epoch: Epoch | None) -> str | None:
        """A placeholder, a mask, or nothing."""
        method = self.method(mark.class_)
        if method == "remove":
            return None
        return masked(mark.value) if method == "mask" else placeholder(mark.class_)


@lru_cache(maxsize=4096)
def _method(classes: tuple[tuple[str, Method], ...], profile: Profile, class_: str) -> Method:
    for rules in (dict(classes), PROFILES[profile]):
        found = [rule for rule in rules if matches(class_, rule)]
        if found:
            return rules[max(found, key=_precision)]
    return "keep"


def _precision(rule: str) -> tuple[bool, int]:
    return rule != "*", rule.removesuffix(".*").count(".")


def masked(value: str) -> str:
    """The last four characters of a number behind twelve stars; of anything else nothing.

    The length is always the same, so that it tells nothing. A mask of a mask is itself.
    """
    digits = [char for char in value if char.isalnum()]
    tail = "".join(digits[-4:])
    enough = len(digits) >= 12 or (value.startswith("*" * 12) and len(digits) == 4)
    return "*" * 12 + tail if enough and tail.isdigit() else "*" * 16


@dataclass(frozen=True)
class HashPart(Part):
    """Puts keyed pseudonyms."""

    classes: tuple[str, ...]
    keyring: Keyring = field(compare=False)
    shared: bool = False  # the same pseudonyms at every destination

    def form(self, class_: str) -> Form | None:
        """A pseudonym for the classes that were named."""
        return "pseudonym" if claims(self.classes, class_) else None

    def open(self, scope: str) -> None:
        """Have a key for the destination."""
        self.keyring.open("" if self.shared else scope)

    def epoch(self, scope: str) -> Epoch:
        """The one that the destination is in now."""
        return self.keyring.current("" if self.shared else scope)

    def act(self, mark: Mark, epoch: Epoch | None) -> str | None:
        """The value's pseudonym as a placeholder."""
        assert epoch is not None, "epoch() comes first"
        return placeholder(mark.class_, epoch.pseudonym(mark.class_, mark.value))


@dataclass(frozen=True)
class GeneralizePart(Part):
    """Puts coarser values."""

    generaliser: Generaliser

    def form(self, class_: str) -> Form | None:
        """Generalised, for the classes that it was told how to coarsen."""
        return "generalised" if self.generaliser.claims(class_) else None

    def act(self, mark: Mark, epoch: Epoch | None) -> str | None:
        """The coarser value; a placeholder where there is none."""
        coarse = self.generaliser.coarse(mark.class_, mark.value)
        return placeholder(mark.class_) if coarse is None else coarse


def claims(selectors: Sequence[str], class_: str) -> bool:
    """Whether class selectors cover a class. A secret must be named: `*` does not reach it."""
    secret = class_.startswith("secret.")
    return any(
        matches(class_, selector) and not (secret and selector in ("*", "**"))
        for selector in selectors
    )


def default_parts() -> tuple[Part, ...]:
    """The policy of a chain that nobody configured: redaction with the balanced profile."""
    return (RedactPart(),)


def form_of(parts: Iterable[Part], class_: str) -> Form:
    """The form in which a chain lets a class out: the first part that claims it decides."""
    return next((form for part in parts if (form := part.form(class_)) is not None), "clear")


def raised_classes(parts: Sequence[Part], base: Sequence[Part]) -> list[tuple[str, Form, Form]]:
    """The classes that `parts`, a destination's own chain, would raise above what `base` made.

    Each with the form that `base` leaves and the one that `parts` asks for. A class that `parts`
    does not claim stays as it is, so it is not raised.
    """
    raised = []
    for class_ in CLASSES:
        if all(part.form(class_) is None for part in parts):
            continue
        before, after = form_of(base, class_), form_of(parts, class_)
        if FORMS.index(after) < FORMS.index(before):
            raised.append((class_, before, after))
    return raised
