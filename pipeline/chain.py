"""The processors of a pipeline as one chain: judges before the scrub, the plan, judges after it.

`redact`, `hash` and `generalize` are parts of one plan, which stands where the first of them
stands. Documents are scanned once; what was found is rendered once per distinct effective policy.
Everything here is synchronous and does no I/O.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..policy.forks import whole
from ..policy.plan import (
    Explained,
    Findings,
    Found,
    Part,
    Plan,
    PolicyLimit,
    Rendered,
    Subject,
    Touched,
    Unsupported,
)
from .component import Planter, Processor
from .counters import Counters
from .errors import BrokenDocument, Drop, DropReason
from .loss_log import LossLog
from .payloads.document import Document, DocumentType, Loss, Payload, Trace
from .subjects import Detected, detect, judge

_log = logging.getLogger("errlock.chain")

# Notes what was found in a document, on top of what an earlier chain noted; the last argument says
# whether one had acted on it.
TraceMaker = Callable[[Sequence[Found], tuple[Trace, ...], bool], tuple[Trace, ...]]

# How often a changed payload is looked at again; see Chain._settle.
_MOST_ROUNDS = 4

# Reasons that mean "nobody could judge it": the sender is told that these were refused.
REFUSALS: frozenset[DropReason] = frozenset(
    {"broken", "limit", "processor_failed", "unsupported", "parent"}
)


@dataclass(frozen=True, slots=True)
class Step:
    """A processor or a part of a plan, with the id it has in the configuration."""

    id: str
    does: Processor | Part


@dataclass(slots=True)
class Scanned:
    """A copy of a payload after detection: what was found in each of its documents, by identity."""

    payload: Payload
    findings: dict[int, Findings] = field(default_factory=dict)
    rest_is_clean: bool = False  # documents without findings were judged, too


class Chain:
    """A sequence of steps, compiled. Thread-safe as long as its processors are."""

    def __init__(
        self,
        steps: Sequence[Step],
        counters: Counters,
        name: str,
        scope: str = "",
        trace: TraceMaker | None = None,
    ) -> None:
        """Compile. `name` is the pipeline's, for counters; `scope` as in `Plan`."""
        first = next((i for i, step in enumerate(steps) if isinstance(step.does, Part)), len(steps))
        parts = [step for step in steps if isinstance(step.does, Part)]
        judges = [(i, step) for i, step in enumerate(steps) if isinstance(step.does, Processor)]
        self._before = [step for i, step in judges if i < first]
        self._after = [step for i, step in judges if i > first]
        self.parts = [step.does for step in parts if isinstance(step.does, Part)]
        self.planters = [part for part in self.parts if isinstance(part, Planter)]
        self._returned: set[tuple[str, str]] = set()  # whose decoys were told to have come back
        self._part_ids = [step.id for step in parts]
        self._scrub_id = "+".join(self._part_ids)
        self._plan = Plan(self.parts, scope) if self.parts else None
        self._steps = steps
        self._counters = counters
        self._name = name
        self._scope = scope
        self._trace = trace
        self._records = LossLog(_log)

    @property
    def judges(self) -> bool:
        """Whether it looks for anything sensitive."""
        return self._plan is not None

    def prepare(self) -> None:
        """See `Plan.prepare`."""
        if self._plan is not None:
            self._plan.prepare()

    def plan(self, scope: str) -> Plan | None:
        """This chain's plan for a destination: pseudonyms differ from scope to scope."""
        return Plan(self.parts, scope) if self.parts else None

    def keep_traces(self, trace: TraceMaker) -> None:
        """From now on note what is found, for an account."""
        self._trace = trace

    def without_once(self) -> Chain:
        """The same chain for what passed one like it before: nothing is sampled twice."""
        steps = [step for step in self._steps if not getattr(step.does, "once", False)]
        if len(steps) == len(self._steps):
            return self
        return Chain(steps, self._counters, self._name, self._scope, self._trace)

    def scan(self, payload: Payload) -> Scanned:
        """Judge before the scrub and find what is sensitive, for every destination at once.

        The payload is left as it is.
        """
        scanned = Scanned(payload.copy())
        with whole:
            self._judge(scanned.payload, self._before)
            if self._plan is not None:
                self._detect(self._plan, scanned)
        return scanned

    def render(self, scanned: Scanned, plan: Plan | None) -> Payload:
        """What one destination gets: a copy with the plan's actions applied, judged after it."""
        payload = scanned.payload.copy()
        with whole:
            if plan is not None:
                self._settle(plan, payload, self._render(plan, payload, scanned))
            self._judge(payload, self._after)
        return payload

    def run(self, payload: Payload, plan: Plan | None = None) -> Payload:
        """Scan and render for one destination (the library, a destination's own chain)."""
        return self.render(self.scan(payload), plan if plan is not None else self._plan)

    def explain(self, scanned: Scanned) -> list[tuple[Document, list[tuple[Explained, str]]]]:
        """Each document with what was found in it and the id of the step that acts on it."""
        documents = (*scanned.payload.contexts, *scanned.payload.documents)
        with whole:
            return [(document, self._explain(scanned, document)) for document in documents]

    def _explain(self, scanned: Scanned, document: Document) -> list[tuple[Explained, str]]:
        findings = scanned.findings.get(id(document))
        if findings is None or self._plan is None:
            return []
        return [
            (each, "" if each.part is None else self._part_ids[each.part])
            for each in self._plan.explain(findings)
        ]

    def passes(self, type_: DocumentType, raw: bytes) -> bool:
        """Whether a document goes out as the bytes it came in as: they are strict JSON and clean.

        Asked before anything is made of the bytes. False says nothing.
        """
        if self._before or self._after or self._plan is None:
            return False
        with whole:
            return self._plan.is_clean(type_, raw)

    def _detect(self, plan: Plan, scanned: Scanned) -> None:
        payload = scanned.payload
        try:
            self._take(detect(plan, payload), scanned)
        except Exception as failure:  # noqa: BLE001  fail closed: what nobody judged stays here
            for document in (*payload.contexts, *payload.documents):
                if document.lost is None:
                    self._refuse(document, failure, self._scrub_id)

    def _take(self, detected: Detected, scanned: Scanned) -> None:
        """Note what was found, and drop what could not be judged."""
        scanned.rest_is_clean = detected.rest_is_clean
        for document, result in zip(detected.documents, detected.results, strict=True):
            if isinstance(result, Findings):
                scanned.findings[id(document)] = result
                if result.unread:
                    document.trust_raw()
            else:
                self._refuse(document, result, self._scrub_id)

    def _settle(self, plan: Plan, payload: Payload, changed: Mapping[Document, Touched]) -> None:
        """Sanitise what was changed until it stays as it is: running a chain twice changes nothing.

        What stands beside a placeholder may read differently than beside the value (a bracket
        ends, a key begins). Ordinary documents are settled at once; all that were seen, in two.
        """
        for _ in range(_MOST_ROUNDS):
            if not changed:
                return
            again = Scanned(payload)
            self._detect_again(plan, again, changed)
            changed = self._render(plan, payload, again, count=False)

    def _detect_again(
        self, plan: Plan, again: Scanned, changed: Mapping[Document, Touched]
    ) -> None:
        """Look at new texts; at everything, when these have what the rest is searched for."""
        try:
            detected = judge(plan, changed, changed)
        except Exception as failure:  # noqa: BLE001  fail closed
            again.rest_is_clean = True
            for document in changed:
                self._refuse(document, failure, self._scrub_id)
            return
        if detected.has_values:
            self._detect(plan, again)
        else:
            self._take(replace(detected, rest_is_clean=True), again)

    def _render(
        self, plan: Plan, payload: Payload, scanned: Scanned, *, count: bool = True
    ) -> dict[Document, Touched]:
        """Put the plan's actions into a payload. Returns what that changed, and where."""
        changed = {}
        for original, document in zip(scanned.payload.made, payload.made, strict=True):
            findings = scanned.findings.get(id(original))
            if findings is not None and count:
                document.unjudged = findings.unjudged
            if findings is None:
                if document.lost is None and not scanned.rest_is_clean:
                    self._drop(document, "processor_failed", self._scrub_id)
                continue
            if findings.unread:
                continue
            try:
                rendered = plan.render(Subject(document.type, document.tree), findings)
                if rendered.tree is not document.tree:
                    if rendered.tree != document.tree:
                        changed[document] = rendered.touched
                    document.tree = rendered.tree
            except Exception as failure:  # noqa: BLE001  fail closed
                self._refuse(document, failure, self._scrub_id)
                continue
            if count:
                self._count(rendered)
                if self.planters and rendered.found:
                    self._recognise(document, rendered.found)
                if self._trace is not None and rendered.found:
                    again = bool(document.traces or payload.manifest)
                    document.traces = self._trace(rendered.found, document.traces, again)
        return changed

    def _refuse(self, document: Document, failure: Exception, by: str) -> None:
        """Drop what `by` could not judge."""
        if not isinstance(failure, (PolicyLimit, Unsupported, BrokenDocument)):
            # The kind only: the text of an exception may quote what was being judged.
            _log.error("processor %s failed with %s", by, type(failure).__name__)
        self._drop(document, self._reason(failure), by)

    def _count(self, rendered: Rendered) -> None:
        for (class_, form), amount in Counter(each[:2] for each in rendered.found).items():
            self._counters.add(
                "findings", amount, pipeline=self._name, **{"class": class_, "form": form}
            )

    def _recognise(self, document: Document, found: Iterable[Found]) -> None:
        """Tell when what was planted with a destination comes in: once for all copies of it."""
        secrets = {each.value for each in found if each.class_.startswith("secret.")}
        for planter in self.planters:
            for whose in {whose for value in secrets for whose in planter.returned(value)}:
                destination, week = whose
                decision = f"{self._scrub_id}: {destination} {week}"
                if decision in document.decisions:
                    continue
                document.decisions[decision] = "returned"
                self._counters.add("decoys_returned", pipeline=self._name, exporter=destination)
                if whose not in self._returned:
                    self._returned.add(whose)
                    _log.warning(
                        "a decoy planted with %s%s came in: what it was sent was read by others",
                        destination, f" in {week}" if week else "",
                    )  # fmt: skip

    def _judge(self, payload: Payload, steps: Iterable[Step]) -> None:
        for step in steps:
            assert isinstance(step.does, Processor)
            shown = payload.documents
            if step.does.contexts:
                shown = [*payload.contexts, *payload.documents]
            for document in shown:
                if document.lost is None:
                    self._judge_one(document, step.does, step.id)

    def _judge_one(self, document: Document, processor: Processor, by: str) -> None:
        whole.pause()
        try:
            processor.process(document)
        except Drop as drop:
            self._drop(document, drop.reason, by)
        except Exception as failure:  # noqa: BLE001  fail closed
            self._refuse(document, failure, by)

    def _drop(self, document: Document, reason: DropReason, by: str) -> None:
        document.dropped, document.dropped_by = reason, by
        self._counters.add(
            "processor_dropped",
            pipeline=self._name,
            processor=by,
            type=document.type,
            reason=reason,
        )
        if reason in REFUSALS:
            self._records.add(Loss(document.type, reason, document.size, by, _digest(document)))

    @staticmethod
    def _reason(failure: object) -> DropReason:
        if isinstance(failure, PolicyLimit):
            return "limit"
        if isinstance(failure, Unsupported):
            return "unsupported"
        if isinstance(failure, BrokenDocument):
            return "broken"
        return "processor_failed"


def _digest(document: Document) -> str:
    try:
        return document.digest()
    except BrokenDocument:
        return ""


def refused(payload: Payload) -> Mapping[tuple[DocumentType, DropReason], int]:
    """How many documents of a payload could not be judged, by type and reason."""
    counts: Counter[tuple[DocumentType, DropReason]] = Counter()
    if payload.count == payload.count_alive:
        return counts  # nobody has to make documents to know
    for document in payload.documents:
        reason = document.lost
        if reason is not None and reason in REFUSALS:
            counts[document.type, reason] += 1
    return counts
