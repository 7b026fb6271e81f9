"""A collector keeps a journal: from its start to its end, through kill -9, signed, sent away."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import resource
import signal
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from live_errlock import ERRLOCK, collector, running_errlock, sentry_at
from live_ports import listening_port
from waiting import until, wait_for

from errlock.ledger.journal.entries import read_head
from errlock.ledger.journal.journal import JournalFailed, read
from errlock.ledger.journal.signing import PublicKey, new_key_files
from errlock.ledger.journal.verifying import verify
from errlock.ledger.keeping import Ledger
from errlock.ledger.options import LedgerOptions
from errlock.ledger.search.searches import Search, leave
from errlock.pipeline.config import loads
from errlock.pipeline.config.policy import policy_in_force
from errlock.pipeline.options import Secret
from errlock.policy.keyring.pseudonyms import new_key

SECRET = new_key()


def config(folder: Path, **journal: Any) -> dict[str, Any]:
    written = collector(sentry_at(listening_port()), {"file": {"path": str(folder / "out.jsonl")}})
    written["service"] |= {"storage": str(folder / "store"), "ledger": {"journal": journal}}
    return written


def health(port: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as got:
        found: dict[str, Any] = json.load(got)
        return found


def kinds(folder: Path) -> list[str]:
    return [entry.kind for entry in read(folder / "store" / "journal")]


def test_a_collector_signs_its_journal_and_sends_heads_away(tmp_path: Path) -> None:
    public = new_key_files(tmp_path / "key")
    written = config(
        tmp_path,
        key=f"${{file:{tmp_path / 'key'}}}",
        heads={"file": str(tmp_path / "heads"), "every": "1s"},
    )
    with running_errlock(written, tmp_path / "run") as errlock:
        told: list[tuple[int, int, str]] = []

        def is_told() -> bool:
            """Whether no entry came between the looks: the first ones come by themselves."""
            count = int(errlock.metric("errlock_journal_entries"))
            number = int(errlock.metric("errlock_journal_head"))
            told[:] = [(count, number, health(errlock.operators[0])["journal"]["head"])]
            return count == int(errlock.metric("errlock_journal_entries"))

        wait_for(is_told, 60)
    ((count, number, head),) = told
    assert [kind for kind in kinds(tmp_path) if kind not in ("trust", "token")] == [
        "start",
        "policy",
        "stop",
    ]
    entries = list(read(tmp_path / "store" / "journal"))
    assert head == str(entries[count - 1].head)
    assert f"{number:013x}" == entries[count - 1].hash[:13]
    assert entries[0].body["key"] == public.id
    heads = [read_head(line) for line in (tmp_path / "heads").read_text().splitlines()]
    assert all(public.signed(head, head.signature) for head in heads)
    verdict = verify(tmp_path / "store" / "journal", heads, [public])
    assert (verdict.findings, verdict.vouched_to) == ([], len(entries))
    assert (tmp_path / "store" / "journal").stat().st_mode & 0o777 == 0o600
    private = (tmp_path / "key").read_bytes()
    stored = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert [path for path in stored if private.split(b"\n")[1] in path.read_bytes()] == []


def test_it_goes_on_after_kill_9(tmp_path: Path) -> None:
    written = config(tmp_path)
    with running_errlock(written, tmp_path / "run") as errlock:
        errlock.send(signal.SIGKILL)
        errlock.ended(10)
    with running_errlock(written, tmp_path / "run"):
        pass
    written_kinds = [kind for kind in kinds(tmp_path) if kind not in ("trust", "token")]
    assert written_kinds == ["start", "policy", "start", "policy", "gap", "stop"]
    assert verify(tmp_path / "store" / "journal").findings == []


def test_it_starts_on_a_full_disk_and_tells_later_what_is_missing(tmp_path: Path) -> None:
    """The limit on the size of files stands for the disk: writing beyond it fails as there."""
    (tmp_path / "store").mkdir(mode=0o700)

    async def run() -> None:
        ledger = Ledger(tmp_path / "store", LedgerOptions())
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            await ledger.open({"sha256": "0" * 64})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        ledger.record("trust", {"state": "distrusted"})
        await ledger.close()

    asyncio.run(run())
    entries = list(read(tmp_path / "store" / "journal"))
    assert [entry.kind for entry in entries] == ["gap", "trust", "stop"]
    assert entries[0].body["kinds"] == {"policy": 1, "start": 1}
    assert verify(tmp_path / "store" / "journal").findings == []


async def test_what_is_too_long_for_an_entry_keeps_nothing_from_going_on(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "store", LedgerOptions())
    options = {"allowed_values": ["x" * 50] * 100_000}
    content = {"processors": {"redact": options, "keep": {}}, "exporters": {"file": {}}}
    await ledger.open({"sha256": "0" * 64, "content": content})
    ledger.record("trust", options)
    ledger.record("trust", {"state": "distrusted"})
    await ledger.close()
    entries = list(read(tmp_path / "store" / "journal"))
    assert [entry.kind for entry in entries] == ["start", "policy", "gap", "trust", "stop"]
    policy, gap = entries[1].body, entries[2].body
    assert policy["sha256"] == "0" * 64
    assert policy["content"]["exporters"] == {"file": {}}
    digests = policy["content"]["processors"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digests["redact"])
    assert digests["redact"] != digests["keep"]
    assert gap == {"what": "an entry that does not fit", "kind": "trust"}


async def test_what_is_written_in_the_end_is_in_no_gap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    ledger = Ledger(store, LedgerOptions())
    await ledger.open({"sha256": "0" * 64, "content": {}})
    journal, real = (store / "journal").stat().st_ino, os.write

    def full(file: int, data: bytes) -> int:
        if os.fstat(file).st_ino == journal:
            raise OSError(28, "No space left on device")
        return real(file, data)

    monkeypatch.setattr(os, "write", full)
    leave(
        store,
        Search(what="search", by="ann", time="t", destination=None, values=1, sent=0, maybe=0),
    )
    await until(lambda: "searches cannot be journaled: No space left on device" in caplog.messages)
    monkeypatch.undo()
    await until(lambda: "search" in kinds(tmp_path))
    await ledger.close()
    assert kinds(tmp_path) == ["start", "policy", "search", "stop"]


async def test_it_goes_on_when_no_thread_could_be_had(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger(tmp_path / "store", LedgerOptions())
    await ledger.open({"sha256": "0" * 64, "content": {}})
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as without_threads:
        pass
    loop.set_default_executor(without_threads)
    await until(lambda: "the account: failed with RuntimeError" in caplog.text)
    loop.set_default_executor(ThreadPoolExecutor(2))
    await ledger.close()
    assert kinds(tmp_path) == ["start", "policy", "stop"]


def test_a_key_inside_the_storage_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(mode=0o700)
    new_key_files(tmp_path / "store" / "key")
    (tmp_path / "store" / "key.pub").unlink()
    (tmp_path / "outside").symlink_to(tmp_path / "store" / "key")
    written = config(tmp_path, key=f"${{file:{tmp_path / 'outside'}}}")
    path = tmp_path / "errlock.yaml"
    path.write_text(json.dumps(written))
    done = subprocess.run(
        [ERRLOCK, "run", "-c", path], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr.endswith(
        f"{tmp_path}/store/key: the key that signs the journal lies inside service.storage\n"
    )


@pytest.mark.parametrize("which", ["key", "previous_keys"])
async def test_a_key_of_the_ledger_in_another_encoding_is_refused_there(
    tmp_path: Path, which: str
) -> None:
    store, key = tmp_path / "store", new_key()
    store.mkdir(mode=0o700)
    (store / "backup").write_text(f"{base64.b64encode(key.encode()).decode()}\n")
    secret = {"key": Secret(key), "previous_keys": (Secret(key),)}[which]
    ledger = Ledger(store, LedgerOptions(**{which: secret}))  # type: ignore[arg-type]  # either
    with pytest.raises(JournalFailed, match=r"lies inside service\.storage: '.*/backup'"):
        await ledger.open({"sha256": "0" * 64, "content": {}})


POLICY = """
processors:
  hash: {{ key: "{key}", classes: [pii.email] }}
  redact: {{ profile: strict, known_values: {{ env: ["*_TOKEN"] }} }}
