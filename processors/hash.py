"""Put keyed pseudonyms in place of values: what was the same stays the same, nothing else shows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from ..pipeline.component import ProcessorConfig, Settings
from ..pipeline.errors import ConfigError, Problem
from ..pipeline.options import Duration, Secret
from ..policy.keyring.pseudonyms import Keyring, KeyringError, SingleKey, check_key
from ..policy.parts import HashPart
from .option_problems import class_problems

_SHORTEST_EPOCH = 3600.0  # seconds


class Hash(ProcessorConfig, frozen=True, kw_only=True):
    """Replace values by keyed pseudonyms such as `[email:e1:0x9f3b6c02d41a]`.

    With `key` alone, the key is that of the epoch e0, and everyone who has it makes the same
    pseudonyms. With a `keyring`, each epoch and destination has a random key in that file, wrapped
    by `key`: see `errlock key rotate` and `errlock key destroy`.
    """

    key: Annotated[Secret, Meta(description="A key from `errlock key new`. There is no default.")]
    keyring: Annotated[
        str | None,
        Meta(description="The file with the keys, from `errlock key new --keyring FILE`."),
    ] = None
    rotate: Annotated[
        Duration | None,
        Meta(
            description="How old an epoch of the `keyring` may get, such as 90d; then a new one "
            "begins. Else `errlock key rotate` begins it."
        ),
    ] = None
    classes: Annotated[
        tuple[str, ...],
        Meta(description="What to hash. Secrets are hashed only where a secret class is named."),
    ] = ("pii.user_id", "pii.email", "pii.username")
    scope: Annotated[
        Literal["destination", "shared"],
        Meta(
            description="`destination`: pseudonyms differ from destination to destination, so that "
            "two of them cannot compare. `shared`: they are the same everywhere."
        ),
    ] = "destination"

    def problems(self) -> Iterable[Problem]:
        """A key that is none, an impossible rotation, and unknown classes."""
        wrong = check_key(self.key.reveal())
        if wrong is not None:
            yield Problem("key", wrong)
        if self.rotate is not None and self.keyring is None:
            yield Problem(
                "rotate", "needs a keyring: make one with `errlock key new --keyring FILE`"
            )
        elif self.rotate is not None and self.rotate < _SHORTEST_EPOCH:
            yield Problem("rotate", "expected 1h or more")
        yield from class_problems("classes", self.classes)

    def build(self, settings: Settings) -> HashPart:
        """Make the part. Raises ConfigError when the keyring cannot be used with this key."""
        try:
            keyring = self._keys()
        except KeyringError as error:
            raise ConfigError([Problem("keyring", str(error))]) from None
        return HashPart(classes=self.classes, keyring=keyring, shared=self.scope == "shared")

    def _keys(self) -> Keyring:
        if self.keyring is None:
            return SingleKey(self.key.reveal())
        from ..policy.keyring.keyring import FileKeyring

        return FileKeyring(Path(self.keyring), self.key.reveal(), self.rotate)
