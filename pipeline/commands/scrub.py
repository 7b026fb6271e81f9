"""`errlock scrub`: a filter, one document a line in, one a line out."""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..errors import BrokenDocument, RefusedPayload
from ..terminal import err, size, tell_reading
from .options import Commands, add_command, add_config_options, read_config
from .progress import Progress

if TYPE_CHECKING:
    from ..api import Format, Pipeline

_CHUNK = 1 << 20
_TELL_EVERY = 1.0  # seconds between two steps of the counter on a terminal
_FORMATS = ("event", "envelope", "otlp-logs", "otlp-traces", "otlp-metrics", "text")


class _BrokenLine(Exception):  # noqa: N818  a fact about the input
    """A line that is not what its format says; the text names the kind of damage only."""


def register(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "scrub", "sanitise documents from stdin, one a line, to stdout",
        "One line out for each line in, in the same order; `null` for a document that does not\n"
        "go out. A line that cannot be read, or is larger than 64 MiB, gives `null`, a message\n"
        "with its number on stderr, and exit code 1 at the end. Without -c the default policy\n"
        "counts, without sampling.\n\n"
        "formats: event        a Sentry event as JSON\n"
        "         envelope     a Sentry envelope in base64\n"
        "         otlp-logs, otlp-traces, otlp-metrics   an export request as OTLP JSON\n"
        "         text         a JSON string",
        "  errlock scrub < events.jsonl > clean.jsonl\n"
        "  errlock scrub -c errlock.yaml --format otlp-logs < logs.jsonl\n"
        "  echo '\"password=hunter22\"' | errlock scrub --format text",
    )  # fmt: skip
    add_config_options(parser)
    add_policy_options(parser)
    parser.set_defaults(run=run)


def add_policy_options(parser: argparse.ArgumentParser) -> None:
    """Which format, and which of a configuration's policies."""
    parser.add_argument("--format", choices=_FORMATS, default="event", help="default: event")
    parser.add_argument("--pipeline", metavar="ID", help="whose policy; default: the first one's")
    parser.add_argument(
        "--exporter", metavar="ID", help="for whom; default: the pipeline's first exporter"
    )


def policy_of(args: argparse.Namespace) -> Pipeline:
    """The policy that the options name. Raises ConfigError."""
    from ..api import Pipeline

    if not (args.config or args.sets or args.pipeline or args.exporter):
        return Pipeline.default()
    return Pipeline.from_config(read_config(args), pipeline=args.pipeline, exporter=args.exporter)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from ..formats import LARGEST

    scrub = line_scrubber(policy_of(args), args.format)
    broken = 0
    # The result goes elsewhere, or else it would be in its way.
    elsewhere = not (sys.stdout.isatty() or sys.stdin.isatty())
    progress = Progress("lines", every=_TELL_EVERY, on=elsewhere)
    tell_reading()
    for number, line in enumerate(_lines(LARGEST), 1):
        try:
            if line is None:
                raise _BrokenLine(f"larger than {size(LARGEST)}")
            result = scrub(line)
        except _BrokenLine as damage:
            result = None
            broken += 1
            err(f"line {number}: {damage}")
        sys.stdout.buffer.write(b"null\n" if result is None else result + b"\n")
        progress.step(number)
    sys.stdout.buffer.flush()
    progress.clear()
    return 1 if broken else 0


def line_scrubber(pipeline: Pipeline, format_: Format) -> Callable[[bytes], bytes | None]:
    """A function from a line to a line, without line ends; None for what does not go out.

    Raises _BrokenLine. Whatever else goes wrong inside is one too: nobody judged that line.
    """

    def scrub(line: bytes) -> bytes | None:
        try:
            result = pipeline.scrub(_decode(line, format_), format=format_)
        except _BrokenLine:
            raise
        except RefusedPayload as refused:
            raise _BrokenLine(str(refused)) from None
        except BrokenDocument as damage:
            raise _BrokenLine(str(damage)) from None
        except Exception as failure:  # noqa: BLE001  fail closed; its text may quote the line
            raise _BrokenLine(f"could not be judged ({type(failure).__name__})") from None
        return None if result is None else _encode(result, format_)

    return scrub


def _decode(line: bytes, format_: Format) -> bytes:
    """The document of a line."""
    if not line.strip():
        raise _BrokenLine("empty")
    if format_ == "envelope":
        try:
            return base64.b64decode(line.strip(), validate=True)
        except binascii.Error:
            raise _BrokenLine("not base64") from None
    if format_ == "text":
        try:
            text = json.loads(line)
        except ValueError:
            raise _BrokenLine("not JSON") from None
        if not isinstance(text, str):
            raise _BrokenLine("not a JSON string")
        return text.encode("utf-8", "backslashreplace")  # a lone surrogate is text, too
    return line


def _encode(document: bytes, format_: Format) -> bytes:
    if format_ == "envelope":
        return base64.b64encode(document)
    if format_ == "text":
        return json.dumps(document.decode(), ensure_ascii=False).encode()
    # A line end in JSON can only be white space between tokens.
    return document.replace(b"\r", b" ").replace(b"\n", b" ")


def _lines(largest: int) -> Iterator[bytes | None]:
    """The lines of stdin as they come, None for one that is larger.

    What was written goes out before waiting for more.
    """
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    line = _Started(largest)
    read: Callable[[int], bytes] = getattr(source, "read1", source.read)
    while chunk := read(_CHUNK):
        first, *others = chunk.split(b"\n")
        line.add(first)
        if others:
            yield line.whole()
            yield from others[:-1]
            line = _Started(largest)
            line.add(others[-1])
        sink.flush()
    if line.length:
        yield line.whole()


class _Started:
    """A line that has no end yet, in pieces. One that is too large is not kept."""

    def __init__(self, largest: int) -> None:
        self.length = 0
        self._largest = largest
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        self.length += len(piece)
        self._pieces.append(piece)
        if self.length > self._largest:
            self._pieces.clear()

    def whole(self) -> bytes | None:
        return b"".join(self._pieces) if self.length <= self._largest else None
