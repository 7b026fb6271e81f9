"""Which values get needles, and how a fingerprint becomes one.

A needle is the fingerprint of a value (fingerprints.py), encrypted under a key of one destination,
and half of that: 8 bytes of AES-256. Without the ledger's key no value can be tried on it, and the
needles of two destinations cannot be compared.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...policy.classes import matches
from ...policy.keyring.pseudonyms import normalised
from ..fingerprints import VALUES, Fingerprints
from .sealing import SealKey

# So few values are possible that whoever gets key and needles has them all: none are kept.
_NEVER = (
    "secret.otp", "financial.cvv", "pii.dob", "pii.ip", "pii.location", "pii.health",
)  # fmt: skip
# Numbers and words of which lists exist, or can be made: only if asked for, and cut short, so that
# many values share each needle.
GUESSABLE = (
    "pii.phone", "financial.card", "financial.iban", "financial.bank_account", "pii.national_id",
    "pii.passport", "pii.imei", "pii.mac", "pii.name", "pii.address",
)  # fmt: skip
SHORT_BITS = 24  # of a needle that was cut: one of 17 million


def is_guessable(class_: str) -> bool:
    """Whether needles of a class are cut short."""
    return any(matches(class_, each) for each in GUESSABLE)


@lru_cache(maxsize=1024)
def is_kept(class_: str, asked: tuple[str, ...]) -> bool:
    """Whether values of a class get needles. `asked` are the guessable classes that do."""
    if class_.startswith("code.") or class_ in _NEVER:
        return False
    return not is_guessable(class_) or any(matches(class_, each) for each in asked)


class NeedleKey:
    """One key of the ledger, for making needles and for looking for them."""

    def __init__(self, key: str) -> None:
        secret = key.encode()
        # Another word here for every other way to make needles: those that were made before are
        # then told as kept under a key that was not given, not passed over.
        self.id = hmac.digest(secret, b"errlock needles aes id", hashlib.sha256).hex()[:8]
        self._secret = secret
        self.seal = SealKey(secret, self.id)
        self._values = Fingerprints(key, VALUES)

    def fingerprint(self, class_: str, value: str) -> int:
        """As manifests have it."""
        return self.fingerprints([normalised(class_, value)])[0]

    def fingerprints(self, texts: Iterable[str]) -> Sequence[int]:
        """As manifests have them: of values that are normalised, in order."""
        return self._values.of_values(texts)

    def needles(self, destination: str, fingerprints: Collection[int]) -> NDArray[np.int64]:
        """As they are kept for a destination, in order."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        about = b"errlock needles\0" + destination.encode()
        key = hmac.digest(self._secret, about, hashlib.sha256)
        blocks = np.zeros((len(fingerprints), 2), ">i8")
        blocks[:, 0] = np.fromiter(fingerprints, np.int64, len(fingerprints))
        # The block cipher alone, which is no way to hide a message: one block, one needle.
        cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
        return np.frombuffer(cipher.update(blocks.tobytes()), ">i8")[::2].astype(np.int64)


def shortened(needles: NDArray[np.int64]) -> NDArray[np.int64]:
    """The part of needles that is kept of guessable values."""
    return (needles >> (64 - SHORT_BITS)) & ((1 << SHORT_BITS) - 1)
