"""What a new configuration changes in a running collector: told to who asked for it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Protocol

import msgspec

from ...policy.named_files import read_file
from ..config import Config
from ..errors import ConfigError, refused_by_system
from ..options import OUT_OF_FILES, PemFile
from .pem_files import pem_files

_LOOK_EVERY = 1.0  # seconds

_log = logging.getLogger("errlock.reload")

# Of `service`, what a running collector takes over. Everything else needs a restart.
_TAKEN_OVER = frozenset({"pipelines", "shutdown_timeout", "max_bytes_in_flight"})


@dataclass(frozen=True, slots=True)
class Difference:
    """Ids of one section."""

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, old: Mapping[str, object], new: Mapping[str, object]) -> Difference:
        """Between two sections by id."""
        return cls(
            added=[id_ for id_ in new if id_ not in old],
            removed=[id_ for id_ in old if id_ not in new],
            changed=[id_ for id_ in new if id_ in old and old[id_] != new[id_]],
        )

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reload changed, by section, and what it could not."""

    receivers: Difference
    processors: Difference
    exporters: Difference
    pipelines: Difference
    plans: Difference  # of incidents
    needs_restart: list[str]  # options of `service` that differ and stay as they were

    @classmethod
    def between(cls, old: Config, new: Config) -> Changes:
        """What differs."""
        return cls(
            Difference.of(old.receivers, new.receivers),
            Difference.of(old.processors, new.processors),
            Difference.of(old.exporters, new.exporters),
            Difference.of(old.service.pipelines, new.service.pipelines),
            Difference.of(old.incident.plans, new.incident.plans),
            [f"service.{name}" for name in _fixed(old) if _differs(old, new, name)],
        )

    def __bool__(self) -> bool:
        sections = (self.receivers, self.processors, self.exporters, self.pipelines, self.plans)
        return any(sections) or bool(self.needs_restart)

    def as_dict(self) -> dict[str, object]:
        """The same, ready for JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The same for people, one line a change."""
        found = [
            f"{section} {what}: {', '.join(ids)}"
            for section in ("receivers", "processors", "exporters", "pipelines", "plans")
            for what, ids in asdict(getattr(self, section)).items()
            if ids
        ]
        if self.needs_restart:
            found.append(f"after a restart only: {', '.join(self.needs_restart)}")
        return found


def with_service_of(new: Config, running: Config) -> Config:
    """A new configuration as far as a running collector can take it over."""
    kept = {name: getattr(running.service, name) for name in _fixed(running)}
    return replace(new, service=msgspec.structs.replace(new.service, **kept))


def _fixed(config: Config) -> Iterable[str]:
    return [name for name in config.service.__struct_fields__ if name not in _TAKEN_OVER]


def _differs(old: Config, new: Config, name: str) -> bool:
    return bool(getattr(old.service, name) != getattr(new.service, name))


class Reloadable(Protocol):
    """What runs another configuration when it is given one."""

    @property
    def config(self) -> Config:
        """The one that it runs."""

    async def reload(self, config: Config) -> Changes:
        """See `Collector.reload`."""


class Source:
    """Files that a configuration comes from, and what else it needs to be read again.

    Certificates that it names are read with it: one that was renewed is a changed file.
    """

    def __init__(self, paths: Sequence[str], read: Callable[[], Config]) -> None:
        """Look at the files as they are now: make it before they are read for the first time.

        Else what changes between the two would never be seen.
        """
        self._paths = [Path(path) for path in paths]
        self._read = read
        self._told = asyncio.Event()
        # Held from reading to running: else a file that was read before it changed could be run
        # after what it says now, and a control that somebody put back would be off again.
        self._reloading = asyncio.Lock()
        self._pem: list[PemFile] = []  # as they were when they were read or looked at
        looked = self._looked()
        self._seen = None if looked is None else looked[0]

    def look(self) -> None:
        """Have `keep_up` read the files again, whether or not they have changed."""
        self._told.set()

    async def keep_up(self, collector: Reloadable) -> None:
        """Reload whenever a file has changed or somebody says so. Never returns."""
        self._pem = _pem_files(collector.config)
        watch = collector.config.service.watch_config  # else somebody has to say so
        before = None
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY if watch else None):
                    await self._told.wait()
            told = self._told.is_set()
            self._told.clear()
            looked = await asyncio.to_thread(self._looked)
            # One that somebody is still writing differs from look to look.
            written, before = looked == before, looked
            if told or (written and looked is not None and looked != (self._seen, self._pem)):
                if looked is not None:
                    self._seen, self._pem = looked
                with suppress(ConfigError, OSError):  # it was told; the old one goes on
                    await self.reload(collector)

    async def reload(self, collector: Reloadable) -> Changes:
        """Read it and run it. Raises ConfigError or OSError; then all goes on as it was."""
        try:
            async with self._reloading:
                config = await asyncio.to_thread(self._read)
                self._pem = _pem_files(config)
                changes = await collector.reload(config)
        except ConfigError as error:
            _log.error("the new configuration cannot be used; the old one goes on")
            for problem in error.problems:
                _log.error("%s", problem)
            raise
        except OSError as error:
            _log.error("the old configuration goes on: %s", refused_by_system(error))
            raise
        for line in changes.lines() or ["nothing has changed"]:
            _log.info("reloaded: %s", line)
        return changes

    def _looked(self) -> tuple[bytes, list[PemFile]] | None:
        """What differs when a file does: a digest of the configuration, and what it names.

        Links are followed: a mounted folder changes its target. Of a pipe nothing is read: it is
        there once. None: no more files may be opened, so that nobody knows.
        """
        digest = hashlib.sha256()
        for path in self._paths:
            try:
                if path.is_file():
                    digest.update(read_file(path, patience=0))
            except OSError as error:  # else it is being replaced
                if error.errno in OUT_OF_FILES:
                    return None
            digest.update(b"\0")
        try:
            return digest.digest(), [PemFile(each.path) for each in self._pem]
        except ValueError:
            return None


def _pem_files(config: Config) -> list[PemFile]:
    return [file for _, file in pem_files(config)]
