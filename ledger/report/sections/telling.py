"""What entries of the journal say in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ...journal.entries import Entry
from ..model import Measure
from ..tallies import moment
from ..wording import controls, plural

Body = Mapping[str, Any]
_LONG = ("content", "ways", "operators")  # of a policy


def time_of(text: object) -> datetime | None:
    """A time as entries and their bodies have it; None if it is none."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def measure_of(record: int, entry: Entry, names: set[str]) -> Measure:
    """An entry in words, of the record with this number.

    `names` are those under which the report's destinations are spoken of.
    """
    body = entry.body
    told = _TELLERS.get(entry.kind, _anything)(entry.kind, body)
    who = _words(body) if entry.kind == "trust" else [body]
    when = time_of(entry.time)
    assert when is not None, "entries have a time"
    return Measure(
        time=when.replace(microsecond=0),
        kind=entry.kind,
        text=told,
        by=_joined(word.get("by") for word in who),
        why=_joined(word.get("why") for word in who),
        ours=bool(names & set(_spoken_of(entry.kind, body))),
        record=record,
        entry=entry.number,
        entry_hash=entry.hash,
        body=dict(body)
        if entry.kind != "policy"
        else {k: v for k, v in body.items() if k not in _LONG},
    )


def _spoken_of(kind: str, body: Body) -> list[str]:
    if kind == "trust":
        return [str(name) for name in body.get("words") or ()]
    keys = ("destination", "swapped", "for", "source", "target", "exporter", "destinations")
    found: list[str] = []
    for key in keys:
        value = body.get(key)
        found += [str(each) for each in value] if isinstance(value, list) else [str(value)]
    return found


def _words(body: Body) -> list[Body]:
    words = body.get("words")
    found = words.values() if isinstance(words, Mapping) else ()
    return [each for each in found if isinstance(each, Mapping)]


def _joined(parts: Any) -> str | None:
    return ", ".join(dict.fromkeys(str(part) for part in parts if part)) or None


def _trust(_: str, body: Body) -> str:
    words = body.get("words")
    said = [
        f"{name} {word.get('state')}"
        for name, word in (words.items() if isinstance(words, Mapping) else ())
        if isinstance(word, Mapping)
    ]
    what = {"not_loosened": "not put in force: ", "found": "found at the start: "}
    return what.get(str(body.get("what")), "") + ", ".join(said)


def _route(kind: str, body: Body) -> str:
    if "swapped" in body:
        return f"{body.get('for')} gets what comes in for {body['swapped']}"
    if "failover" in body:
        whose, to = body["failover"], body.get("to")
        return f"{to} gets what comes in for {whose}" if to else f"{whose} gets its own again"
    return _anything(kind, body)


def _token(_: str, body: Body) -> str:
    told = []
    for did in ("added", "removed"):
        tokens = body.get(did)
        told += [
            f"token of {each.get('name')} ({each.get('role')}) {did}"
            for each in (tokens if isinstance(tokens, list) else ())
            if isinstance(each, Mapping)
        ]
    return ", ".join(told)


def _replay(_: str, body: Body) -> str:
    verb = "moved" if body.get("move") else "sent again"
    what = "what it had" if body.get("delivered") else "what waited"
    text = (
        f"replay {body.get('state')}: {what} at {body.get('source')} {verb} to {body.get('target')}"
    )
    if body.get("strict"):
        text += " under the strict profile"
    if body.get("state") != "begins":
        text += f"; {body.get('documents')} documents, {body.get('moved')} moved"
    return text + (f" ({body['trouble']})" if body.get("trouble") else "")


def _purge(_: str, body: Body) -> str:
    if "destination" in body:
        state = {"traces": "done, with traces left on the disk"}.get(
            str(body.get("state")), body.get("state")
        )
        text = f"purge {state}: what waited for {body['destination']}"
        if "documents" in body:
            text += f"; {body['documents']} documents, {body.get('bytes')} bytes"
        return text + (f" ({body['trouble']})" if body.get("trouble") else "")
    before = body.get("before")
    told = f" before {moment(before):%Y-%m-%d %H:%MZ}" if isinstance(before, int) else ""
    return f"forgot {body.get('what')}{told}"


def _policy(_: str, body: Body) -> str:
    if "profile" in body:
        if body["profile"] == "configured":
            return "back to the policy as it is configured"
        return f"the {body['profile']} profile on top of the policy"
    return f"policy {str(body.get('sha256'))[:16]} in force"


def _start(kind: str, body: Body) -> str:
    return f"errlock {body.get('errlock')} started" if kind == "start" else "errlock stopped"


def _gap(_: str, body: Body) -> str:
    spans = [f"{word} {body[word]}" for word in ("since", "until") if body.get(word)]
    number = f" ({body['documents']:,} documents)" if isinstance(body.get("documents"), int) else ""
    service = f" (service {body['service']})" if isinstance(body.get("service"), str) else ""
    what = f"{body.get('what')}{service}{number}"
    return f"missing from the record: {what} {' '.join(spans)}".strip()


def _reload(_: str, body: Body) -> str:
    parts = []
    for section, changed in body.items():
        if isinstance(changed, Mapping):
            parts += [
                f"{section} {how}: {', '.join(map(str, ids))}"
                for how, ids in changed.items()
                if ids
            ]
        elif changed:
            parts.append(f"{section}: {', '.join(map(str, changed))}")
    return "another configuration; " + ("; ".join(parts) or "nothing that matters here")


def _key(_: str, body: Body) -> str:
    whose = {None: "every destination", "": "what all destinations share"}
    destination = body.get("destination")
    about = whose.get(destination, str(destination))
    return f"key of pseudonyms {body.get('epoch')} {body.get('did')}, for {about}"


def _control(_: str, body: Body) -> str:
    names = body.get("controls")
    named = controls([str(each) for each in names]) if isinstance(names, list) else "controls"
    state = {"gone": "nothing leads there now; was off"}.get(
        str(body.get("state")), body.get("state")
    )
    return f"on the way to {body.get('destination')}: {named} {state}"


def _search(_: str, body: Body) -> str:
    if body.get("what") == "pseudonym":
        return f"the pseudonyms of a value of class {body.get('class')} were asked for"
    about = body.get("destination") or "every destination"
    return (
        f"{body.get('what')} of {_number(body, 'values', 'value')} at {about}: "
        f"{body.get('sent')} sent, {body.get('maybe')} perhaps"
    )


def _number(body: Body, key: str, noun: str) -> str:
    number = body.get(key)
    return plural(number, noun) if isinstance(number, int) else f"{number} {noun}s"


def _process(_: str, body: Body) -> str:
    what = {"began": "hands over its account", "returned": "is back with its account"}
    state = what.get(str(body.get("state")), str(body.get("state")))
    return f"an application that embeds errlock ({body.get('service')}) {state}"


def _decoy(_: str, body: Body) -> str:
    return (
        f"decoys of the week {body.get('week')} began to be planted with {body.get('destination')}"
    )


def _anything(kind: str, body: Body) -> str:
    skipped = ("by", "why")
    return ", ".join(
        [kind.replace("_", " "), *(f"{k}: {v}" for k, v in body.items() if k not in skipped)]
    )


_TELLERS = {
    "trust": _trust, "route": _route, "token": _token, "replay": _replay, "purge": _purge,
    "policy": _policy, "start": _start, "stop": _start, "gap": _gap, "key": _key,
    "control_off": _control, "search": _search, "reload": _reload, "process": _process,
    "decoy": _decoy,
}  # fmt: skip