service:
  pipelines: {{ errors: {{ receivers: [sentry], processors: [hash, redact], exporters: [local] }} }}
"""


def policy(key: str) -> dict[str, Any]:
    return policy_in_force(loads(POLICY.format(key=key), {"KEY": SECRET}))


def test_the_policy_is_recorded_as_written_without_a_secret() -> None:
    content = policy("${env:KEY}")["content"]
    assert content["processors"] == {
        "hash": {"key": "${env:KEY}", "classes": ["pii.email"]},
        "redact": {"profile": "strict", "known_values": {"env": ["*_TOKEN"]}},
    }
    assert content["pipelines"]["errors"]["processors"] == ["hash", "redact"]
    assert content["exporters"] == {"local": {"processors": []}}
    for key in (SECRET, "${env:NONE:-" + SECRET + "}"):
        found = policy(key)
        assert found["content"]["processors"]["hash"]["key"] == "[REDACTED]"
        assert SECRET not in json.dumps(found)


def test_another_policy_has_another_hash() -> None:
    one, same = policy("${env:KEY}"), policy("${env:KEY}")
    assert one == same
    other = policy_in_force(
        loads(POLICY.format(key="${env:KEY}").replace("strict", "minimal"), {"KEY": SECRET})
    )
    assert len({one["sha256"], other["sha256"]}) == 2
    assert all(len(each["sha256"]) == 64 for each in (one, other))


def test_the_public_key_of_a_private_one_is_its_own(tmp_path: Path) -> None:
    public = new_key_files(tmp_path / "key")
    assert PublicKey.from_pem(public.pem.encode()).id == public.id
