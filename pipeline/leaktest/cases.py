"""Which combinations of kind, slot and encoding are promised, and which of them a run takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ...policy.classes import CLASSES, matches, severity
from . import otlp_documents, sentry_documents
from .encodings import ENCODINGS, Encoding
from .kinds import Kind
from .personal_kinds import personal_kinds
from .secret_kinds import secret_kinds
from .slots import Slot

# What `balanced` lets pass by design (docs/policy.md): only tested when asked for.
UNASKED = ("pii.user_id",)
_IN_NAMES = ("secret.", "pii.email")
_VENDORS_EACH = 3  # formats of the catalogue that take a turn at each slot and encoding


@dataclass(frozen=True, slots=True)
class Case:
    """One canary in one place in one writing."""

    kind: Kind
    slot: Slot
    encoding: Encoding

    @property
    def coordinates(self) -> tuple[str, str, str]:
        """Kind, slot and encoding by name."""
        return self.kind.name, self.slot.id, self.encoding.name


def all_kinds() -> list[Kind]:
    """Every kind of canary, the worst to lose first."""
    return sorted([*secret_kinds(), *personal_kinds()], key=lambda k: severity(k.class_)[0])


def all_slots() -> list[Slot]:
    """Every slot of both protocols."""
    return [*sentry_documents.slots(), *otlp_documents.slots()]


def untested_classes() -> dict[str, str]:
    """Classes without canaries, each with its reason."""
    return {
        "secret.known_value": "only your policy knows these values",
        **{name: "known by its field alone, no value of it can be made up"
           for name in CLASSES if name.startswith("code.")},
    }  # fmt: skip


def chosen_kinds(selectors: Sequence[str]) -> list[Kind]:
    """The kinds under some classes; without selectors all that `balanced` claims."""
    if not selectors:
        return [kind for kind in all_kinds() if kind.class_ not in UNASKED]
    return [k for k in all_kinds() if any(matches(k.class_, each) for each in selectors)]


def unpromised(kind: Kind, slot: Slot, encoding: Encoding) -> str | None:
    """Why nobody can be asked to find the kind there, written so; None when it is promised."""
    if not slot.takes(encoding):
        return "the slot has no names"
    if kind.lines and encoding.one_line:
        return "the encoding holds one line"
    if kind.header and not encoding.header:
        return "a header's value stands in headers"
    if encoding.name == "field number" and not kind.digits:
        return "it is no number"
    if encoding.need == "password" and not _fits_a_password(kind):
        return "no password"
    if slot.reads != "all" and not (kind.shape and encoding.need == "statement"):
        return "code: only what has a shape of its own can be told from it"
    if slot.reads == "names" and not kind.class_.startswith(_IN_NAMES):
        return "a name: only secrets and e-mail addresses can be told from it"
    if encoding.need in ("pair", "structure") and not kind.keys:
        return "no key tells what it is"
    if encoding.need == "name" and not (kind.shape or kind.phrases):
        return "nothing but its key tells what it is"
    return None


def _fits_a_password(kind: Kind) -> bool:
    return kind.name in ("secret.password", "secret.token", "secret.api_key")


def promised(kinds: Sequence[Kind], slots: Sequence[Slot], *, quick: bool) -> Iterator[Case]:
    """The cases of a run.

    Without `quick`: every kind in every slot in every encoding; the formats of vendors take turns,
    a few at each slot and encoding. With `quick` every pair (kind, slot) and (slot, encoding), and
    each kind in every encoding.
    """
    vendors = [
        kind for kind in kinds if kind.name.endswith(")") and kind.class_.startswith("secret.")
    ]
    own = [kind for kind in kinds if kind not in vendors]
    yield from (_pairwise if quick else _product)(own, slots)
    yield from _in_turn(vendors, slots, 1 if quick else _VENDORS_EACH)


def _product(kinds: Sequence[Kind], slots: Sequence[Slot]) -> Iterator[Case]:
    for kind in kinds:
        for slot in slots:
            yield from _allowed(kind, slot, ENCODINGS)


def _allowed(kind: Kind, slot: Slot, encodings: Collection[Encoding]) -> Iterator[Case]:
    for encoding in encodings:
        if unpromised(kind, slot, encoding) is None:
            yield Case(kind, slot, encoding)


def _pairwise(kinds: Sequence[Kind], slots: Sequence[Slot]) -> Iterator[Case]:
    for i, kind in enumerate(kinds):
        for j, slot in enumerate(slots):
            cases = list(_allowed(kind, slot, ENCODINGS))
            if cases:
                yield cases[(i + j) % len(cases)]


def _in_turn(kinds: Sequence[Kind], slots: Sequence[Slot], each: int) -> Iterator[Case]:
    """The next few kinds at each slot and encoding; then every kind at least everywhere once."""
    if not kinds:
        return
    turn = 0
    for slot in slots:
        for encoding in ENCODINGS:
            for _ in range(min(each, len(kinds))):
                kind = kinds[turn % len(kinds)]
                turn += 1
                yield from _allowed(kind, slot, (encoding,))
