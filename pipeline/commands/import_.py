"""`errlock import`: the policy of another tool as processors of errlock."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..terminal import err, out, read_stdin
from .options import Commands, add_command

if TYPE_CHECKING:
    from ...policy.importers.fragment import Imported

TOOLS = ("relay", "gitleaks", "otel", "eventscrubber")


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "import", "turn the policy of another tool into processors of errlock",
        "The processors go to stdout as YAML. What could not be carried over goes to stderr, with\n"
        "its path; a line with `note:` is carried over with another effect.\n\n"
        "Exit code 0; 1 when something was left out; 2 when the file cannot be read.",
        "  errlock import relay pii-config.json > policy.yaml\n"
        "  errlock import gitleaks .gitleaks.toml > gitleaks.yaml\n"
        "  errlock validate -c errlock.yaml -c gitleaks.yaml\n"
        "  errlock import otel collector.yaml\n"
        "  errlock import eventscrubber settings.py\n"
        "  jq .relayPiiConfig project.json | errlock import relay -",
    )  # fmt: skip
    parser.add_argument("tool", choices=TOOLS, metavar="TOOL", help=", ".join(TOOLS))
    parser.add_argument("file", metavar="FILE", help="the policy to import; - is stdin")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from ...policy.importers.fragment import NotAPolicy

    file = Path(args.file)
    try:
        content = read_stdin() if args.file == "-" else file.read_bytes()
        imported = _importer(args.tool, file)(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        err(f"{args.file}: is not UTF-8 text")
        return 2
    except NotAPolicy as error:
        err(f"{args.file}: {error}")
        return 2
    out(as_yaml(imported))
    for note in imported.differs:
        err(f"note: {note}")
    for note in imported.left_out:
        err(f"left out: {note}")
    return 1 if imported.left_out else 0


def _importer(tool: str, file: Path) -> Callable[[str], Imported]:
    if tool == "relay":
        from ...policy.importers.relay import import_relay

        return import_relay
    if tool == "gitleaks":
        from ...policy.importers.gitleaks import import_gitleaks

        return lambda text: import_gitleaks(text, file.parent)
    if tool == "otel":
        from ...policy.importers.otel import import_otel

        return import_otel
    from ...policy.importers.eventscrubber import import_eventscrubber

    return import_eventscrubber


def as_yaml(imported: Imported) -> str:
    """The processors, in the order in which a pipeline must name them."""
    import yaml

    order = ", ".join(imported.processors)
    # By way of JSON: lists that two detectors share would be written as an anchor and an alias.
    tree = json.loads(json.dumps({"processors": imported.processors}))
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=math.inf)
    return f"# service.pipelines.<name>.processors: [{order}]\n{text.rstrip()}"
