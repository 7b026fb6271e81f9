"""Where a collector's control API is, and the token for it, as its configuration says."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config import ControlOptions
from ..config.part import part_of_service
from ..config.service import Stored
from ..errors import ConfigError, Problem
from ..http.token_form import problem_of
from .tokens import TokenStore, TokensUnusable, token_in


class _Service(Stored, frozen=True, kw_only=True):
    """The options of `service` that are needed here."""

    control: ControlOptions = ControlOptions()


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
    service, written = part_of_service(paths, sets, _Service, env)
    exporters = written.get("exporters")
    return Whereabouts(
        control=service.control,
        storage=service.folder,
        exporters=list(exporters) if isinstance(exporters, dict) else ["local"],
    )
