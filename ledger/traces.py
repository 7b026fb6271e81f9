"""What was found in a document, as the account keeps it: how often, and fingerprints of values.

Values are normalised as for pseudonyms. Without a key there are no fingerprints.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..pipeline.payloads.document import Trace
from ..policy.keyring.pseudonyms import normalised
from ..policy.plan import Found
from .fingerprints import VALUES, Fingerprints
from .search.variants import parts


class Tracer:
    """Makes traces. Safe from every thread."""

    def __init__(self, key: str | None) -> None:
        """`key` is `ledger.key`; None: values are not told apart."""
        self._made = Fingerprints(key, VALUES) if key else None

    def traces(
        self, found: Sequence[Found], before: tuple[Trace, ...], again: bool
    ) -> tuple[Trace, ...]:
        """Of what one chain found, on top of what an earlier one noted of the same document.

        `again` says that an earlier chain had acted on it, even if its notes are not here. What
        it acted on is found again as what it left there; only a form that is stricter now says
        anything new. What it left in clear, this one finds again itself.
        """
        new: dict[tuple[str, str, str], tuple[int, set[int], set[int]]] = {}
        stricter: dict[tuple[str, str], str] = {}
        for each in found:
            form = f"{each.form}:{each.epoch}" if each.epoch else each.form
            if again and each.before != "clear":
                stricter[each.class_, each.before] = form
                continue
            line = (each.class_, form, each.detector)
            count, values, within = new.get(line) or (0, set(), set())
            if each.before == "clear" and self._made is not None and each.value:
                inner = [part for part in parts(each.class_, each.value) if part]
                texts = (normalised(each.class_, text) for text in (each.value, *inner))
                value, *others = self._made.of_values(texts)
                values.add(value)
                within.update(others)
            new[line] = count + 1, values, within
        seen = {class_ for class_, _, _ in new}
        kept = [
            trace._replace(form=_as_now(trace, stricter))
            for trace in before
            if trace.form != "clear" or trace.class_ not in seen
        ]
        made = (
            Trace(*line, count, frozenset(values), frozenset(within - values))
            for line, (count, values, within) in new.items()
        )
        return (*kept, *made)


def _as_now(trace: Trace, stricter: dict[tuple[str, str], str]) -> str:
    form = trace.form.partition(":")[0]
    now = stricter.get((trace.class_, form), form)
    return trace.form if now == form else now
