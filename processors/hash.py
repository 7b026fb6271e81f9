"""Put keyed pseudonyms in place of values: what was the same stays the same, nothing else shows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from ..pipeline.component import ProcessorConfig, Settings
from ..pipeline.errors import ConfigError, Problem
from ..pipeline.options import Secret
from ..policy.parts import HashPart
from ..policy.pseudonyms import Keyring, KeyringError, check_key
from .redact import class_problems


class Hash(ProcessorConfig, frozen=True, kw_only=True):
    """Replace values by keyed pseudonyms such as `[email:e1:0x9f3b6c02d41a]`.

    With `key` alone, the key is that of the epoch e0, and everyone who has it makes the same
    pseudonyms. With a `keyring`, the epoch keys are random, in that file, wrapped by `key`.
    """

    key: Annotated[Secret, Meta(description="A key from `errlock key new`. There is no default.")]
    keyring: Annotated[
        str | None,
        Meta(description="The file with the epoch keys, from `errlock key new --keyring FILE`."),
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
        """A key that is none, and unknown classes."""
        wrong = check_key(self.key.reveal())
        if wrong is not None:
            yield Problem("key", wrong)
        yield from class_problems("classes", self.classes)

    def build(self, settings: Settings) -> HashPart:
        """Make the part. Raises ConfigError when the keyring cannot be used with this key."""
        try:
            if self.keyring is None:
                keyring = Keyring.from_key(self.key.reveal())
            else:
                keyring = Keyring.from_file(Path(self.keyring), self.key.reveal())
        except KeyringError as error:
            raise ConfigError([Problem("keyring", str(error))]) from None
        return HashPart(classes=self.classes, keyring=keyring, shared=self.scope == "shared")
