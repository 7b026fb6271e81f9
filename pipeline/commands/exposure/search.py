"""`errlock exposure search`: whether values were ever sent, without keeping or showing any."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from ...terminal import moment, out, plural
from ..options import Commands, add_command, add_json_option
from .asking import add_asking_options, ledger_keys, limits, none_kept, note, wanted_of, window_of
from .places import storages_of
from .vouching import checks_of

if TYPE_CHECKING:
    from ....ledger.search.coverage import Window
    from ....ledger.search.searching import Answer, Searched, Verdict
    from ....ledger.search.sightings import Sighting

_MEANING: dict[Verdict, str] = {
    "sent": "SENT in clear",
    "maybe": "MAYBE sent in clear",
    "disguised": "not seen in clear: where a detector saw it, only what stands for it was sent",
    "removed": "not seen in clear: where a detector saw it, it was taken out",
    "absent": "not seen: no detector claimed it, nor was it among the words that went out in clear",
    "not_found": "not found",
    "not_kept": "not known: no needles are kept of such values",
    "no_value": "not known: in place of the value there is a reference, a mask or ciphertext",
}
_FEW = 20  # values that were not found are listed if there are no more


def register(actions: Commands) -> None:
    """Add the action."""
    parser = add_command(
        actions, "search", "whether secrets, e-mails, user ids were ever sent, to whom and when",
        "Reads values from standard input, one a line, or from an inventory; not from arguments.\n"
        "They are not shown, stored or logged: answers name the line, or the name in the file.\n"
        "Each search is journaled: by whom, how many values, how many were found.\n\n"
        "Exit code 0: nothing was sent in clear; 1: something was, or may have been, or the\n"
        "record is not what was written; 2: usage.",
        "  errlock exposure search -c errlock.yaml --destination sentry < secrets.txt\n"
        "  errlock exposure search -c errlock.yaml --inventory .env --since 30d --json\n"
        "  vault kv get -format=json secret/shop | errlock exposure search -c errlock.yaml \\\n"
        "      --inventory-format json",
    )  # fmt: skip
    add_asking_options(parser)
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run `errlock exposure search`. Raises ConfigError, OSError."""
    from ....ledger.search.searching import search

    folders, keys = storages_of(args), ledger_keys(args)
    window = window_of(args, folders)
    wanted, checks = wanted_of(args), checks_of(args, folders, keys)
    found = search(folders, keys, wanted, window, checks.doubts)
    sent, maybe = found.count("sent"), found.count("maybe")
    note(folders, "search", args.destination, (len(found.answers), sent, maybe))
    if args.json:
        out(json.dumps(_as_dict(found), indent=2))
    else:
        for line in [*_lines(found, window), *checks.lines]:
            out(line)
    if none_kept(found.coverage, "search"):
        return 2
    return 1 if sent or maybe or checks.tampered else 0


def _as_dict(found: Searched) -> dict[str, object]:
    return {
        "answers": [
            {
                "name": answer.name,
                "verdict": answer.verdict,
                "sightings": [each.as_dict() for each in answer.sightings],
            }
            for answer in found.answers
        ],
        "coverage": [each.as_dict() for each in found.coverage],
    }


def _lines(found: Searched, window: Window) -> list[str]:
    lines: list[str] = []
    for verdict, meaning in _MEANING.items():
        answers = [answer for answer in found.answers if answer.verdict == verdict]
        if len(answers) > _FEW and verdict in ("absent", "not_found", "not_kept", "no_value"):
            lines.append(f"{plural(len(answers), 'value')}: {meaning}")
            continue
        for answer in answers:
            lines += _answer(answer, meaning)
    total, sent, maybe = len(found.answers), found.count("sent"), found.count("maybe")
    lines.append(f"{plural(total, 'value')}: {sent:,} sent in clear, {maybe:,} maybe")
    return [*lines, *limits(found.coverage, window)]


def _answer(answer: Answer, meaning: str) -> list[str]:
    return [f"{answer.name}: {meaning}", *(f"    {_sighting(each)}" for each in answer.sightings)]


def _odds(chance: float) -> str:
    if chance < 1e-9:
        return "fewer than 1 of a billion cases"
    return f"1 of {round(1 / chance):,} cases" if chance < 0.5 else "most cases"


def _sighting(each: Sighting) -> str:
    first, last = moment(each.first)[:16], moment(each.last)[:16]
    when = f"{first}Z" if first == last else f"{first}Z to {last}Z"
    text = f"{each.destination}: {each.class_} {each.form}, in the hours {when}"
    text = text.replace("hours", "hour") if first == last else text
    if each.on:
        days = f"{plural(len(each.on), 'day')} (UTC): {first[:10]}"
        days += f" to {last[:10]}" if first != last else ""
        text = f"{each.destination}: as a word in clear, on {days}"
    else:
        text += f", {plural(each.requests, 'request')} of {', '.join(each.services)}"
    if each.as_:
        text += f"; {each.as_}"
    if each.by_chance:
        text += f"; another value would look the same in {_odds(each.by_chance)}"
    elif not each.certain and not each.on:
        text += "; not certain to have arrived within the window"
    return text
