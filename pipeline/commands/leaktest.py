"""`errlock leaktest`: plants made-up secrets and personal data, and looks for them afterwards."""

from __future__ import annotations

import argparse
import json
import sys
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from ..errors import ConfigError, Problem
from ..terminal import has_colours, out, plural, table
from .options import Commands, add_command, add_config_options, add_json_option
from .progress import Progress
from .scrub import policy_of

if TYPE_CHECKING:
    from ..leaktest.cases import Case
    from ..leaktest.kinds import Kind
    from ..leaktest.running import Outcome
    from ..leaktest.slots import Slot


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "leaktest", "plant made-up secrets everywhere and see whether one gets out",
        "Documents of both protocols are filled with made-up values of every class, in every\n"
        "place a sender can write to and in every encoding, and go through your policy. What\n"
        "would leave is searched for them: as it is, and with up to three encodings undone.\n"
        "Nothing is sent anywhere.\n\n"
        "Exit code 0: nothing leaked; 1: something did, or nothing could be tested; 2: usage.",
        "  errlock leaktest --quick                     the default policy, in seconds\n"
        "  errlock leaktest -c errlock.yaml             yours, in minutes\n"
        "  errlock leaktest -c errlock.yaml --classes secret,financial --slots 'event/*'",
    )  # fmt: skip
    add_config_options(parser)
    parser.add_argument("--pipeline", metavar="ID", help="whose policy; default: the first one's")
    parser.add_argument(
        "--exporter", metavar="ID", help="for whom; default: the pipeline's first exporter"
    )
    parser.add_argument("--quick", action="store_true", help="a pairwise sample of the cases")
    parser.add_argument("--seed", type=int, default=0, help="of the made-up values; default: 0")
    parser.add_argument(
        "--classes", type=_list, default=[], metavar="CLASS,…",
        help="only these classes or branches; default: what the profile `balanced` takes",
    )  # fmt: skip
    parser.add_argument("--without", type=_list, default=[], metavar="CLASS,…", help="not these")
    parser.add_argument(
        "--slots", type=_list, default=[], metavar="PATTERN,…", help="only these: `event/*`"
    )
    parser.add_argument(
        "--by", choices=("class", "slot"), default="class", help="rows of the matrix"
    )
    parser.add_argument("--all", action="store_true", help="also say what is not tested, and why")
    parser.add_argument(
        "--strict-neighbours", action="store_true", help="fail when innocent values are lost, too"
    )
    add_json_option(parser)
    parser.set_defaults(run=run)


def _list(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def run(args: argparse.Namespace) -> int:
    """Run the command. Raises ConfigError."""
    from ..leaktest.cases import promised
    from ..leaktest.report import as_json
    from ..leaktest.running import run as run_cases

    pipeline = policy_of(args)
    kinds, slots = _chosen(args)
    cases = list(promised(kinds, slots, quick=args.quick))
    if not cases:
        why = "none of these classes fits these slots" if kinds else "these have no made-up values"
        raise ConfigError([Problem("", f"no case is left: {why}")])
    progress = Progress(f"of {len(cases):,} cases")
    outcome = run_cases(pipeline, cases, args.seed, progress.step)
    progress.clear()
    if args.json:
        out(json.dumps(as_json(outcome, args.seed), indent=2))
    else:
        _show(args, outcome, kinds, slots, cases)
    lost = args.strict_neighbours and bool(outcome.lost)
    return 1 if outcome.leaks or lost or not outcome.tested else 0


def _chosen(args: argparse.Namespace) -> tuple[list[Kind], list[Slot]]:
    from ...policy.classes import CLASSES, ROOTS, is_class, matches
    from ..leaktest.cases import all_slots, chosen_kinds
    from ..leaktest.report import chosen_slots
    from ..registry import nearest

    for name in (*args.classes, *args.without):
        plain = name.removesuffix(".*")
        if plain != "*" and plain not in ROOTS and not is_class(plain):
            known = [*CLASSES, *ROOTS]
            raise ConfigError([Problem("", f"no class '{name}'{nearest(plain, known)}")])
    kinds = [
        kind
        for kind in chosen_kinds(args.classes)
        if not any(matches(kind.class_, each) for each in args.without)
    ]
    slots = all_slots()
    for pattern in args.slots:
        if not chosen_slots(slots, [pattern]):
            ids = [slot.id for slot in slots]
            raise ConfigError([Problem("", f"no slot '{pattern}'{nearest(pattern, ids)}")])
    return kinds, chosen_slots(slots, args.slots)


def _show(
    args: argparse.Namespace,
    outcome: Outcome,
    kinds: list[Kind],
    slots: list[Slot],
    cases: list[Case],
) -> None:
    from ..leaktest.report import kept_share, leak_lines, lost_lines, matrix_lines

    colours = has_colours(sys.stdout)
    columns = get_terminal_size().columns if sys.stdout.isatty() else None
    for line in matrix_lines(outcome, args.by, colours, columns):
        sys.stdout.write(f"{line}\n")
    out()
    for line in leak_lines(outcome.leaks, colours):
        sys.stdout.write(f"{line}\n")
    if leaks := len(outcome.leaks):
        out()
    planted = f"{plural(outcome.cases, 'case')} in {plural(outcome.documents, 'document')}"
    out(f"{planted}: {plural(leaks, 'leak') if leaks else 'no leak'}")
    if args.strict_neighbours:
        for line in lost_lines(outcome.lost, colours):
            sys.stdout.write(f"{line}\n")
    out(f"innocent neighbours kept: {kept_share(outcome):.2%} of {outcome.neighbours:,}")
    if outcome.withheld:
        items = ", ".join(outcome.withheld)
        untold = plural(outcome.withheld.total(), "case")
        out(f"{untold} not tested: their documents did not all go out ({items})")
    if args.all:
        _show_untested(kinds, slots)


def _show_untested(kinds: list[Kind], slots: list[Slot]) -> None:
    from ..leaktest.cases import untested_classes
    from ..leaktest.report import unpromised_rows

    out("\nnot tested, because nobody could be asked to find them there:")
    for line in table(unpromised_rows(kinds, slots)):
        out(f"  {line}")
    out("\nclasses without canaries:")
    for line in table(list(untested_classes().items())):
        out(f"  {line}")
