"""A keyring file in use: its keys as they are now, for those who make pseudonyms.

Whoever makes pseudonyms looks at the file once a second. A new epoch is taken up, a destroyed key
is let go, a destination that has no key yet gets one; nobody has to be told or started again.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from ..forks import in_children
from .epochs import ALL, Epochs, Said
from .file import Content, KeyringFile, Stamp
from .pseudonyms import Epoch, Keyring, KeyringError
from .wrapping import Wrapping

_LOOK_EVERY = 1.0  # seconds
_CLOCKS_DIFFER = 0.1  # hours: by less, nothing is wrong

_log = logging.getLogger("errlock.keyring")


def new_keyring(path: Path, key: str, said: Said) -> None:
    """Create a keyring file with one epoch, wrapped by `key`; only the owner may read it.

    Raises FileExistsError rather than replacing a keyring, and KeyringError for a bad key.
    """
    KeyringFile(path).create(Epochs.first(Wrapping(key).mark(), said))


class FileKeyring(Keyring):
    """The keys of a file. Never shows one. Safe from every thread.

    While the file cannot be read or written, what was read last goes on, but no key that is known
    to be destroyed: then making pseudonyms fails.
    """

    def __init__(self, path: Path, key: str, rotate: float | None = None) -> None:
        """Read the file; change nothing. Raises KeyringError when that fails with this key.

        `rotate` is the age in seconds at which an epoch ends by itself.
        """
        self.path = path
        self._rotate = rotate
        self._file = KeyringFile(path)
        self._wrapping = Wrapping(key)
        self._lock = threading.RLock()
        in_children(self, lambda keyring: keyring.renew_lock())
        self._epochs: dict[str, Epoch] = {}  # of destinations: replaced, never changed
        self._stamp: Stamp | None = None  # None: something of it is not taken up yet
        self._look_at = 0.0
        self._failing = False
        self._ahead = False  # of the clock
        self._content = self._file.read()
        self._wrapping.check(self._content.epochs.check)

    @property
    def epochs(self) -> Epochs:
        """What the file said last."""
        return self._content.epochs

    def open(self, scope: str) -> None:
        """See `Keyring.open`: makes the key if there is none."""
        with self._lock:
            self._epochs = {**self._epochs, scope: self._ready(scope)}

    def current(self, scope: str) -> Epoch:
        """See `Keyring.current`."""
        if time.monotonic() >= self._look_at:
            self._look()
        if scope not in self._epochs:
            self.open(scope)
        return self._epochs[scope]

    def refresh(self) -> None:
        """Take up what has changed in the file. Blocks. Raises KeyringError."""
        with self._lock:
            self._look_at = time.monotonic() + _LOOK_EVERY
            if self._file.stamp() != self._stamp:
                self._take_up(self._file.read())
            if self._is_old(self.epochs):
                self._take_up(self._file.change(self._rotated))

    def all(self, scope: str) -> list[Epoch]:
        """Every epoch in which a destination has a key, the oldest first. Raises KeyringError."""
        self.refresh()
        found = [epoch for epoch, keys in self.epochs.keys.items() if scope in keys]
        return [self._opened(epoch, scope) for epoch in sorted(found, key=lambda e: int(e[1:]))]

    def renew_lock(self) -> None:
        """In a forked child: whatever another thread was about at that moment is not done here."""
        self._lock = threading.RLock()
        self._stamp = None

    def _look(self) -> None:
        """Refresh, unless another thread does. A failure is told once."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            self.refresh()
            self._failing = False
        except KeyringError as failure:
            if not self._failing:
                _log.error("%s", failure)
            self._failing = True
        finally:
            self._lock.release()

    def _is_old(self, epochs: Epochs) -> bool:
        return self._rotate is not None and epochs.age() >= self._rotate

    def _rotated(self, epochs: Epochs) -> Epochs:
        """With a new epoch, unless another process was first."""
        return epochs.begun(ALL, Said("errlock", "hash.rotate")) if self._is_old(epochs) else epochs

    def _take_up(self, content: Content) -> None:
        """Go over to what the file says: everybody who had a key has the one of today."""
        self._stamp = None
        scopes = list(self._epochs)
        self._take(content)
        for scope in scopes:
            self.open(scope)
        self._stamp = self._content.stamp
        self._tell_if_ahead()

    def _tell_if_ahead(self) -> None:
        """Nobody ends such an epoch early: two whose clocks differ would do so to each other."""
        hours = -self.epochs.age() / 3600
        before, self._ahead = self._ahead, self._rotate is not None and hours > _CLOCKS_DIFFER
        if self._ahead and not before:
            _log.warning(
                "%s: by this clock its epoch begins in %.0f hours: until then nothing is rotated",
                self.path,
                hours,
            )

    def _take(self, content: Content) -> None:
        """Believe what the file says, and let go of what it says is destroyed."""
        self._wrapping.check(content.epochs.check)
        self._epochs = {
            scope: epoch
            for scope, epoch in self._epochs.items()
            if content.epochs.destruction(epoch.name, scope) is None
        }
        self._content = content

    def _ready(self, scope: str) -> Epoch:
        """The epoch that a destination is in, with its key, which is made if there is none."""
        name = self.epochs.current(scope)
        if scope not in self.epochs.keys.get(name, {}):
            self._take(self._file.change(lambda epochs: self._with_key(epochs, scope)))
            name = self.epochs.current(scope)
        return self._opened(name, scope)

    def _with_key(self, epochs: Epochs, scope: str) -> Epochs:
        name = epochs.current(scope)
        if scope in epochs.keys.get(name, {}):  # another process was first
            return epochs
        self._wrapping.check(epochs.check)
        return epochs.with_key(name, scope, self._wrapping.new(name, scope))

    def _opened(self, epoch: str, scope: str) -> Epoch:
        sealed = self.epochs.keys[epoch][scope]
        return Epoch(epoch, self._wrapping.open(sealed, epoch, scope))
