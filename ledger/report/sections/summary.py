"""The first page: the questions that come first, answered from the model in a minute's reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ....policy.classes import ROOTS
from ....policy.findings import FORMS
from ..counted import ClassRow, Inventory, PseudonymKey, Secret, Subjects, Withheld
from ..model import Answer, Clock, Report, Unknown
from ..tallies import total
from ..wording import (
    agreeing,
    controls,
    count,
    documents,
    duration,
    estimate,
    form,
    known,
    listed,
    moment,
    noun,
    plural,
    root,
    several,
    size,
)
from .inventories import to_replace

_MOST_KINDS = 5
_MOST_UNKNOWN = 5
_AGAIN = ("gap", "no collector")
_UNTOLD = {
    "not_kept": "no needles are kept of such values",
    "no_value": "your inventory has a reference, a mask or ciphertext in place of the value",
}
_STANDING = ("detection", "bypass", "partial")


def summary(report: Report) -> list[Answer]:
    """Question by question, from all other sections."""
    answers = (
        ("What did they get?", [*_what(report), *_code(report)]),
        ("About whom?", _whom(report.subjects)),
        ("In which form?", _forms(report.classes)),
        ("Which secrets must be replaced first?", _secrets(report)),
        ("Since when, until when?", _when(report.clock)),
        ("What was kept from them?", _withheld(report.withheld)),
        ("What do we not know?", _unknown(report)),
        ("What is to be done next?", _next(report)),
    )
    return [Answer(ask=ask, say=say) for ask, say in answers]


def _what(report: Report) -> list[str]:
    volume, classes = report.volume, report.classes
    if not volume.documents.at_most:
        return [f"Nothing that this record knows of{', and it has gaps' if report.lacks else ''}."]
    types = [documents(each.documents, each.names[0]) for each in volume.by_type]
    number = known(volume.documents, report.lacks).capitalize()
    of_what = agreeing(volume.documents, "document")
    said = [f"{number} {of_what}, {size(volume.bytes)}: {listed(types)}."]
    for name in ROOTS:
        rows = [r for r in classes if r.form == "clear" and r.class_.partition(".")[0] == name]
        rows.sort(key=lambda each: -each.occurrences.at_most)
        if rows:
            parts = [f"{noun(each.class_)} {count(each.occurrences)}×" for each in rows]
            said.append(f"{root(name).capitalize()} in clear: {listed(parts)}.")
    if len(said) == 1:
        said.append("Nothing in clear that a detector knows.")
    if report.lacks:
        said.append(
            "The record has gaps in which more may have left: all numbers are of what it has."
        )
    return said


def _code(report: Report) -> Iterator[str]:
    """What they learnt of the code, in a sentence."""
    parts = [plural(each.names, _CODE.get(each.kind, each.kind)) for each in report.code.kinds]
    if parts:
        yield f"Of the code behind them: {listed(parts, 8)} (section H)."


_CODE = {
    "file": "source file", "sql": "SQL statement", "exception": "exception type",
}  # fmt: skip


def _whom(subjects: Subjects) -> list[str]:
    if subjects.about is None:
        return ["People were not told apart: no key was set (service.ledger.key)."]
    if not subjects.about.at_most:
        return ["No document named a person in a way that a detector knows."]
    said = [f"People that the documents are about: {estimate(subjects.about)}."]
    if len({row.class_ for row in subjects.by_class}) > 1:
        said.append("Who is known by a user id here and by an e-mail address there counts twice.")
    clear = subjects.identifiable
    if clear is not None and clear.at_most:
        bounds = f"between {clear.at_least:,} and {clear.at_most:,}"
        if clear.at_least == clear.at_most:
            bounds = f"{clear.at_most:,}"
        said.append(f"Identifiable by a value that left in clear: {bounds}.")
    elif clear is not None:
        said.append("None of them by a value that left in clear.")
    return said


def _forms(classes: Iterable[ClassRow]) -> list[str]:
    rows = list(classes)
    said = []
    for name in ("secret", "financial", "pii", "custom"):
        parts = []
        for each in FORMS:
            number = total(
                r.occurrences for r in rows if r.form == each and r.class_.startswith(f"{name}.")
            )
            if number.at_most:
                parts.append(f"{count(number)} {form(each)}")
        if parts:
            said.append(f"{root(name).capitalize()}: {listed(parts)}.")
    return said or ["Nothing was found in them."]


def _secrets(report: Report) -> list[str]:
    held = [*_of_inventory(report.inventory)]
    if held and not report.secrets:
        return [*held, "Detectors saw no secret leave in clear."]
    return [*held, *_by_class(report.secrets)]


def _of_inventory(inventory: Inventory | None) -> Iterator[str]:
    if inventory is None:
        return
    names: dict[str, list[str]] = {}
    for row in inventory.rows:
        by_verdict = row.group in ("rotate", "unknown")
        names.setdefault(row.verdict if by_verdict else row.group, []).append(row.name)
    sent = list(dict.fromkeys(names.get("sent", ())))
    perhaps = [name for name in dict.fromkeys(names.get("maybe", ())) if name not in sent]
    of = f"Of your inventory of {inventory.values:,}"
    if sent:
        yield f"{of}: {listed(sent, 8)} left in clear."
    if perhaps:
        yield f"{of}: {listed(perhaps, 8)} may have left in clear."
    if not sent and not perhaps:
        yield f"{of} none is known to have left in clear."
    if unseen := set(names.get("not_seen", ())) - {*sent, *perhaps}:
        why = "no detector claimed it, so it may have left all the same"
        yield f"Not known ({why}): {listed(sorted(unseen), 5)}."
    for verdict, why in _UNTOLD.items():
        if untold := list(dict.fromkeys(names.get(verdict, ()))):
            yield f"Cannot be told, since {why}: {listed(untold, 5)}."
    if gaps := [gap for gap in inventory.gaps if gap.documents != 0]:
        yield f"Of some of the time nothing can be said ({plural(len(gaps), 'gap')}: section G)."


def _by_class(secrets: Sequence[Secret]) -> list[str]:
    if not secrets:
        return ["Detectors saw none leave in clear. What none of them knows may have left."]
    kinds: dict[str, list[Secret]] = {}
    for each in secrets:
        kinds.setdefault(each.class_, []).append(each)
    said = []
    for class_, places in list(kinds.items())[:_MOST_KINDS]:
        number = count(total(each.occurrences for each in places))
        last = max((each.last for each in places if each.last is not None), default=None)
        names = list(dict.fromkeys(f"{each.service} ({each.environment})" for each in places))
        said.append(
            f"{noun(class_)}, {number}×, last on {moment(last)}: {listed(names, 5)}; "
            f"{places[0].why}."
        )
    more = len(kinds) - _MOST_KINDS
    return said + ([f"And {plural(more, 'more kind')}: section G."] if more > 0 else [])


def _when(clock: Clock) -> list[str]:
    if clock.first_delivery is None:
        said = ["No delivery is known to lie in the window."]
    else:
        said = [f"First {moment(clock.first_delivery)}, last {moment(clock.last_delivery)}."]
    if clock.contained_at is None:
        said.append("Not contained: documents may still be sent there.")
    else:
        said.append(f"Contained since {moment(clock.contained_at)}, by {clock.contained_by}.")
        after = clock.after_containment
        if after is not None and after.at_most:
            said.append(f"Delivered after that: {several(after, 'document')}.")
        elif after is not None:
            said.append("No document was delivered after that.")
    return said


def _withheld(withheld: Withheld) -> list[str]:
    if not withheld.occurrences.at_most:
        return ["Nothing was found that had to be."]
    said = [f"Removed, masked, generalised or hashed: {several(withheld.occurrences, 'value')}."]
    if withheld.share is not None:
        said[0] = (
            f"{several(withheld.occurrences, 'value')} of secrets, financial and personal data, "
            f"{withheld.share:.1%} of all that was found, did not leave in clear."
        )
    said += [
        f"The key of pseudonyms {key.epoch} {_whose(key)}was destroyed on "
        f"{moment(key.destroyed_at)}: without a copy of the keyring from before, nobody can tell "
        "what they stand for there."
        for key in withheld.pseudonym_keys
        if key.destroyed_at is not None
    ]
    said += [
        f"The key of pseudonyms {key.epoch} {_whose(key)}was destroyed, but record "
        f"{listed([str(each) for each in key.left_in])} does not tell so: who has the key there "
        "can still tell what they stand for."
        for key in withheld.pseudonym_keys
        if key.left_in
    ]
    for off in withheld.controls_off:
        until = moment(off.until, "now")
        said.append(
            f"Off from {moment(off.since)} to {until}: {controls(off.controls)}; "
            f"delivered meanwhile: {several(off.documents, 'document')}."
        )
    return said


def _whose(key: PseudonymKey) -> str:
    return f"for {key.destination} " if key.destination else ""


def _unknown(report: Report) -> list[str]:
    special: dict[str, set[int]] = {}  # by what is told, the records that tell it
    for unknowns in _alike(report.uncertainty):
        records = special.setdefault(_told(unknowns), set())
        records.update(each.record for each in unknowns if each.record)
    said = []
    for told, records in list(special.items())[:_MOST_UNKNOWN]:
        some = 0 < len(records) < len(report.evidence)
        whose = f" (record {', '.join(map(str, sorted(records)))})" if some else ""
        said.append(f"{told}{whose}.")
    if len(special) > _MOST_UNKNOWN:
        said.append(f"And {plural(len(special) - _MOST_UNKNOWN, 'more point')}: section J.")
    said.append("What no detector knows, and what reached them past this collector.")
    if blanks := report.only_you_know:
        said.append(f"{plural(len(blanks), 'thing')} that only you know: see below.")
    return said


def _alike(unknowns: Iterable[Unknown]) -> Iterable[list[Unknown]]:
    """Those that are not always so; what comes again and again together."""
    found: dict[str, list[Unknown]] = {}
    for each in unknowns:
        if each.kind not in _STANDING:
            key = each.text if each.kind in _AGAIN else _told([each])
            found.setdefault(key, []).append(each)
    return found.values()


def _told(unknowns: Sequence[Unknown]) -> str:
    unknown = unknowns[0]
    spans = {(each.since, each.until) for each in unknowns}
    if unknown.kind in _AGAIN and len(spans) > 1:
        first = min(since for since, _ in spans if since is not None)
        last = max(until for _, until in spans if until is not None)
        span = f"{len(spans)} times, {moment(first)} to {moment(last)}"
        return f"{unknown.text.rstrip('.')} ({span})"
    span, since, until = "", unknown.since, unknown.until
    if since is not None and until is not None and until > since:
        span = f" (from {moment(since)}, for {duration(int((until - since).total_seconds()))})"
    return f"{unknown.text.rstrip('.')}{span}"


def _next(report: Report) -> list[str]:
    tasks = report.outputs.tasks
    said = [each.title for each in tasks if each.kind == "check" and each.priority == 1]
    if report.inventory is not None and (own := to_replace(report.inventory)):
        said.append(f"Replace, of your inventory: {listed(own, 5)} (section G)")
    kinds = list(dict.fromkeys(noun(each.class_) for each in report.secrets))
    if kinds:
        said.append(f"Replace what left in clear, in this order: {listed(kinds)} (section G)")
    due = [each for each in report.clock.deadlines if each.left is not None]
    said += [f"{each.regime}: {each.duty}, by {moment(each.due)}" for each in due[:2]]
    said += [each.title for each in tasks if each.kind == "vendor"]
    said += [each.title for each in tasks if each.kind == "key"]
    said += [each.title for each in tasks if each.kind == "fix"][:2]
    return [f"{each}." for each in said] + [f"All {plural(len(tasks), 'ticket')}: section O."]
