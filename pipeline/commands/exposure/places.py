"""Options that actions of `errlock exposure` share: which record, and what it is held against."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError, Problem
from ...registry import nearest

if TYPE_CHECKING:
    from ....ledger.record import Record


def add_storage_option(parser: argparse.ArgumentParser) -> None:
    """Where the records of collectors lie."""
    parser.add_argument(
        "--storage", action="append", default=[], type=Path, metavar="DIR",
        help="default: service.storage; also a copy of it; repeatable: of several collectors it is "
        "one answer",
    )  # fmt: skip


def storages_of(args: argparse.Namespace) -> list[Path]:
    """The storage folders. Raises OSError, and ConfigError, also where one is not there, is named
    twice, or is a copy of another: what lies there would count twice.
    """
    from ....ledger.record import Record

    if missing := [folder for folder in args.storage if not folder.is_dir()]:
        what = "there is no such folder"
        raise ConfigError([Problem("", what, f"--storage {folder}") for folder in missing])
    known: dict[object, Path] = {}
    for folder in args.storage:
        for mark in (folder.resolve(), Record.at(folder).beginning()):
            if mark and (same := known.setdefault(mark, folder)) is not folder:
                problem = f"is the same record as {same}, or a copy of it: it would count twice"
                raise ConfigError([Problem("", problem, str(folder))])
    if args.storage:
        return list(args.storage)
    return [storage_of(args, "--storage")]


def runs_in(folder: Path) -> bool:
    """Whether a collector has a storage folder now, as far as that can be seen from here."""
    from ....delivery.disk.folder import is_in_use

    try:
        return is_in_use(folder)
    except OSError:
        return False


def add_record_options(parser: argparse.ArgumentParser) -> None:
    """Where journal and account are."""
    parser.add_argument(
        "--journal", type=Path, metavar="FILE", help="default: the one in service.storage"
    )
    parser.add_argument(
        "--account", type=Path, metavar="FILE", help="default: ledger.db beside the journal"
    )


def journal_of(args: argparse.Namespace) -> Path:
    """The journal. Raises ConfigError."""
    if args.journal is not None:
        return Path(args.journal)
    return storage_of(args, "--journal") / "journal"


def storage_of(args: argparse.Namespace, option: str) -> Path:
    """The storage folder of the configuration. `option` would name another.

    Raises ConfigError, also where it is not there (relative ones begin at the working folder), and
    where several files name one each: they are one configuration, of which only the last folder
    would be asked, and perhaps they are of several collectors.
    """
    from ...config.part import part_of_service
    from ...config.service import Stored

    service, _ = part_of_service(args.config, args.sets, Stored)
    if service.folder is None:
        raise ConfigError([Problem("service.storage", f"keeps nothing: name a {option}")])
    named = _folders_by_file(args)
    if len(named) > 1:
        places = " and ".join(f"{folder} in {file}" for folder, file in named.items())
        raise ConfigError([Problem("service.storage", f"is {places}: say which with {option}")])
    if not service.folder.is_dir():
        what = (
            f"there is no {service.folder.absolute()}: run this in the folder in which the "
            f"collector was started, or name a {option}"
        )
        raise ConfigError([Problem("service.storage", what)])
    return service.folder


def _folders_by_file(args: argparse.Namespace) -> dict[Path | None, str]:
    """The storage folder that each of several configuration files names, if nobody set one."""
    from ...config.part import part_of_service
    from ...config.service import Stored

    if len(args.config) < 2 or any(each.startswith("service.storage=") for each in args.sets):
        return {}
    named = {}
    for file in args.config:
        its, tree = part_of_service([file], (), Stored)
        if "storage" in (tree.get("service") or ()):
            named[its.folder] = file
    return named


def destinations_of(
    names: Iterable[str],
    records: Iterable[Record],
    configured: Mapping[str, Iterable[str]] | None = None,
) -> dict[str, set[str]]:
    """The destinations that are named by their ids or operators; with who runs them, and ran them.

    Raises ConfigError for a name that neither the records nor `configured` (ids and operators)
    know, and OSError. Whoever mistypes one at night must not read that nothing was sent there.
    """
    from ....ledger.destinations import known_destinations

    known: dict[str, set[str]] = {}
    for of in (*map(known_destinations, records), configured or {}):
        for id_, operators in of.items():
            known.setdefault(id_, set()).update(operators)
    found, problems = {}, []
    for name in names:
        named = [id_ for id_ in sorted(known) if name == id_ or name in known[id_]]
        found.update({id_: known.get(id_, set()) for id_ in (named if known else [name])})
        if known and not named:
            those = sorted({*known, *(each for its in known.values() for each in its)})
            what = f"the record knows no destination or operator {name!r}"
            what += f"{nearest(name, those) or '.'} Known: {', '.join(those)}"
            problems.append(Problem("", what, "--destination"))
    if problems:
        raise ConfigError(problems)
    return found
