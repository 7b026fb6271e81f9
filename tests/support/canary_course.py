"""A real collector that is sent canaries everywhere, and all that it wrote and said, searched."""

from __future__ import annotations

import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import zstandard
from canaries import CANARIES, FRAGMENTS, envelope_full_of
from canary_search import Search
from live_errlock import CONFIG, ERRLOCK, Errlock, collector, otlp_at, running_errlock, sentry_at
from live_ports import listening_port
from waiting import wait_for

from errlock.ledger.journal.signing import new_key_files
from errlock.pipeline.leaktest.cases import Case
from errlock.pipeline.leaktest.running import planted_payloads
from errlock.pipeline.payloads.document import Payload
from errlock.pipeline.payloads.otlp import OtlpRequest
from errlock.policy.keyring.pseudonyms import new_key

_TOLD_EVERY = 100  # requests

_Request: TypeAlias = "tuple[Payload | None, bytes]"  # None: an envelope that was written by hand


@dataclass(frozen=True, slots=True)
class Course:
    """What was sent, what was searched, and what should not have been there."""

    requests: int
    canaries: int  # that are long enough to be known again
    forms: int  # in which they were looked for
    unseen: Sequence[str]  # of these, not found even in the requests that have them
    searched: int  # bytes
    places: Sequence[str]
    found: Sequence[tuple[str, str]]  # place and canary, outside of payloads
    passed: frozenset[str]  # what the policy let out in payloads, of what it should have known


def run(
    folder: Path, cases: Sequence[Case], progress: Callable[[str], None] = lambda text: None
) -> Course:
    """Send all of it to a new collector, ask it everything, end it, search."""
    payloads = list(planted_payloads(cases))
    values = {core for _, canaries in payloads for canary in canaries for core in canary.cores}
    values |= set(CANARIES.values())
    # What nobody can know for a secret may leave, and is nowhere else all the same.
    unknowable = {core[::-1] for core in CANARIES.values()}
    by_hand = _envelopes([*FRAGMENTS.values(), *unknowable])
    requests: list[_Request] = [
        *((payload, payload.encode()) for payload, _ in payloads),
        *((None, body) for body in by_hand),
    ]
    inventory = "\n".join(sorted(value for value in values if "\n" not in value))
    told, left = _gone_through(folder, requests, inventory, progress)
    search = Search(values | unknowable)
    searched = sum(map(len, [*told.values(), *left.values()]))
    progress(f"searching {searched:,} bytes for {search.forms:,} forms")
    sent = {value for _, body in requests for value in search.values_in(body)}
    return Course(
        requests=len(requests),
        canaries=len(search.values),
        forms=search.forms,
        unseen=sorted({*search.values} - sent),
        searched=searched,
        places=[*told, *left],
        found=search.found(told),
        passed=frozenset(value for _, value in search.found(left)) - unknowable,
    )


