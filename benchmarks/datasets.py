"""What is scrubbed: events of several kinds in several sizes, all of them different.

- clean: generated, nothing to find.
- typical: the same with three secrets.
- recorded: events of other people's applications (`--recorded`), two thirds of them clean.
- sdk: events made by real SDKs, with user, request and breadcrumbs (record.py): as one service
  sends them, and grown to sizes.
- dirty: events with a canary in every corner (`--corpus`), or generated ones with many secrets.

Those that exist as files also come as they are, in the size they have.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from benchmarks.events import Events
from benchmarks.growing import sized
from benchmarks.options import Options
from benchmarks.record import recorded
from benchmarks.varying import variant

SIZES: Mapping[str, int] = {
    "1 KB": 1_000,
    "5 KB": 5_000,
    "30 KB": 30_000,
    "60 KB": 60_000,
    "200 KB": 200_000,
    "1 MB": 1_000_000,
}
AS_IS = "as is"
KINDS = ("clean", "typical", "recorded", "sdk", "dirty")
# Of the kinds that can be generated: how many secrets, for the size. 50 in 6 KB is very dirty.
_SECRETS: Mapping[str, Callable[[int], int]] = {
    "clean": lambda size: 0,
    "typical": lambda size: 3,
    "dirty": lambda size: max(1, size // 120),
}
_PLANTED_SECRET = "kX93mQ7w-plantedZ"


@dataclass(frozen=True, slots=True)
class Layout:
    """How an SDK writes JSON."""

    ascii: bool = False  # everything else as \\u escapes
    spaces: bool = False
    indent: int | None = None

    @classmethod
    def of(cls, body: bytes) -> Layout:
        """The layout of a document."""
        indented = body.lstrip().startswith((b"{\n", b"{\r\n"))
        return cls(b"\\u" in body, indented or b'": ' in body, 2 if indented else None)

    def write(self, event: Mapping[str, Any]) -> bytes:
        """The bytes that the SDK would send."""
        separators = (", " if self.spaces and self.indent is None else ",",
                      ": " if self.spaces else ":")  # fmt: skip
        text = json.dumps(event, separators=separators, ensure_ascii=self.ascii, indent=self.indent)
        return text.encode("utf-8", "replace")


_PYTHON = Layout(ascii=True)


@dataclass(frozen=True, slots=True)
class Source:
    """An event to make others of, with what must not come out and what must."""

    event: dict[str, Any]
    layout: Layout
    gone: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """A document that is not timed, to see that what is timed does its work."""

    document: bytes
    gone: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(slots=True)
class Dataset:
    """Documents of one kind and size class, in no special order."""

    kind: str
    size: str
    documents: list[bytes] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)


def datasets(options: Options) -> Iterator[Dataset]:
    """Every kind in every size that it can be had in."""
    sizes = dict(list(SIZES.items())[:2]) if options.quick else SIZES
    sources = {
        "recorded": others(options),
        "sdk": made_by_sdks(),
        "dirty": dirty(options),
    }
    for size, bytes_ in sizes.items():
        for kind in KINDS:
            if options.wants(f"{kind} {size}"):
                made = _made(kind, size, bytes_, sources.get(kind, []), options)
                if made.documents:
                    yield made
    for kind, those in sources.items():
        if those and options.wants(f"{kind} {AS_IS}"):
            yield _as_is(kind, those, options)


def _made(
    kind: str, size: str, bytes_: int, sources: Sequence[Source], options: Options
) -> Dataset:
    """One kind in one size; empty where it cannot be had."""
    if sources:
        return _grown(kind, size, bytes_, sources, options)
    if kind in _SECRETS:
        return _generated(kind, size, bytes_, _SECRETS[kind](bytes_), options)
    return Dataset(kind, size)


def count(size: int, options: Options) -> int:
    """How many documents of a size make a sample."""
    return 4 if options.quick else min(300, max(12, 8_000_000 // size))


def others(options: Options) -> list[Source]:
    """Events of other people's applications."""
    if options.recorded is None:
        return []
    bodies = [path.read_bytes() for path in sorted(options.recorded.glob("*.json"))]
    events = [(json.loads(body), Layout.of(body)) for body in bodies]
    return [Source(event, layout) for event, layout in events if isinstance(event, dict)]


