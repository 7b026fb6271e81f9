"""OTLP requests that are more than servers take, in several."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from ..payloads.document import Document

if TYPE_CHECKING:
    from ..payloads.otlp import OtlpRequest

# What gRPC takes by default (GRPC_DEFAULT_MAX_RECV_MESSAGE_LENGTH); it refuses the whole request.
MOST_TAKEN = 4 << 20
MOST_BYTES = 3 << 20  # a policy of later may make it longer


def portions(
    request: OtlpRequest, sources: Sequence[Document]
) -> Iterator[tuple[OtlpRequest, Sequence[Document]]]:
    """A request in parts that servers take, each with the sources of its records.

    `sources` says for each record that goes out of which document it was made. Records of one
    document stay together, even where that is too much.
    """
    from ..payloads.otlp_schema import holder
    from ..payloads.otlp_signals import SHAPES
    from ..payloads.otlp_wire import Layout, Splice

    body = request.encode()
    if len(body) <= MOST_BYTES:
        yield request, sources
        return
    layout = Layout(body, holder(SHAPES[request.signal]))
    records = [region for region, owner in enumerate(layout.owners) if owner < 0]
    ends = list(accumulate(layout.starts[each + 1] - layout.starts[each] for each in records))
    middle = _middle(ends, sources)
    # What the records share stands in both halves: where that is most of it, nothing is won.
    if not middle or ends[-1] < len(body) / 2:
        yield request, sources
        return
    for kept, gone in ((sources[:middle], records[middle:]), (sources[middle:], records[:middle])):
        splice = Splice(layout)
        for region in gone:
            splice.record(region, None)
        yield from portions(request.reader(splice.bytes()), kept)


def _middle(ends: Sequence[int], sources: Sequence[Document]) -> int:
    """How many records are half of the bytes, as near as may be; 0 where all are of one source."""
    cuts = [at for at in range(1, len(ends)) if sources[at] is not sources[at - 1]]
    after = bisect_left(cuts, ends[-1] / 2, key=lambda at: ends[at - 1])
    near = cuts[max(after - 1, 0) : after + 1]
    return min(near, key=lambda at: abs(ends[at - 1] - ends[-1] / 2), default=0)
