"""A person's pseudonyms: what stands for a value at each destination, in each epoch."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from ..policy.classes import matches
from ..policy.keyring.epochs import Epochs, Event
from ..policy.keyring.keyring import FileKeyring
from ..policy.parts import HashPart
from ..policy.placeholders import placeholder
from ..processors.hash import Hash
from .component import Settings
from .config import Config
from .counters import Counters
from .errors import ConfigError, Problem, within
from .graph.graph import exporters_of


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """What stands for a value at a destination in one epoch."""

    destination: str  # empty: all that share a key
    epoch: str
    since: str | None  # when the epoch began, and ended; None: not known, not yet
    until: str | None
    text: str  # `[email:e1:0x9f3b6c02d41a]`


@dataclass(frozen=True, slots=True)
class Answer:
    """All that can be said, and the destroyed keys because of which nothing else can."""

    found: list[Pseudonym]
    destroyed: list[Event]


def pseudonyms_of(config: Config, class_: str, value: str) -> Answer:
    """What stands for a value of a class, under every key that is left.

    Makes no key. Raises ConfigError when no processor hashes that class, or a keyring cannot be
    used, and KeyringError when that shows later. Nothing that is raised has the value.
    """
    hashing = {
        id_: options
        for id_, options in config.processors.items()
        if isinstance(options, Hash) and any(matches(class_, each) for each in options.classes)
    }
    if not hashing:
        raise ConfigError([Problem("processors", f"none of type hash takes {class_}")])
    found: dict[Pseudonym, None] = {}
    destroyed: dict[Event, None] = {}
    for id_, options in hashing.items():
        part = _built(id_, options)
        if isinstance(part.keyring, FileKeyring):
            made, gone = _in_file(part.keyring, class_, value)
        else:
            made, gone = _with_key(part, _destinations(config, id_), class_, value), []
        found |= dict.fromkeys(made)
        destroyed |= dict.fromkeys(gone)
    return Answer(sorted(found, key=lambda each: each.destination), list(destroyed))


def _built(id_: str, options: Hash) -> HashPart:
    try:
        return options.build(Settings(id_, Counters(), logging.getLogger("errlock")))
    except ConfigError as error:
        raise ConfigError(within(f"processors.{id_}", error.problems)) from None


def _in_file(keyring: FileKeyring, class_: str, value: str) -> tuple[list[Pseudonym], list[Event]]:
    """Of every destination that has a key there, whether or not it is configured now."""
    epochs = keyring.epochs
    found = [
        Pseudonym(
            scope, epoch.name, _began(epochs, epoch.name), epochs.ended(epoch.name, scope),
            placeholder(class_, epoch.pseudonym(class_, value)),
        )
        for scope in epochs.destinations()
        for epoch in keyring.all(scope)
    ]  # fmt: skip
    return found, [event for event in epochs.history if event.did == "destroyed"]


def _began(epochs: Epochs, name: str) -> str:
    return next(event.time for event in epochs.history if event.epoch == name)


def _with_key(
    part: HashPart, destinations: Iterator[str], class_: str, value: str
) -> list[Pseudonym]:
    found = []
    for destination in [""] if part.shared else destinations:
        epoch = part.keyring.current(destination)
        text = placeholder(class_, epoch.pseudonym(class_, value))
        found.append(Pseudonym(destination, epoch.name, None, None, text))
    return found


def _destinations(config: Config, processor: str) -> Iterator[str]:
    """Those whose documents pass a processor."""
    for pipeline in config.service.pipelines.values():
        for exporter in exporters_of(config, pipeline):
            if processor in (*pipeline.processors, *config.exporters[exporter].processors):
                yield exporter
