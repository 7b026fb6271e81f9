"""Tightens without a collector that answers: through the file of trust in its storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from ...delivery.disk.folder import is_in_use
from ...delivery.trust.file import TrustFileFailed, tighten_offline
from ...delivery.trust.operators import spellings
from ...delivery.trust.states import Trusts
from ...ledger.journal.journal import latest
from ..errors import ConfigError, Problem
from ..host.os_account import account
from ..registry import nearest
from .reaching import Whereabouts
from .tokens import Tokens, TokenStore, TokensUnusable, token_in


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a word."""

    file: Path
    said: Trusts  # all that the file says now; nothing when it failed
    in_use: bool = False  # whether a collector has that folder now, and obeys
    failed: str | None = None  # the kind of what went wrong
    strange: Sequence[str] = ()  # names that mean nobody, as far as is known: these operators
    operators: Sequence[str] = ()


def tighten(
    there: Whereabouts,
    names: Sequence[str],
    state: Literal["held", "distrusted"],
    why: str,
    token_file: Path | None,
) -> Written:
    """Write a word for the collector to find. Raises ConfigError for a name that means nothing."""
    if there.storage is None:
        raise ConfigError(
            [Problem("service.storage", "is memory: only a collector that answers can be told")]
        )
    ran = _ran(there.storage)
    _check([*there.exporters, *sorted(ran.keys() - there.exporters)], names)
    file = there.storage / "trust"
    try:
        who = _who(there.storage, token_file)
        said = tighten_offline(there.storage, names, state, who, why)
    except TrustFileFailed as failure:
        return Written(file, Trusts(), failed=failure.kind)
    in_use = False
    with suppress(OSError):
        in_use = is_in_use(there.storage)
    operators = set().union(*ran.values())
    known = {*there.exporters, *operators}
    strange = [name for name in names if operators and not known.intersection(spellings(name))]
    return Written(file, said, in_use=in_use, strange=strange, operators=sorted(operators))


def _ran(storage: Path) -> Mapping[str, set[str]]:
    """What a collector ran there last, by its journal: its exporters and their operators.

    Where its configuration cannot be read, nothing else says what may be meant.
    """
    with suppress(OSError, KeyError, msgspec.ValidationError):
        newest = latest(storage / "journal", "policy", lambda entry: "operators" in entry.body)
        if newest is not None:
            return msgspec.convert(newest.body["operators"], dict[str, set[str]])
    return {}


def _check(exporters: Sequence[str], names: Sequence[str]) -> None:
    """Which operators a configuration has is not known here, only that they are domains."""
    wrong = [
        Problem("", f"no exporter {name!r}{nearest(name, list(exporters)) or '.'} "
                f"Known: {', '.join(exporters)}")
        for name in names
        if name not in exporters and ("." not in name or "/" in name)
    ]  # fmt: skip
    if wrong:
        raise ConfigError(wrong)


def _who(storage: Path, token_file: Path | None) -> str:
    """The name that a token has there, else that of the account on this machine."""
    store = TokenStore(storage)
    with suppress(OSError, TokensUnusable):
        person = Tokens(store, None).person(token_in(token_file or store.first))
        if person is not None:
            return f"{person.name} (offline)"
    return f"{account()} (offline)"
