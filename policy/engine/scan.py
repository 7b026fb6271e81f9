"""The fast walk: one pass over the decoded document, and only what the gate reports is judged.

It finds what `policy.scan` finds, on every document; a property test holds it to that. It shares
with the walk how one value is judged, not how values are chosen.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..copies import Sought
from ..detection import Detection
from ..fields import Field, Fields
from ..findings import Tree
from ..hiding import may_hide
from ..judging import Site, Work
from ..scan import Scan, Touched, without_surrogates
from .finder import GatedFinder
from .gate import Gate
from .leaves import Leaf, Leaves
from .meanings import Meanings
from .names import HELD, NUMBERS, WORDS
from .texts import Texts, joined, starts_of
from .verdicts import Digest, Verdict, Verdicts

_MAY_HOLD_DATA = re.compile(r"['\"=<\n\\%&]|[A-Za-z0-9+/_-]{16}")


@dataclass(frozen=True, slots=True)
class Tools:
    """What the documents under one policy are looked at with."""

    detection: Detection
    gate: Gate
    meanings: Meanings
    texts: Texts
    verdicts: Verdicts


class FastScan(Scan):
    """One document, judged where the gate reports something."""

    def __init__(self, tools: Tools, type_: str, tree: Tree, only: Touched | None = None) -> None:
        """As `Scan`; of some, `only` these places are judged. Also raises PolicyLimit."""
        self._finder = GatedFinder(tools.detection, tools.gate, tools.texts)
        super().__init__(tools.detection, type_, tree, self._finder)
        self._tools = tools
        self._gate = tools.gate
        self._leaves: list[Leaf] = []
        self.texts: list[str] = []  # of the leaves, in their order
        self._told: list[int] = []
        self.wanted: Sequence[int] | None = None  # what `Texts.wanted` says of them, once known
        self._judged: dict[int, Site | None] = {}
        # As in other documents, but copies may stand in what they decode to; and what that was
        # counted as.
        self._undecoded: dict[int, Work] = {}
        # By digest: frames show the same headers, arguments and objects again and again.
        self._alike: dict[Digest, tuple[Site, Work]] = {}
        # Selectors name fields: each has to be asked for.
        self._is_gathered = not tools.detection.trails and isinstance(tree, (dict, list))
        if self._is_gathered and self._place is not None:
            gathered = Leaves(tools.detection, tools.meanings, has_meta=self._has_meta)
            gathered.gather(tree, self._place, only)
            self._leaves, self.texts, self._told = gathered.leaves, gathered.texts, gathered.told

    def _look(self, place: Field | Fields) -> None:
        if not self._is_gathered:
            super()._look(place)
            return
        for number, bits in enumerate(self._wanted()):
            if bits:
                bits = self._without_quotes(number, bits)
            if bits:
                self._judge_leaf(number, bits)

    def _without_quotes(self, number: int, bits: int) -> int:
        """What is left to be run on a text that has no quotes."""
        text, field = self.texts[number], self._leaves[number][5]
        if "'" in text or '"' in text:
            return bits
        if field is not None and field.kind == "source" and "`" not in text:
            bits &= ~WORDS  # what they say counts in literals only
        # A number alone tells something only inside data.
        return 0 if bits == NUMBERS else bits

    # -- judging -------------------------------------------------------------------------

    def _wanted(self) -> list[int]:
        """For each leaf what has to be run on it; 0: nothing."""
        known, told = self.wanted, self._told
        wanted = self._tools.texts.wanted(self.texts) if known is None else list(known)
        judge = self._gate.judge
        if self._detection.every_text:
            told = list(range(len(wanted)))
        for number in told:
            wanted[number] |= judge
        if self._detection.own_keys:  # what they name may stand in any data inside a text
            for number, text in enumerate(self.texts):
                if _MAY_HOLD_DATA.search(text) is not None:
                    wanted[number] |= judge
        return wanted

    def _judge_leaf(self, number: int, bits: int) -> Site | None:
        """Judge one leaf as the walk does; its site, if it has one and anything may be there."""
        value, path, key, context, class_, field = self._leaves[number]
        digest = None
        if isinstance(value, str) and not bits & HELD and not self._finder.complete:
            digest = self._tools.verdicts.digest(self.texts[number], context, class_, field)
            if digest in self._alike:
                return self._again(number, digest)
            known = self._tools.verdicts.of(digest)
            if known is not None:
                return self._as_before(number, known)
        judge = self._judge
        before, unread, work = len(self.sites), len(judge.unread), judge.work
        self._finder.expect(self.texts[number], bits)
        if field is None:
            self._key_site(str(key), (*path, key))
        else:
            self._leaf(value, (*path, key), context, class_, field, None)
        site = self.sites[-1] if len(self.sites) > before else None
        self._judged[number] = site
        if digest is not None and len(judge.unread) == unread:
            took = judge.work.since(work)
            self._tools.verdicts.remember(digest, took, site)
            if site and site.marks:
                self._alike[digest] = site, took
        return site

    def _as_before(self, number: int, known: Verdict) -> Site | None:
        """The same as was found in another document, or as was not."""
        self._judge.count(known.work)
        if known.work.views:
            self._undecoded[number] = known.work
        if not known.found:
            return None
        _, path, key, _, _, field = self._leaves[number]
        site = known.site(self.texts[number], (*path, key), is_key=field is None)
        self.sites.append(site)
        self._judged[number] = site
        return site

    def _again(self, number: int, digest: Digest) -> Site:
        """The same as was found in another leaf that is like this one."""
        _, path, key, *_ = self._leaves[number]
        like, took = self._alike[digest]
        self._judge.count(took)
        site = Site(
            (*path, key), like.view, like.field, like.is_key, like.whole, [*like.marks], like.views
        )
        self.sites.append(site)
        self._judged[number] = site
        return site

    def mark_copies(self, sought: Sought) -> None:
        """See `Scan.mark_copies`. Texts that hold one and were not judged are judged now."""
        if not sought:
            return
        if not self.texts:
            super().mark_copies(sought)
            return
        # A copy stands in the views there are. A number's quotes need others: it has a trigger.
        sought.mark(self.sites)
        again = {
            n
            for n in self._undecoded
            if may_hide(without_surrogates(self.texts[n]), sought.characters)
        }
        again.update(self._holding(sought))
        replaced = {id(self._judged[number]) for number in again if number in self._judged}
        self.sites = [site for site in self.sites if id(site) not in replaced]
        self._finder.complete = True
        for number in sorted(again):
            if number in self._undecoded:
                self._judge.take_back(self._undecoded[number])
            bits = self._tools.texts.of(self.texts[number]) | self._gate.judge
            site = self._judge_leaf(number, bits)
            if site is not None:
                sought.mark([site])

    def _holding(self, sought: Sought) -> Iterator[int]:
        """The leaves without a site in whose own text one of the values stands."""
        texts = self.texts.copy()
        for number, site in self._judged.items():
            if site is not None:
                texts[number] = ""
        starts = starts_of(map(len, texts))
        return (bisect_right(starts, at) - 1 for at in sought.starts(joined(texts)))
