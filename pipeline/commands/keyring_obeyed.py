"""Whether a running collector obeys what was done to its keyring."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from ..terminal import err
from .talking import client_of, named_one, telling

if TYPE_CHECKING:
    from ...policy.keyring.epochs import Epochs
    from ..control.status import KeyringStatus

_PATIENCE, _LOOK_EVERY = 10.0, 0.1  # seconds


def obeyed(args: argparse.Namespace, epochs: Epochs) -> int:
    """Say whether the collector that the options name has taken up a keyring as it is now.

    Exit code 0 when it has, and its journal knows, or when no collector is named; else 1, and 2
    where it cannot be asked.
    """
    return _ask(args, epochs) if named_one(args) else 0


def _ask(args: argparse.Namespace, epochs: Epochs) -> int:
    @telling(f"key {args.action}")
    def ask(args: argparse.Namespace) -> int:
        from ..control.status import Status

        client, deadline = client_of(args), time.monotonic() + _PATIENCE
        while True:
            keyrings = client.ask("/v1/status", Status).keyrings
            found = next((each for each in keyrings if each.id == epochs.id), None)
            if found is not None and found.events >= len(epochs.history):
                err("the collector obeys")
                return 0
            if found is None or time.monotonic() >= deadline:
                break
            time.sleep(_LOOK_EVERY)
        err(f"errlock key {args.action}: {_why_not(found)}")
        return 1

    return ask(args)


def _why_not(found: KeyringStatus | None) -> str:
    if found is None:
        return "the collector does not use this keyring"
    return f"the collector does not obey yet: {found.trouble or 'it does not look at the file'}"
