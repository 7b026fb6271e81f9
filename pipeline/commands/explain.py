"""`errlock explain`: what would be taken out of a document, and why."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BrokenDocument, RefusedPayload
from ..terminal import err, escape, has_colours, out, paint, read_stdin, size
from .options import Commands, add_command, add_config_options, add_json_option
from .scrub import add_policy_options, policy_of

if TYPE_CHECKING:
    from ..explanation import Explanation, Finding

_SHOWN = 60  # characters of a value that are shown


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "explain", "show what would be taken out of a document, and why",
        "The document is one event or request, as it is. Values as received are shown on a\n"
        "terminal only; --values shows them elsewhere, too.",
        "  errlock explain event.json\n"
        "  sed -n 3p events.jsonl | errlock explain      of a file with one on each line\n"
        "  errlock explain -c errlock.yaml --json < event.json",
    )  # fmt: skip
    parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="default: stdin")
    add_config_options(parser)
    add_policy_options(parser)
    add_json_option(parser)
    parser.add_argument("--values", action="store_true", help="show values as received")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from ..formats import LARGEST

    data = read_stdin(LARGEST + 1) if args.file == "-" else _beginning(args.file, LARGEST + 1)
    if len(data) > LARGEST:
        err(f"errlock explain: the document is larger than {size(LARGEST)}")
        return 1
    try:
        explanations = policy_of(args).explain(data, format=args.format)
    except (RefusedPayload, BrokenDocument) as damage:
        err(f"errlock explain: {damage}{_hint(data)}")
        return 1
    values = args.values or sys.stdout.isatty()
    if args.json:
        out(json.dumps([_plain(each, values) for each in explanations], indent=2))
    else:
        show(explanations, values, has_colours(sys.stdout))
    return 0


def _beginning(file: str, most: int) -> bytes:
    with Path(file).open("rb") as source:
        return source.read(most)


def _hint(data: bytes) -> str:
    """What to do with a file that has a document on each line."""
    first, _, rest = data.strip().partition(b"\n")
    several = first.startswith(b"{") and first.rstrip().endswith(b"}") and rest.startswith(b"{")
    return "; it takes one document: `sed -n 3p FILE | errlock explain`" if several else ""


def show(explanations: Sequence[Explanation], values: bool, colours: bool) -> None:
    """Print for people. `values` says whether the values as received are shown."""
    if not explanations:
        out("nothing found: it goes out as it is")
    for each in explanations:
        found = f"{len(each.findings)} finding{'s' if len(each.findings) != 1 else ''}"
        by = f" ({each.by})" if each.by else ""
        fate = f", does not go out: {each.dropped}{by}" if each.dropped else ""
        sys.stdout.write(f"{paint(each.type, 'bold', colours)}: {found}{fate}\n")
        for finding in each.findings:
            _show_finding(finding, values, colours)


def _show_finding(finding: Finding, values: bool, colours: bool) -> None:
    by = f" by {finding.by}" if finding.by else ""
    path = finding.path if values else finding.safe_path
    out(f"  {escape(path)}  [{finding.start}:{finding.end}]")
    out(f"    {finding.class_} (detector {finding.detector}), {finding.form}{by}")
    after = paint(_shortened(finding.after) or "(nothing)", "green", colours)
    if values:
        sys.stdout.write(f"    {paint(_shortened(finding.before), 'red', colours)} -> {after}\n")
    elif finding.form == "clear":
        out("    -> as it came")
    else:
        sys.stdout.write(f"    -> {after}\n")


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _plain(explanation: Explanation, values: bool) -> dict[str, Any]:
    findings = []
    for finding in explanation.findings:
        shown = values or finding.form != "clear"  # what leaves in clear is the value as received
        plain: dict[str, Any] = {
            "path": finding.path if values else finding.safe_path,
            "start": finding.start, "end": finding.end,
            "class": finding.class_, "detector": finding.detector,
            "form": finding.form, "by": finding.by, "after": finding.after if shown else None,
        }  # fmt: skip
        if values:
            plain["before"] = finding.before
        findings.append(plain)
    return {
        "type": explanation.type, "dropped": explanation.dropped, "by": explanation.by,
        "findings": findings,
    }  # fmt: skip
