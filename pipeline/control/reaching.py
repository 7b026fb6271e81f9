"""Where a collector's control API is, and the token for it, as its configuration says.

The rest of that configuration is not looked at: who has to stop a destination may not have the
environment that the collector runs with, nor its certificates.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config import ControlOptions
from ..config.decoding import Decoder
from ..config.files import merged_files
from ..config.interpolation import Broken, Expander
from ..config.service import Section, storage_problem
from ..errors import ConfigError, Problem
from .token_form import problem_of
from .tokens import TokenStore, TokensUnusable, token_in


class _Service(Section, frozen=True, kw_only=True):
    """The options of `service` that are needed here."""

    storage: str = "./errlock-data"
    control: ControlOptions = ControlOptions()

    def problems(self) -> Iterable[Problem]:
        """A storage that is none."""
        if message := storage_problem(self.storage):
            yield Problem("storage", message)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What a collector's configuration says to those who want to talk to it."""

    control: ControlOptions
    storage: Path | None  # None: memory
    exporters: Sequence[str]  # their ids

    @property
    def url(self) -> str:
        """Where the control API answers. Raises ConfigError if it answers nowhere."""
        if not self.control.endpoint:
            raise ConfigError([Problem("service.control.endpoint", "is empty: nobody answers")])
        host, _, port = self.control.endpoint.rpartition(":")
        everywhere = {"": "localhost", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104
        return f"http://{everywhere.get(host, host)}:{port}"

    def token(self) -> str:
        """The token of whoever may read the configuration. Raises OSError, TokensUnusable."""
        if self.control.token is not None:
            token = self.control.token.reveal()
            if problem := problem_of(token):
                raise TokensUnusable(f"service.control.token: {problem}")
            return token
        if self.storage is None:
            raise ConfigError([Problem("service.control.token", "is needed with storage: memory")])
        return token_in(TokenStore(self.storage).first)


def whereabouts(
    paths: Sequence[str], sets: Sequence[str], env: Mapping[str, str] = os.environ
) -> Whereabouts:
    """Read what is needed to talk to a collector. Raises ConfigError."""
    merged = merged_files(paths, sets)
    written = merged.tree.get("service")
    needed = {
        name: value
        for name, value in (written if isinstance(written, dict) else {}).items()
        if name in _Service.__struct_fields__
    }
    expander = Expander(env, merged.places)
    decoder = Decoder(merged.places)
    service = decoder.struct(_Service, expander.expand(needed, ("service",)), ("service",))
    if expander.problems or isinstance(service, Broken):
        raise ConfigError([*expander.problems, *decoder.problems])
    exporters = merged.tree.get("exporters")
    return Whereabouts(
        control=service.control,
        storage=None if service.storage == "memory" else Path(service.storage),
        exporters=list(exporters) if isinstance(exporters, dict) else ["local"],
    )
