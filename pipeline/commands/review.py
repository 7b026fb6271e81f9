"""`errlock review`: what sample documents hold, what leaves in clear, and a policy for that."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, Problem
from ..terminal import err, has_colours, out
from .options import Commands, add_command, add_config_options, add_json_option, read_config
from .progress import Progress
from .scrub import add_policy_options

if TYPE_CHECKING:
    from ...policy.selectors import Selector
    from ..review.samples import Unreadable

_DAMAGES_TOLD = 20  # one by one; more are counted


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "review", "see what your documents hold, what leaves in clear, and what to do",
        "Reads sample documents: one a file or one a line, of the formats that `errlock scrub`\n"
        "reads; of text each line is a document. Tells which fields hold what and what becomes\n"
        "of it, what leaves in clear and looks sensitive, and proposes processors for that.\n"
        "No value is shown. Nothing is sampled.\n\n"
        "Exit code 0: nothing leaves in clear that looks sensitive; 1: something does, or nothing\n"
        "could be read; 2: usage or configuration.",
        "  errlock review events/\n"
        "  errlock review -c errlock.yaml --propose proposed.yaml events.jsonl\n"
        "  errlock review -c errlock.yaml -c proposed.yaml events.jsonl",
    )  # fmt: skip
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="documents; folders with all below; - is stdin"
    )
    add_config_options(parser)
    add_policy_options(parser)
    parser.add_argument(
        "--propose", metavar="FILE", help="write the proposed processors to this file"
    )
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="SELECTOR",
        help="a field that you have looked at: it is not sensitive; repeatable",
    )  # fmt: skip
    parser.add_argument("--all", action="store_true", help="show all rows of long tables")
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command. Raises ConfigError and OSError."""
    from ..review.in_force import PolicyInForce
    from ..review.proposing import proposal
    from ..review.reviewing import review
    from ..review.showing import as_json, lines

    if args.propose is not None:
        _check_target(args.propose)
    ignored = _selectors(args.ignore)
    policy = PolicyInForce(read_config(args), args.pipeline, args.exporter)
    progress = Progress("documents")
    damages = _Damages(progress)
    seen = review(policy, args.files, args.format, ignored, progress.step, damages.tell)
    progress.clear()
    damages.tell_how_many_more()
    proposed = proposal(seen)
    if args.propose is not None and proposed is not None:
        Path(args.propose).write_text(proposed, encoding="utf-8")
    if args.json:
        out(json.dumps(as_json(seen, proposed), indent=2))
    else:
        shown = None if args.propose is not None else proposed
        for line in lines(seen, shown, has_colours(sys.stdout), args.all):
            sys.stdout.write(f"{line}\n")
    if args.propose is not None:
        err(f"wrote {args.propose}" if proposed is not None else "nothing to propose")
    return 1 if seen.anything_leaves or not seen.files else 0


def _check_target(name: str) -> None:
    """Raise ConfigError when the proposal would overwrite what is not one."""
    from ..review.proposing import HEADER

    path = Path(name)
    if not path.parent.is_dir():
        raise ConfigError([Problem("", "there is no such folder", f"--propose {name}")])
    if path.exists() and not path.read_bytes().startswith(HEADER.encode()):
        raise ConfigError([Problem("", "is there already and is no proposal", f"--propose {name}")])


def _selectors(texts: list[str]) -> list[Selector]:
    from ...policy.selectors import parse_selector

    selectors, problems = [], []
    for text in texts:
        try:
            selectors.append(parse_selector(text))
        except ValueError as error:
            problems.append(Problem("", str(error), f"--ignore {text}"))
    if problems:
        raise ConfigError(problems)
    return selectors


class _Damages:
    """What could not be read: told one by one, until there are many."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._count = 0

    def tell(self, damage: Unreadable) -> None:
        self._count += 1
        if self._count <= _DAMAGES_TOLD:
            self._progress.clear()
            err(f"errlock review: {damage}")

    def tell_how_many_more(self) -> None:
        if self._count > _DAMAGES_TOLD:
            err(f"errlock review: {self._count - _DAMAGES_TOLD:,} more could not be read")
