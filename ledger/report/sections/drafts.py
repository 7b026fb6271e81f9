"""Texts to start from: notifications and questions. What only people know is blank, and says so."""

from __future__ import annotations

from collections.abc import Iterator

from ..facts import Facts
from ..model import Answer, Report
from ..wording import count, estimate, listed, moment, noun, tags

_MOST_MEASURES = 12
_MEASURES = ("trust", "route", "policy", "replay", "purge", "key")
_BEGINS = "begins"


def blank(what: str) -> str:
    """Where somebody has to write something."""
    return f"[only you know: {what}]"


def article_33(report: Report) -> list[Answer]:
    """What GDPR Article 33(3) asks of a notification to the authority."""
    contact = contact_of(report.facts) or blank("the data protection officer, name and contact")
    late = [blank("why")]
    return [
        Answer(ask="(a) What happened", say=list(_nature(report))),
        Answer(ask="(a) People", say=list(_people(report))),
        Answer(ask="(a) Records", say=list(_records(report)) or ["None that tells anything."]),
        Answer(ask="(b) Contact", say=[contact]),
        Answer(ask="(c) Likely consequences", say=list(_likely(report))),
        Answer(ask="(d) Measures", say=list(_measures(report))),
        Answer(ask="Reasons, if this comes later than 72 hours", say=late),
    ]


def article_34(report: Report) -> list[str]:
    """A letter to the people concerned, in plain language (GDPR Article 34(2))."""
    facts, shut = report.facts, report.clock.contained_at
    clear = [row for row in report.classes if row.form == "clear" and "gdpr" in row.tags]
    if not clear:
        text = "No personal data is known to have left in clear. Article 34(3)(a) may apply: what "
        text += "left was unintelligible to whoever has no key. Whether it does is for you to say."
        return [text]
    us = facts.controller or blank("who we are")
    vendor = facts.operator.name or blank("the vendor")
    kinds = listed(list(dict.fromkeys(noun(row.class_) for row in clear)), 12)
    harms = "; ".join(dict.fromkeys(row.harm for row in clear))
    since = f"since {moment(shut)} nothing more is sent there. " if shut else ""
    others = blank("change your password, beware of mails that …")
    opened = f"{us} uses {vendor} to find errors in its software. {vendor} told us that somebody "
    return [
        f"{opened}had access to its systems who should not have had it.",
        f"Error reports that we sent there may have held the following about you: {kinds}.",
        f"What could happen: {harms}.",
        f"What we have done: {since}{blank('what else')}",
        f"What you can do: {others}",
        f"Whom you can ask: {contact_of(facts) or blank('name and contact')}.",
    ]


_QUESTIONS = """\
Which of our organisations and projects could be read, from when to when, and how do you know? \
(Ours report to {names}.)
Please send us the logs of access to our organisation since {since}: by token, address and \
employee, with exports and reads through the API.
Were attachments, session replays, profiles, minidumps and source maps within reach?
Were backups, search indexes, caches, data warehouses and sub-processors within reach?
Which tokens and integrations of ours did you hold (API tokens, GitHub, Slack, Jira, single \
sign-on), were they read, and are they revoked?
How long was our data kept, and how is that shown? What older data was still there?
Please delete what you have of us, or of a list of events, and confirm it in writing.
When did you become aware, and when will you tell us more?"""


def questions(report: Report) -> list[str]:
    """What to ask the vendor."""
    hosts = [host for each in report.backends for host in each.hosts] or report.destinations
    since = moment(report.facts.vendor_window.since or report.clock.window.since)
    return [line.format(names=listed(hosts), since=since) for line in _QUESTIONS.splitlines()]


def contact_of(facts: Facts) -> str:
    """Who can be asked; empty if nobody was named."""
    people = [
        ", ".join(part for part in (each.name, each.contact) if part)
        for each in (facts.dpo, facts.contact)
    ]
    return "; ".join(filter(None, people))


def _nature(report: Report) -> Iterator[str]:
    facts, window = report.facts, report.clock.window
    vendor = facts.operator.name or blank("the vendor")
    theirs = facts.vendor_window
    span = blank("when, and where they say so")
    if theirs.since is not None or theirs.until is not None:
        span = f"from {moment(theirs.since)} to {moment(theirs.until)}"
    yield (
        f"Unauthorised access at {vendor}, which receives error reports of our applications. "
        f"According to {theirs.source or blank('source')}: {span}."
    )
    yield (
        f"From {moment(window.since)} to {moment(window.until)}, {count(report.volume.documents)} "
        "error reports and similar documents went there. "
        f"We became aware on {moment(facts.aware_at, blank('when'))}."
    )


def _people(report: Report) -> Iterator[str]:
    facts, subjects = report.facts, report.subjects
    categories = listed(facts.subject_categories or []) or blank("customers, employees, …")
    countries = listed(facts.subject_countries or []) or blank("countries")
    yield f"Categories: {categories}; countries: {countries}."
    yield f"Different people that the documents are about: {estimate(subjects.about)}."
    yield f"Identifiable by a value that left in clear: {estimate(subjects.identifiable)}."


def _records(report: Report) -> Iterator[str]:
    for row in report.classes:
        if row.form != "removed" and row.tags and row.occurrences.at_most:
            distinct = f", {estimate(row.distinct)} different" if row.distinct else ""
            yield (
                f"{noun(row.class_)} ({tags(row.tags)}), {row.form}: {count(row.occurrences)} "
                f"occurrences in {count(row.documents)} documents{distinct}"
            )
    if report.lacks:
        yield "Our record has gaps in which more may have been sent: these are the numbers it has."


def _likely(report: Report) -> Iterator[str]:
    for each in report.consequences:
        level = each.severity.level if each.severity else "not about people by itself"
        yield f"{noun(each.class_)}: {each.harm} ({level})"
    if not report.consequences:
        yield "None from what is known to have left."


def _measures(report: Report) -> Iterator[str]:
    told = [each for each in report.measures if each.ours and each.kind in _MEASURES]
    ended = {each.body.get("id") for each in told if each.body.get("state") not in (None, _BEGINS)}
    # Of what has ended, that is said.
    told = [e for e in told if e.body.get("state") != _BEGINS or e.body.get("id") not in ended]
    # What collectors did in the same second is said once.
    taken = list(dict.fromkeys(f"{moment(each.time)}: {each.text}" for each in told))
    yield from taken[:_MOST_MEASURES]
    if len(taken) > _MOST_MEASURES:
        yield f"and {len(taken) - _MOST_MEASURES} more (section L)"
    kept = report.withheld.occurrences
    if kept.at_most:
        yield (
            f"Before anything was sent, {count(kept)} sensitive values were removed, masked, "
            "generalised or replaced by keyed pseudonyms."
        )
    for rotated in report.facts.rotated:
        yield f"Replaced: {rotated.what}"
    yield from report.facts.measures
    yield blank("other measures, taken and planned")
