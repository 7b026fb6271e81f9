"""What can go wrong, one class a thing the caller can do about it.

    Exception
    ├── ConfigError          the configuration is wrong: every problem of it, exit code 2
    ├── RefusedPayload       a request cannot be taken: the sender is told the status
    ├── BrokenDocument       a document cannot be read: it does not go out
    ├── Drop                 a processor decided that a document does not go out
    └── ExportFailed         one delivery attempt failed: retry it or drop it

None of them ever carries a payload's value: the text names path, kind and size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import msgspec

# What msgspec raises of bytes that are not what is expected. Only the first of them is documented;
# the texts of all may quote.
UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)

DropReason = Literal[
    "broken",  # its encoding could not be read
    "damaged",  # it could not be read back from the disk
    "expired",  # it waited longer than the destination's queue allows
    "filtered",  # a filter's condition was true
    "invalid",  # the destination refused it for good
    "limit",  # a bound of size, depth or work was met
    "moved",  # a replay took it to another destination
    "parent",  # what it belongs to did not go out
    "processor_failed",  # a processor raised: nobody judged the document
    "purged",  # somebody had it destroyed
    "queue_full",  # the destination's queue had no room
    "rate_limited",  # a local rate limit or the destination's own
    "retries_exhausted",  # the destination could not be reached for too long
    "sampled",  # sampling decided against it
    "shutdown",  # the process ended before it could be delivered
    "unclear",  # nobody knows whether it arrived, and it must not go twice
    "unroutable",  # the destination has no home for its project
    "unsupported",  # nobody can judge or store its kind
]
DROP_REASONS: tuple[str, ...] = get_args(DropReason)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a configuration: where, and what is allowed there."""

    path: str
    message: str
    place: str = ""  # where it was written: `errlock.yaml:12`

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.path, self.message) if part)


class ConfigError(Exception):
    """A configuration cannot be used. Holds every problem that was found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def within(path: str, problems: Iterable[Problem]) -> list[Problem]:
    """Problems of a part as problems of the whole that holds it at `path`."""
    return [replace(problem, path=f"{path}.{problem.path}".rstrip(".")) for problem in problems]


class RefusedPayload(Exception):  # noqa: N818  it is an answer to the sender, not a fault of ours
    """A request is not taken, for a reason the sender is told.

    `status` is the HTTP status, `reason` a word of a closed list for the counter,
    `message` a sentence without any value of the request.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class BrokenDocument(Exception):  # noqa: N818  a fact about data
    """A document's bytes are not what its kind says. The text names the kind of damage only."""


def kind_of(given: object) -> str:
    """What was passed instead of what was asked for: `the class Redact`, `an object of str`."""
    if isinstance(given, type):
        return f"the class {given.__name__}"
    return f"an object of {type(given).__name__}"


def refused_by_system(error: OSError) -> str:
    """What cannot be had, and why: `/var/lib/errlock: Read-only file system`."""
    name = f"{error.filename}: " if error.filename else ""
    return f"{name}{error.strerror or type(error).__name__}"


class Drop(Exception):  # noqa: N818  a decision, not a fault
    """Raised by a processor: this document does not go out."""

    def __init__(self, reason: DropReason) -> None:
        super().__init__(reason)
        self.reason: DropReason = reason


class ExportFailed(Exception):  # noqa: N818  the outcome of one attempt
    """One attempt to deliver failed.

    `retryable` says whether the same bytes may succeed later. `retry_after` (seconds) is the
    destination's own wish. `payload_only` says that other payloads may go now, and that the
    exporter itself keeps back those that may not. `unclear` says that it may have arrived: the
    request was under way and nobody answered. `answered` says that it did arrive, and that the
    answer was no: the destination has seen it. `kind` is a word for counters and status
    (`timeout`, `refused`, `http_500`, …): never the text of somebody else's exception, which may
    quote the payload.
    """

    def __init__(
        self,
        kind: str,
        *,
        retryable: bool,
        retry_after: float | None = None,
        reason: DropReason = "invalid",
        payload_only: bool = False,
        unclear: bool = False,
        answered: bool = False,
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after
        self.reason: DropReason = reason
        self.payload_only = payload_only
        self.unclear = unclear
        self.answered = answered
