"""`errlock exposure report`: what a destination received, for people and machines."""

from __future__ import annotations

import argparse
import os
import shlex
import stat
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError, Problem
from ...terminal import err
from ..options import (
    Commands,
    add_command,
    add_config_options,
    check_window,
    point_in_time,
    read_config,
)
from .asking import add_inventory_options, ledger_keys, note, wanted_of
from .places import (
    add_record_options,
    add_storage_option,
    destinations_of,
    runs_in,
    storages_of,
)
from .vouching import add_vouching_options, proofs_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ....ledger.journal.entries import Head
    from ....ledger.record import Record
    from ....ledger.report.counted import Inventory
    from ....ledger.report.facts import Facts
    from ....ledger.report.making import Question
    from ....ledger.report.model import Backend, Report
    from ...config import ExporterOptions

_FORMATS = ("md", "html", "pdf", "json", "csv")


def register(actions: Commands) -> None:
    """Add the action."""
    report = add_command(
        actions, "report", "what a destination received: the exposure report",
        "From the account and the journal: which kinds of data, about how many people, in which\n"
        "form, which secrets must be replaced, since when, what was withheld, what is not known,\n"
        "with drafts of notifications. What only people know stands in --facts, or is left blank.",
        "  errlock exposure report -c errlock.yaml --destination sentry --since 30d -o report.md\n"
        "  errlock exposure report --journal journal --destination sentry --format md \\\n"
        "      --since 2026-11-01 --until 2026-11-26T12:00Z --facts facts.yaml\n"
        "  errlock exposure report --storage eu1 --storage eu2 --destination sentry -o report.html",
    )  # fmt: skip
    add_config_options(report)
    report.add_argument(
        "--destination", action="append", required=True, metavar="NAME",
        help="an exporter's id, or an operator: all its exporters; repeatable",
    )  # fmt: skip
    report.add_argument(
        "--since", type=point_in_time, default="90d", metavar="TIME",
        help="delivered since: 2026-11-26T12:00Z, or 30d for that long ago (default: 90d)",
    )  # fmt: skip
    report.add_argument(
        "--until", type=point_in_time, metavar="TIME",
        help="default: now, or as far as a clock that was ahead has booked something",
    )  # fmt: skip
    report.add_argument("--format", choices=_FORMATS, help="default: what -o ends in, else md")
    report.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: the terminal")
    report.add_argument(
        "--annexes", type=Path, metavar="FOLDER", help="also its tables as CSV, and JSON, in here"
    )
    report.add_argument("--facts", type=Path, metavar="FILE", help="YAML: what only people know")
    add_inventory_options(
        report,
        "your secrets (.env, AWS credentials, JSON, CSV, lines): which of them must be replaced",
    )
    add_storage_option(report)
    add_record_options(report)
    add_vouching_options(report)
    report.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run `errlock exposure report`. Raises ConfigError, OSError."""
    from ....ledger.report.making import make_report
    from ....ledger.report.renderings.annexes import annexes

    form, question = _form(args), _question(args)
    report = make_report(question)
    _note(question, report.inventory)
    _write(args.output, _rendered(form, report))
    if args.annexes is not None:
        args.annexes.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in annexes(report).items():
            _write(args.annexes / name, content)
    return 0 if report.intact else 1


def _question(args: argparse.Namespace) -> Question:
    """What is asked. Raises ConfigError, OSError."""
    from ....ledger.report.making import Question
    from ....ledger.report.sections.collecting import booked_until

    records = _records(args)
    backends = _backends(args, records)
    asks = args.inventory is not None
    since, until = args.since, args.until
    if until is None:
        until = booked_until(records, [each.destination for each in backends], time.time())
    check_window(since, until)
    proofs = proofs_of(args)
    if proofs.missing:
        err(f"errlock exposure report: heads cannot be read: {proofs.missing}")
    return Question(
        records=records,
        backends=backends,
        since=datetime.fromtimestamp(since, UTC),
        until=datetime.fromtimestamp(until, UTC),
        facts=_facts(args.facts),
        heads=proofs.heads,
        keys=proofs.keys,
        inventory=wanted_of(args) if asks else None,
        needle_keys=ledger_keys(args) if asks else (),
        query=_query(args, records, since, until),
        runs=runs_in,
        check=lambda record, heads: _check(args, record, heads if len(records) > 1 else None),
    )


def _records(args: argparse.Namespace) -> list[Record]:
    """Those that the report stands on. Raises ConfigError."""
    from ....ledger.record import Record

    if args.journal is None and args.account is None:
        return [Record.at(each) for each in storages_of(args)]
    if args.storage:
        raise ConfigError(
            [Problem("", "goes without --journal and --account: it has both", "--storage")]
        )
    journal = args.journal if args.journal is not None else storages_of(args)[0] / "journal"
    account = args.account if args.account is not None else journal.with_name("ledger.db")
    return [Record(journal, account)]


def _backends(args: argparse.Namespace, records: Sequence[Record]) -> list[Backend]:
    """The destinations that are named, by id or by operator. Raises ConfigError, OSError."""
    from ....ledger.report.model import Backend

    exporters = _exporters(args)
    configured = {id_: each.operators for id_, each in exporters.items()}
    found = []
    for id_, operators in destinations_of(args.destination, records, configured).items():
        options = exporters.get(id_)
        if options is None:  # taken out of the configuration since, or none was given
            found.append(Backend(destination=id_, operators=sorted(operators)))
            continue
        found.append(
            Backend(
                destination=id_, type=id_.partition("/")[0], configured=True,
                hosts=sorted(set(options.component.hosts())), operators=sorted(operators),
                standby_for=options.standby_for,
            )
        )  # fmt: skip
    return found


def _exporters(args: argparse.Namespace) -> Mapping[str, ExporterOptions]:
    """Those of the configuration; none where that lacks something here, which is told.

    Raises ConfigError where it is none.
    """
    from ...config.files import merged_files

    if not args.config:
        return {}
    merged_files(args.config, args.sets)
    try:
        return read_config(args).exporters
    except ConfigError as unread:
        # Who makes a report at night may have neither the collector's environment nor its files.
        for problem in unread.problems:
            err(f"errlock exposure report: {problem}")
        err(
            "the report knows no hosts, and operators as the journal has them: the configuration "
            "cannot be read here"
        )
        return {}


def _note(question: Question, inventory: Inventory | None) -> None:
    """Leave word of the search for the journal."""
    if inventory is None:
        return
    folders = [each.folder for each in question.records]
    for id_ in sorted(question.destinations):
        verdicts = [row.verdict for row in inventory.rows if row.destination == id_]
        counts = (len(verdicts), verdicts.count("sent"), verdicts.count("maybe"))
        note(folders, "report", id_, counts)


def _facts(path: Path | None) -> Facts:
    """What people know. Raises ConfigError, OSError."""
    from ....ledger.report.facts import Facts, WrongFacts, read_facts

    if path is None:
        return Facts()
    try:
        return read_facts(path)
    except WrongFacts as wrong:
        raise ConfigError([Problem("", str(wrong), str(path))]) from None


def _query(args: argparse.Namespace, records: Sequence[Record], since: float, until: float) -> str:
    """The command that makes the same report on another machine."""
    words = ["errlock", "exposure", "report"]
    for option, values in (
        ("-c", args.config),
        ("--storage", args.storage),
        ("--journal", [] if args.storage else [each.journal for each in records]),
        ("--account", [] if args.storage else [each.account for each in records]),
        ("--destination", args.destination),
        ("--since", [_written(since)]),
        ("--until", [_written(until)]),
        ("--facts", [args.facts] if args.facts else []),
        ("--inventory", [args.inventory] if args.inventory else []),
        ("--inventory-format", [args.inventory_format] if args.inventory_format else []),
        ("--key-file", args.key_file),
        ("--head", args.head),
        ("--head-file", args.head_file),
        ("--public-key", args.public_key),
    ):
        words += [word for value in values for word in _given(option, str(value))]
    return shlex.join(words)


def _check(args: argparse.Namespace, record: Record, heads: Sequence[Head] | None) -> str:
    """The command that checks a record, against these heads or else those that were given."""
    words = ["errlock", "exposure", "verify"]
    for option, values in (
        ("--journal", [record.journal]),
        ("--account", [record.account]),
        ("--head", args.head if heads is None else heads),
        ("--head-file", args.head_file if heads is None else []),
        ("--public-key", args.public_key),
        ("--key-file", args.key_file),
    ):
        words += [word for value in values for word in _given(option, str(value))]
    return shlex.join(words)


def _given(option: str, value: str) -> list[str]:
    """An option as it is read again; apart from it, a value with a dash would be one itself."""
    return [f"{option}={value}"] if value.startswith("-") else [option, value]


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rendered(form: str, report: Report) -> bytes:
    """The report in the form that was asked for. Raises ConfigError."""
    from ....ledger.report.pages.document import document
    from ....ledger.report.renderings.annexes import annexes, as_json
    from ....ledger.report.renderings.html import html
    from ....ledger.report.renderings.markdown import markdown
    from ....ledger.report.renderings.pdf import NoTypesetter, pdf

    if form == "json":
        return as_json(report)
    if form == "csv":
        return annexes(report)["classes.csv"]
    if form == "html":
        return html(document(report))
    if form == "pdf":
        try:
            return pdf(document(report))
        except NoTypesetter as missing:
            raise ConfigError([Problem("", str(missing), "--format pdf")]) from None
    return markdown(document(report)).encode()


def _form(args: argparse.Namespace) -> str:
    """The format that is asked for. Raises ConfigError."""
    if args.format:
        return str(args.format)
    suffix = args.output.suffix.lstrip(".").lower() if args.output else ""
    if not suffix:
        return "md"
    if suffix not in _FORMATS:
        problem = Problem("", f"ends in none of {', '.join(_FORMATS)}: name a --format", "--output")
        raise ConfigError([problem])
    return str(suffix)


def _write(path: Path | None, content: bytes) -> None:
    """To a file that only its owner may read, or to stdout. Raises OSError."""
    if path is None:
        sys.stdout.buffer.write(content)
        return
    try:
        with open(path, "wb", opener=_for_owner) as file:
            file.write(content)
    except OSError as error:  # of a full disk it does not say which file
        raise OSError(error.errno, error.strerror, str(path)) from None


def _for_owner(path: str, flags: int) -> int:
    file = os.open(path, flags, 0o600)
    if stat.S_ISREG(os.fstat(file).st_mode):  # it may have been there, open to others
        os.fchmod(file, 0o600)
    return file
