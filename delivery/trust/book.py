"""What is in force now: trust states in memory, in their file, and told to who has to obey.

Tightening is in force at once, whatever becomes of the file or the journal. Loosening is
journaled and written down first, and refused when that fails.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Literal

import msgspec

from ...pipeline.host.threads import start_all
from .file import Saved, TrustFile, TrustFileFailed
from .states import Trust, Trusts
from .telling import Telling

Journal = Callable[[Literal["trust"], Mapping[str, object]], None]

# How often the file is looked at, in seconds, and how often an unwritten word is tried again.
_LOOK_EVERY = 0.25
_WRITE_AGAIN_EVERY = 5.0
_WRITERS = 1  # all words are written in their order


class NotPersisted(Exception):  # noqa: N818  what became of a word, for who said it
    """A word was not written down: a tightening is in force all the same, a loosening is not.

    `kind` is one of TrustFileFailed, `journal`, `overtaken` (somebody tightened meanwhile) or
    `closed` (the collector is stopping).
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class TrustBook:
    """The trust states of every destination. Use as: open, then watch in a task; close.

    Subscribers are told on the event loop on which `open` was called, which `reload` and
    `subscribe` belong to as well. The rest may be used from any thread and any loop: whose word
    it is must not have to wait until the pipeline's loop has time.
    """

    def __init__(
        self,
        file: TrustFile | None,
        destinations: Mapping[str, Collection[str]],
        *,
        log: logging.Logger,
        journal: Journal | None = None,
        remember: Callable[[int], None] | None = None,
    ) -> None:
        """`file`: None keeps it in memory. `destinations`: the operators of each, by id.

        `journal` is called in a thread. `remember` is told on the event loop which generation of
        the file is in force: to be kept elsewhere and handed to `open` at the next start.
        """
        self.fault: str | None = None  # what is wrong with the file
        self._file = file
        self._destinations = dict(destinations)
        self._log = log
        self._journal = journal
        self._remember = remember
        self._trusts = Trusts()
        self._generation = 0  # of the file, the highest that was seen
        self._remembered = 0
        self._loosenings = 0  # so far: what was read from the file before one is out of date
        self._changing = threading.Lock()  # held to change the four above, never for long
        self._unwritten = False
        self._telling = Telling(self.of, log)
        self._writer = ThreadPoolExecutor(_WRITERS, thread_name_prefix="trust file")

    async def open(
        self,
        remembered: int | None = None,
        journaled: Mapping[str, Trust] | None = None,
        doubt: str | None = None,
    ) -> None:
        """Put in force what the file says. A file that cannot be relied on holds everything.

        `remembered`: the generation that was last in force; the file must not be older.
        `journaled`: the last words in the journal, which may be ahead of the file: then it is told
        what the file says. `doubt`: why the file may lack words although nothing is wrong with it;
        that everything is held then is written down, as no later start may have that doubt. Raises
        OSError when there is no thread to write in.
        """
        start_all(self._writer, _WRITERS)
        self._telling.belong_here()
        if self._file is not None:
            self._generation = self._remembered = remembered or 0
            try:
                self._put_in_force(self._file.read(), journaled or {})
            except TrustFileFailed as failure:
                self._hold_all(Trusts(), f"the trust file cannot be used: {failure.kind}")
            if doubt is not None and self.fault is None:
                self._hold_all(self._trusts, doubt)
                await self._in_writer(self._save_again)
                self.fault = doubt
        self.said()
        self._tell()

    def close(self) -> None:
        """Write nothing more. Idempotent."""
        self._writer.shutdown(wait=False)
        if self._file is not None:
            self._file.close()

    def of(self, destination: str) -> Trust:
        """What is in force for a destination."""
        return self.word(destination)[1]

    def word(self, destination: str) -> tuple[str, Trust]:
        """The same, and about which name that was said; see `Trusts.word`."""
        return self._trusts.word(destination, self._destinations.get(destination, ()))

    def said(self) -> Trusts:
        """Every word that is in force, by exporter id and operator; none of the future."""
        with self._changing:
            before, self._trusts = self._trusts, self._trusts.not_after(time.time())
            self._unwritten |= self._trusts is not before
            return self._trusts

    def targets(self, name: str) -> list[str]:
        """The destinations that a name means: an exporter's id, or an operator. May be none."""
        return [
            destination
            for destination, operators in self._destinations.items()
            if name == destination or name in operators
        ]

    def reload(self, destinations: Mapping[str, Collection[str]]) -> None:
        """Go on with the destinations of a new configuration. What was said stays.

        What is in force for them is told again: some may be new behind the same id.
        """
        self._destinations = dict(destinations)
        self._telling.forget()
        self._tell()

    def subscribe(self, callback: Callable[[str, Trust], None]) -> None:
        """Have what is in force for a destination told on the event loop, now and at each change.

        About destinations that nobody spoke of, nothing is told.
        """
        self._telling.subscribe(callback)

    def subscribe_abort(self, abort: Callable[[str], None]) -> None:
        """Have each distrusted destination told by whichever thread learns of it, at once.

        A saturated event loop cannot cut connections. Called again until the loop has told the
        subscribers; must be thread-safe and must not block.
        """
        self._telling.subscribe_abort(abort)

    async def tighten(
        self, names: Iterable[str], state: Literal["held", "distrusted"], by: str, why: str
    ) -> None:
        """Say it and write it down. In force when the first await is reached.

        Raises NotPersisted when it could not be written or journaled; it stays in force, and is
        written as soon as that is possible.
        """
        said, names = Trust(state, by, why, time.time()), tuple(names)
        with self._changing:
            self._trusts = self._trusts.tightened(names, said)
        self._obey()
        await self._in_writer(self._write_tightened, names, said)

    async def loosen(
        self, names: Iterable[str], state: Literal["trusted", "held"], by: str, why: str
    ) -> None:
        """Journal it, write it down, and only then put it in force.

        Words that are stricter about the same destinations stay: a destination is trusted again
        when neither its id nor its operator is held or distrusted. Raises NotPersisted; then
        nothing has changed.
        """
        said, names = Trust(state, by, why, time.time()), tuple(names)
        await self._in_writer(self._write_loosened, names, said, self._trusts)

    async def watch(self) -> None:
        """Obey within a second what another process writes into the file. Never returns.

        Only tightening is taken from there. The file is looked at by a thread, which obeys as
        far as a thread can when the event loop is too busy.
        """
        loop = asyncio.get_running_loop()
        over = threading.Event()
        if self._file is not None:
            arguments = (self._file, over)
            threading.Thread(
                target=self._keep_looking, args=arguments, name="trust watch", daemon=True
            ).start()
        try:
            await loop.create_future()
        finally:
            over.set()

    def _put_in_force(self, saved: Saved, journaled: Mapping[str, Trust]) -> None:
        if saved.generation < self._generation:
            self._hold_all(saved.trusts, "the trust file is older than the last one in force")
            return
        self._trusts = saved.trusts
        unheard = saved.generation > self._generation
        self._generation = saved.generation
        # A crash came between the journal and the file.
        undone = any(saved.trusts.about(n).stricter_than(said) for n, said in journaled.items())
        if saved.trusts.names and (unheard or undone):
            self._note("found", saved.trusts.names)

    def _hold_all(self, trusts: Trusts, why: str) -> None:
        self.fault = why
        self._log.error("every destination is held: %s", why)
        self._trusts = trusts.all_held(why, time.time())

    async def _in_writer(self, work: Callable[..., None], *args: object) -> None:
        loop = asyncio.get_running_loop()
        try:
            work_done = loop.run_in_executor(self._writer, work, *args)
        except RuntimeError:
            raise NotPersisted("closed") from None
        try:
            await work_done
        finally:
            self._obey()

    def _obey(self) -> None:
        """Have what is in force obeyed, as far as this thread can do it."""
        self._telling.abort(tuple(self._destinations))
        self._telling.on_loop(self._tell)

    def _tell(self) -> None:
        self._telling.tell(self._destinations)
        if self._remember is not None and self._generation > self._remembered:
            self._remembered = self._generation
            self._remember(self._remembered)

    def _write_tightened(self, names: Collection[str], said: Trust) -> None:
        """In the writing thread."""
        try:
            self._save()
        finally:
            journaled = self._note("tightened", dict.fromkeys(names, said))
        if not journaled:
            raise NotPersisted("journal")

    def _write_loosened(self, names: Collection[str], said: Trust, known: Trusts) -> None:
        """In the writing thread. `known` is what was in force when it was said."""
        words = dict.fromkeys(names, said)
        if not self._note("loosened", words):
            raise NotPersisted("journal")
        try:
            self._save(lambda trusts: _loosened_as_known(trusts, names, said, known))
            with self._changing:
                self._loosenings += 1
                self._trusts = _loosened_as_known(self._trusts, names, said, known)
        except NotPersisted:
            self._note("not_loosened", words)
            raise

    def _save(self, apply: Callable[[Trusts], Trusts] = lambda trusts: trusts) -> None:
        """Write down what `apply` makes of what is in force and of what is stricter in the file.

        Raises NotPersisted.
        """
        if self._file is None:
            return

        def joined(saved: Trusts | None) -> Trusts:
            return apply(self._trusts if saved is None else self._trusts.joined(saved))

        try:
            saved = self._file.change(joined, above=self._generation)
        except TrustFileFailed as failure:
            self._unwritten = True
            self.fault = self.fault or f"what was said on trust is not written down: {failure.kind}"
            raise NotPersisted(failure.kind) from None
        with self._changing:
            self._generation = max(self._generation, saved.generation)
        self._unwritten = False
        self.fault = None

    def _save_again(self) -> None:
        with suppress(NotPersisted):
            self._save()

    def _note(self, what: str, words: Mapping[str, Trust]) -> bool:
        """Write into the journal. Returns whether that was done, or there is none."""
        if self._journal is None:
            return True
        try:
            self._journal("trust", {"what": what, "words": msgspec.to_builtins(words)})
        except Exception as failure:  # noqa: BLE001  whatever it raises
            why = getattr(failure, "strerror", None) or type(failure).__name__
            self._log.error("the journal took no word on trust: %s", why)
            return False
        return True

    def _keep_looking(self, file: TrustFile, over: threading.Event) -> None:
        """The watching thread."""
        seen, failed = b"", ""
        written = time.monotonic()
        while not over.wait(_LOOK_EVERY):
            try:
                seen = self._look(file, seen)
                self._obey()
            except Exception as failure:  # noqa: BLE001  no memory, say: nobody else would look
                seen, before, failed = b"", failed, type(failure).__name__
                if failed != before:
                    self._log.error("a look at the trust file failed: %s", failed)
            if self._unwritten and time.monotonic() > written + _WRITE_AGAIN_EVERY:
                written = time.monotonic()
                self._submit(self._save_again)

    def _look(self, file: TrustFile, seen: bytes) -> bytes:
        """Put in force what is stricter in the file. Returns the stamp of what was looked at."""
        loosenings = self._loosenings
        try:
            stamp = file.stamp()
            if stamp == seen:
                return seen
            saved = file.read()
        except TrustFileFailed as failure:
            if self.fault is None:
                self.fault = f"the trust file cannot be used: {failure.kind}"
                self._log.error("%s; what was said stays in force", self.fault)
            self._unwritten = True
            return b""
        with self._changing:
            if self._loosenings != loosenings:
                return b""  # it may have been read before that
            before = self._trusts
            self._trusts = before.joined(saved.trusts)
            self._generation = max(self._generation, saved.generation)
            new = {n: t for n, t in self._trusts.names.items() if before.names.get(n) is not t}
        if new:
            self._submit(self._note, "found", new)
        return stamp

    def _submit(self, work: Callable[..., object], *args: object) -> None:
        with suppress(RuntimeError):  # closed meanwhile
            self._writer.submit(work, *args)


def _loosened_as_known(
    trusts: Trusts, names: Collection[str], said: Trust, known: Trusts
) -> Trusts:
    """Loosened, unless somebody has said something else about these names meanwhile."""
    if any(trusts.about(name) is not known.about(name) for name in names):
        raise NotPersisted("overtaken")
    return trusts.loosened(names, said)