def _gone_through(
    folder: Path,
    requests: Sequence[_Request],
    inventory: str,
    progress: Callable[[str], None],
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """All that a collector kept, logged and said, and what it let out."""
    ports = listening_port(), listening_port(), listening_port()
    with running_errlock(_configuration(folder, ports), folder / "run") as errlock:
        for number, (payload, body) in enumerate(requests):
            if number % _TOLD_EVERY == 0:
                progress(f"{number:,} of {len(requests):,} requests")
            _send(payload, body, ports)
        sent = "errlock_exporter_queue_documents"
        wait_for(lambda: errlock.metric(sent, exporter="file") == 0, 300)
        progress("asking what it tells")
        told = {**dict(_asked(errlock, folder)), **dict(_commanded(folder, inventory))}
    told |= {f"log, file {path.name}": path.read_bytes() for path in (folder / "run").iterdir()}
    told |= {f"storage, file {path.name}": path.read_bytes()
             for path in (folder / "store").rglob("*") if path.is_file()}  # fmt: skip
    told["heads"] = (folder / "heads").read_bytes()
    left = {"what was delivered": (folder / "out.jsonl").read_bytes()}
    for number, manifest, body in _stored(folder / "store" / "queue.db"):
        told[f"manifest {number}"], left[f"stored payload {number}"] = manifest, body
    return told, left


def _configuration(folder: Path, ports: tuple[int, int, int]) -> dict[str, Any]:
    """What is delivered is kept for a while; one destination is away, so that its queue stays."""
    sentry, grpc, http = ports
    exporters: dict[str, Any] = {
        "file": {"path": str(folder / "out.jsonl")},
        "sentry": {"dsn": f"http://key@127.0.0.1:{listening_port()}/1"},
    }
    new_key_files(folder / "journal.key")
    (folder / "ledger.key").write_text(new_key())
    written = collector({**sentry_at(sentry), **otlp_at(grpc, http)}, exporters)
    written["service"] |= {
        "storage": str(folder / "store"),
        "retain_delivered": "1d",
        "shutdown_timeout": "2s",
        "ledger": {
            "key": f"${{file:{folder / 'ledger.key'}}}",
            "journal": {
                "key": f"${{file:{folder / 'journal.key'}}}",
                "heads": {"file": str(folder / "heads")},
            },
        },
    }
    return written


def _envelopes(texts: Iterable[str]) -> Iterator[bytes]:
    """A text wherever a sender can write, names and types and file names among them."""
    for text in texts:
        exception = {"values": [{"type": text, "value": text, "module": text}]}
        yield envelope_full_of(text, {"exception": exception, "user": {"id": text}})


def _send(payload: Payload | None, body: bytes, ports: tuple[int, int, int]) -> None:
    if isinstance(payload, OtlpRequest):
        url = f"http://127.0.0.1:{ports[2]}/v1/{payload.signal}"
        _post(url, body, {"Content-Type": "application/x-protobuf"})
    else:
        _post(f"http://127.0.0.1:{ports[0]}/api/1/envelope/?sentry_key=abc", body)


def _post(url: str, body: bytes, headers: Mapping[str, str] = {}) -> None:
    """What is refused is refused: what matters is that it shows up nowhere."""
    request = urllib.request.Request(url, data=body, headers=dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=90):
            pass
    except urllib.error.HTTPError as refused:
        refused.close()


def _asked(errlock: Errlock, folder: Path) -> Iterator[tuple[str, bytes]]:
    """What it says over HTTP."""
    health, metrics = errlock.operators
    token = (folder / "store" / "control-token").read_text().strip()
    control = f"http://127.0.0.1:{errlock.control}"
    pages = [f"http://127.0.0.1:{metrics}/metrics", f"http://127.0.0.1:{health}/"]
    pages += [f"{control}/v1/{name}" for name in ("status", "replays", "incident/plans")]
    pages += [f"{control}/v1/openapi.json"]
    for url in pages:
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            yield url.partition("//")[2].partition("/")[2] or "health", answer.read()


def _commanded(folder: Path, inventory: str) -> Iterator[tuple[str, bytes]]:
    """What the commands say of it, also when they are given the values themselves."""
    about = ["--destination", "file", "--since", "1d"]
    asked: list[tuple[list[str], str]] = [
        (["status", "--json"], ""),
        (["status"], ""),
        (["exposure", "verify"], ""),
        (["exposure", "code", "--json"], ""),
        (["exposure", "report", *about, "--format", "md"], ""),
        (["exposure", "report", *about, "--format", "json"], ""),
        (["exposure", "report", *about, "--format", "html"], ""),
        (["exposure", "search"], inventory),
        (["exposure", "rotate-list", "--format", "csv"], inventory),
        (["exposure", "trace"], inventory[:2000]),
    ]  # fmt: skip
    for arguments, given in asked:
        done = subprocess.run(
            [ERRLOCK, *arguments, "-c", str(folder / "run" / CONFIG)],
            input=given.encode(), capture_output=True, check=False, timeout=300,
        )  # fmt: skip
        name = " ".join(["errlock", *arguments])
        assert done.returncode in (0, 1), f"{name}: {done.stderr.decode()[-2000:]}"
        assert done.stdout, name
        yield name, done.stdout + done.stderr


def _stored(queue: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """What waits and what is kept: a number, what is noted of it, and the payload."""
    with sqlite3.connect(f"file:{queue}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT id, body FROM payloads").fetchall()
    db.close()
    for number, packed in rows:
        data = zstandard.ZstdDecompressor().decompress(packed)
        end = 4 + int.from_bytes(data[:4], "big")
        yield number, data[4:end], data[end:]