def made_by_sdks() -> list[Source]:
    """Events that real SDKs made; their user's e-mail address must go."""
    found = []
    for folder in recorded("sentry"):
        for path in sorted(folder.glob("*.json")):
            body = path.read_bytes()
            event = json.loads(body)
            kept = tuple(each["type"] for each in event.get("exception", {}).get("values", ()))
            found.append(Source(event, Layout.of(body), kept=kept))
    return found


def dirty(options: Options) -> list[Source]:
    """Events full of canaries."""
    if options.corpus is None:
        return []
    found = []
    for line in options.corpus.read_text("utf-8").splitlines():
        row = json.loads(line)
        gone = {str(each["value"]) for each in row["canaries"] if each["encoding"] == "plain"}
        found.append(Source(row["event"], Layout(), gone=tuple(sorted(gone))))
    return found


def _generated(kind: str, size: str, bytes_: int, secrets: int, options: Options) -> Dataset:
    generator = Events(f"{kind}/{size}")
    made = Dataset(kind, size)
    for number in range(count(bytes_, options) + 2):
        event = generator.event(bytes_)
        planted = generator.plant(event, secrets)
        body = _PYTHON.write(event)
        if number < 2:
            gone = tuple(each.secret for each in planted)
            kept = tuple(each.neighbour for each in planted)
            made.checks.append(Check(body, gone, (*kept, "ValueError")))
        else:
            made.documents.append(body)
    return made


def _grown(
    kind: str, size: str, bytes_: int, sources: Sequence[Source], options: Options
) -> Dataset:
    """Sources brought to a size, as many as can be and as many times as needed."""
    random = Random(f"{kind}/{size}")
    donors = [source.event for source in sources] if kind == "dirty" else []
    bases = []
    for source in sources:
        event = sized(source.event, bytes_, random, donors=donors, trim=kind == "sdk")
        if event is not None:
            layout = Layout(ascii=source.layout.ascii)  # without spaces it has that size
            bases.append(Source(event, layout, source.gone, source.kept))
        if len(bases) >= count(bytes_, options):
            break
    return _varied(Dataset(kind, size), bases, count(bytes_, options), random)


def _as_is(kind: str, sources: Sequence[Source], options: Options) -> Dataset:
    wanted = 6 if options.quick else max(300, len(sources))
    made, random = Dataset(kind, AS_IS), Random(kind)
    if kind != "sdk":
        return _varied(made, sources, wanted, random)
    # Each is of another visit: nothing has to be made up.
    sent = random.sample(list(sources), min(wanted, len(sources)))
    made.documents = [source.layout.write(source.event) for source in sent]
    return _checked(made, sources, random)


def _varied(made: Dataset, bases: Sequence[Source], wanted: int, random: Random) -> Dataset:
    """Fill a dataset: every base equally often, in no order."""
    if not bases:
        return made
    turns = math.ceil(wanted / len(bases))
    picked = random.sample(list(bases), len(bases)) * turns
    if turns == 1:
        picked = picked[: max(wanted, 1)]
    for base in picked:
        made.documents.append(base.layout.write(variant(base.event, random)))
    random.shuffle(made.documents)
    return _checked(made, bases, random)


def _checked(made: Dataset, bases: Sequence[Source], random: Random) -> Dataset:
    assert len(set(made.documents)) == len(made.documents)
    made.checks = [_check(base, random) for base in random.sample(list(bases), min(3, len(bases)))]
    return made


def _check(base: Source, random: Random) -> Check:
    """A variant with one more secret, beside something harmless."""
    event = variant(base.event, random)
    event["extra"] = {"planted": f"parcel 4711 password={_PLANTED_SECRET} was late"}
    user = event.get("user")
    mail = user.get("email") if isinstance(user, dict) else None
    gone = (_PLANTED_SECRET, *base.gone, *([mail] if mail else []))
    return Check(base.layout.write(event), gone, ("parcel 4711", *base.kept))
