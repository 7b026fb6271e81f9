"""`errlock incident`: plans made before there is an incident."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..terminal import err, out, table
from .options import Commands, add_command, add_json_option, as_text
from .talking import add_collector_options, add_why_option, client_of, out_answer, telling
from .trust import followed

if TYPE_CHECKING:
    from ..control.messages import Plan


# Seconds that a collector has to answer at all; what a plan does may take longer.
_PATIENCE = 5.0


def register(commands: Commands) -> None:
    """Add the command and its sub-commands."""
    parser = add_command(
        commands, "incident", "show and run the plans that were made for incidents",
        "Plans stand in the configuration, under incident.plans.",
    )  # fmt: skip
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    shown = add_command(
        actions, "list", "show the plans", "", "  errlock incident list -c errlock.yaml"
    )
    add_collector_options(shown)
    add_json_option(shown)
    shown.set_defaults(run=run_list)
    run = add_command(
        actions, "run", "do all that a plan says, in one go",
        "Tells for each step when it was done, and how many of those who follow obey. Exit code 1\n"
        "when a step was not done as it should, or one of them does not obey.",
        "  errlock incident run sentry-breach -c errlock.yaml --why 'mail of the vendor'",
    )  # fmt: skip
    run.add_argument("name", metavar="PLAN", type=as_text)
    run.add_argument(
        "--drill", action="store_true",
        help="only rehearse: a share of what comes in goes to its standbys as well, and an event "
        "that must be found there",
    )  # fmt: skip
    add_why_option(run)
    add_collector_options(run)
    add_json_option(run)
    run.set_defaults(run=run_plan)
    relax = add_command(
        actions, "relax", "undo `tighten: strict`: only the configured policy", "",
        "  errlock incident relax -c errlock.yaml",
    )  # fmt: skip
    add_why_option(relax)
    add_collector_options(relax)
    relax.set_defaults(run=run_relax)


@telling("incident list")
def run_list(args: argparse.Namespace) -> int:
    """Run `errlock incident list`."""
    from ..control.messages import Plans

    found = client_of(args).ask("/v1/incident/plans", Plans)
    if args.json:
        out_answer(found)
        return 0
    for plan in found.plans:
        out(f"{plan.name}:")
        for line in table(list(_rows(plan))):
            out(f"  {line}")
    if not found.plans:
        err("no plan is configured under incident.plans")
    return 0


def _rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    for what in ("distrust", "hold", "activate"):
        if names := getattr(plan, what):
            yield what, ", ".join(names)
    if plan.tighten is not None:
        yield "tighten", plan.tighten


@telling("incident run")
def run_plan(args: argparse.Namespace) -> int:
    """Run `errlock incident run`."""
    from ..control.client import NoAnswer
    from ..control.messages import PlanOrder, PlanRun, Plans

    order = PlanOrder(name=args.name, drill=args.drill, why=args.why)
    client = client_of(args)
    try:
        client.ask("/v1/incident/plans", Plans, timeout=_PATIENCE)
        ran = client.ask("/v1/incident/run", PlanRun, order, timeout=120)
    except NoAnswer:
        for command in _without_collector(args):
            err(f"of this plan, what works without a collector: {command}")
        raise
    if args.json:
        out_answer(ran)
    else:
        for step in ran.steps:
            if step.trouble is None:
                out(f"{step.seconds:8.3f} s  {step.what}")
            else:
                out(f"{step.seconds:8.3f} s  NOT DONE: {step.what}")
                err(f"            {step.trouble}")
    obeyed = ran.fleet_version is None or followed(client, ran.fleet_version)
    return 0 if obeyed and not any(step.trouble for step in ran.steps) else 1


def _without_collector(args: argparse.Namespace) -> Iterator[str]:
    """The commands for the steps of a plan that need none, as the configuration has it."""
    from ..config.files import merged_files

    place: Any = merged_files(args.config, args.sets).tree
    for key in ("incident", "plans", args.name):
        place = place.get(key) if isinstance(place, dict) else None
    if args.drill or not isinstance(place, dict):
        return
    which = "".join(f" -c {shlex.quote(file)}" for file in args.config)
    for word in ("distrust", "hold"):
        names = place.get(word)
        if isinstance(names, list) and names:
            yield f"errlock {word} {' '.join(shlex.quote(str(name)) for name in names)}{which}"


@telling("incident relax")
def run_relax(args: argparse.Namespace) -> int:
    """Run `errlock incident relax`."""
    from ..control.messages import PlainOrder, Tightened

    order = PlainOrder(why=args.why)
    client_of(args).ask("/v1/relax", Tightened, order, timeout=120)
    out("the configured policy")
    return 0
