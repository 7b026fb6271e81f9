"""Plant decoy credentials, so that one seen in the wild names the backend that leaked, and when.

What is planted differs from destination to destination and from week to week. It goes into a
document on its way out, after the account of it was made, and so is neither stored with what waits
nor counted as exposure. One that comes back in is a secret like any other, and is told.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from ..pipeline.component import Planted, Planter, ProcessorConfig, Settings
from ..pipeline.errors import ConfigError, Problem
from ..pipeline.options import Secret
from ..pipeline.payloads.document import Document, Tree
from ..policy.keyring.decoys import SHORTEST, Decoys, digest, telling, week_name, week_of
from ..policy.keyring.pseudonyms import check_key
from ..policy.known_values import KnownValues
from ..policy.parts import Part
from .sample import SAMPLED, place, randomness


class Tripwire(ProcessorConfig, frozen=True, kw_only=True):
    """Plant decoy credentials unique to a destination and a week."""

    key: Annotated[
        Secret | None,
        Meta(description="A key from `errlock key new`, of which decoys are made."),
    ] = None
    former_keys: Annotated[
        tuple[Secret, ...],
        Meta(description="Keys of before: what was made of them is still recognised."),
    ] = ()
    field: Annotated[
        str,
        Meta(
            min_length=1,
            description="The name under which a made decoy stands, in `extra` or attributes. Names "
            "with `password`, `secret`, `token`, `auth` in them are emptied by backends.",
        ),
    ] = "deploy_key"
    share: Annotated[
        float, Meta(gt=0, le=1, description="The share of documents that get one.")
    ] = 0.01
    decoys: Annotated[
        Mapping[str, tuple[Mapping[str, Secret], ...]],
        Meta(
            description="Decoys of your own (canary tokens), by exporter: each a map of field "
            "names to values. They take turns by the week, and stand in place of made ones."
        ),
    ] = {}

    def problems(self) -> Iterator[Problem]:
        """Keys that are none, decoys that say nothing, nothing to plant."""
        if self.key is None and not any(self.decoys.values()):
            yield Problem("key", "expected a key, or decoys of your own")
        for path, key in (
            ("key", self.key),
            *((f"former_keys[{i}]", each) for i, each in enumerate(self.former_keys)),
        ):
            if key is not None and (wrong := check_key(key.reveal())) is not None:
                yield Problem(path, wrong)
        if self.key is None and self.former_keys:
            yield Problem("former_keys", "needs a key")
        for exporter, decoys in self.decoys.items():
            for index, decoy in enumerate(decoys):
                if not telling(value.reveal() for value in decoy.values()):
                    yield Problem(
                        f"decoys.{exporter}[{index}]",
                        f"expected a value of at least {SHORTEST} characters, that nobody guesses",
                    )

    def build(self, settings: Settings) -> TripwirePart:
        """Make the part. Raises ConfigError for decoys of an exporter that is not configured."""
        known = settings.exporters
        wrong = [name for name in self.decoys if known and name not in known]
        if wrong:
            raise ConfigError(
                [
                    Problem(f"decoys.{name}", f"no exporter {name!r}. Known: {', '.join(known)}")
                    for name in wrong
                ]
            )
        decoys = self.material(known)
        return TripwirePart(
            decoys, self.share, known=KnownValues(value for value, _ in decoys.own_values())
        )

    def material(self, destinations: Sequence[str]) -> Decoys:
        """Its decoys with these destinations."""
        keys = [self.key, *self.former_keys] if self.key is not None else []
        own = {
            exporter: [{name: value.reveal() for name, value in each.items()} for each in decoys]
            for exporter, decoys in self.decoys.items()
        }
        return Decoys([key.reveal() for key in keys], self.field, own, destinations)


@dataclass(frozen=True)
class TripwirePart(Part, Planter):
    """Claims no class: what comes back in is found, and left to the policy."""

    decoys: Decoys = field(compare=False)
    share: float

    def plant(self, document: Document, destination: str, now: float) -> Planted | None:
        """See `Planter.plant`."""
        if document.type not in SAMPLED or not self._chosen(document, destination):
            return None
        week = week_of(now)
        fields = self.decoys.of(destination, week)
        tree = document.tree
        if not fields or not isinstance(tree, dict):
            return None
        where, wrapped = place(document.type, tree)
        around = tree.get(where) if where is not None else None
        if where is None or not isinstance(around, dict | None):
            return None
        if around is not None and not fields.keys().isdisjoint(around):
            return None  # it has something real of that name
        planted: dict[str, Tree] = {
            name: {"type": "string", "value": value} if wrapped else value
            for name, value in fields.items()
        }
        document.tree = {**tree, where: {**(around or {}), **planted}}
        digests = tuple(digest(value) for value in telling(fields.values()))
        return Planted(destination, week_name(week), digests)

    def returned(self, value: str) -> list[tuple[str, str]]:
        """See `Planter.returned`."""
        origins = self.decoys.origins(value, week_of(time.time()))
        return [(who, "" if week is None else week_name(week)) for who, week in origins]

    def _chosen(self, document: Document, destination: str) -> bool:
        """By a pure function of its ids, other than that of `sample`: all that `sample` lets
        through is at one end of that.
        """
        text = f"{randomness(document):014x} {destination}".encode()
        drawn = hashlib.blake2b(text, digest_size=8, person=b"tripwire").digest()
        return int.from_bytes(drawn, "big") < self.share * 2**64
