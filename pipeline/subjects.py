"""Which documents of a payload the policy must see, and what it found in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..policy.plan import Findings, Plan, Subject, Touched
from .payloads.document import CONTEXT_TYPES, Document, Payload

# Contexts with more values, each of which would be looked for, are read with all that is below.
_MOST_COPIED = 64


class Subjects:
    """Documents, as the policy sees them. Parents stand before what belongs to them."""

    def __init__(
        self, documents: Iterable[Document], only: Mapping[Document, Touched] | None = None
    ) -> None:
        self._only = only or {}
        self.documents: list[Document] = []
        self.all: list[Subject] = []
        seen: dict[int, Subject] = {}
        for document in documents:
            if document.lost is None:
                self._add(document, seen)

    def _add(self, document: Document, seen: dict[int, Subject]) -> None:
        parents = tuple(seen[id(parent)] for parent in document.parents if id(parent) in seen)
        subject = seen[id(document)] = Subject(
            document.type,
            None,
            parents,
            raw=document.raw_json,
            load=lambda: document.tree,
            only=self._only.get(document),
        )
        self.documents.append(document)
        self.all.append(subject)


@dataclass(frozen=True, slots=True)
class Detected:
    """Documents, and what was found in each, or why it could not be judged."""

    documents: Sequence[Document] = ()
    results: Sequence[Findings | Exception] = ()
    rest_is_clean: bool = False  # nothing can be in what is not among them

    @property
    def has_values(self) -> bool:
        """Whether anything was found that other documents are searched for."""
        return any(isinstance(result, Findings) and result.values for result in self.results)


def detect(plan: Plan, payload: Payload) -> Detected:
    """Judge a payload. Of one that is kept as bytes, what nothing was found in is left out.

    Raises what the engine raises: then nothing is known of any document.
    """
    buffer = payload.buffer
    suspicious = None if buffer is None else plan.suspicious(buffer)
    offsets = suspicious and payload.sift(*suspicious, plan.is_clean_part)
    while buffer is not None and suspicious is not None and offsets is not None:
        if not offsets:
            return Detected(rest_is_clean=True)
        found = judge(plan, _with_parents(payload.at(offsets)))
        more = _of_contexts(plan, buffer, found)
        if more is None:
            break
        if more:  # they may also stand where nothing else is, in another form
            more.update(suspicious.ends)
        if more.issubset(offsets):
            return replace(found, rest_is_clean=True)
        offsets = sorted(more.union(offsets))
    return judge(plan, (*payload.contexts, *payload.documents))


def judge(
    plan: Plan,
    documents: Iterable[Document],
    only: Mapping[Document, Touched] | None = None,
) -> Detected:
    """Judge these documents as if they had come alone; of some, `only` these places in them."""
    subjects = Subjects(documents, only)
    return Detected(subjects.documents, plan.detect(subjects.all))


def _with_parents(documents: Iterable[Document]) -> list[Document]:
    """Each once, behind those that it belongs to: these are searched for its values."""
    found: dict[Document, None] = {}
    for document in documents:
        for parent in reversed(document.parents):
            found[parent] = None
        found[document] = None
    return list(found)


def _of_contexts(plan: Plan, buffer: bytes, found: Detected) -> set[int] | None:
    """Where what was found in contexts stands once more: all records below are searched for it.

    None: that cannot be told.
    """
    values = {
        value
        for document, result in zip(found.documents, found.results, strict=True)
        if isinstance(result, Findings) and document.type in CONTEXT_TYPES
        for value in result.values
    }
    if not values:
        return set()
    if len(values) > _MOST_COPIED:
        return None
    offsets = plan.copies(buffer, values)
    return None if offsets is None else set(offsets)
