"""Is anybody refused, or anything lost, when a collector is reloaded again and again under load?

Clients that never try again send on connections that they keep and on new ones, while receivers,
policies, exporters and queues change; each tenth configuration is broken. The same as
tests/end_to_end/test_reload.py, for longer. Last, how many are refused where gRPC needs a new
server each time: it cannot hand its socket over.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from reload_course import Sent, reload_under_load

from benchmarks.options import parse, progress
from benchmarks.report import machine, show

_RELOADS = 100


def main() -> None:
    """Run it; ends with 1 when somebody was refused or something was lost or came twice."""
    options = parse(__doc__)
    reloads = 10 if options.quick else _RELOADS
    progress(f"{reloads} reloads")
    with tempfile.TemporaryDirectory() as folder:
        course = reload_under_load(Path(folder), reloads)
    progress(f"{reloads} reloads with a new gRPC server")
    with tempfile.TemporaryDirectory() as folder:
        renewed = reload_under_load(Path(folder), reloads, message_sizes=True)
    rows = {"HTTP": course.http, "gRPC": course.grpc, "gRPC, new server": renewed.grpc}
    show(
        "reloaded under load",
        [_row(name, reloads, sent) for name, sent in rows.items()],
        machine("aiohttp", "grpcio"),
        [],
    )
    assert not course.http.refused
    assert not course.grpc.refused
    for sent in (course.http, course.grpc, renewed.http, renewed.grpc):
        assert not sent.lost
        assert not sent.twice


def _row(name: str, reloads: int, sent: Sent) -> dict[str, object]:
    return {
        "clients": name,
        "reloads": reloads,
        "acknowledged": len(sent.acknowledged),
        "refused": len(sent.refused),
        "lost": len(sent.lost),
        "twice": sent.twice,
    }


if __name__ == "__main__":
    main()
