"""The embedded store: what goes in can be found, and is forgotten in time."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from sanitised_payloads import EVENT_ID, RECEIVED, TRACE_ID, envelope, event, logs, spans

from errlock.exporters.local import LocalExporter, LocalExporterConfig, LocalStore, Retention
from errlock.pipeline.component import Delivered, Settings
from errlock.pipeline.counters import Counters
from errlock.pipeline.errors import ConfigError, ExportFailed
from errlock.pipeline.options import Duration, Size

Open = Callable[..., Awaitable[LocalExporter]]


@pytest.fixture
async def open_store(tmp_path: Path) -> AsyncIterator[Open]:
    """Starts exporters on the folder of the test."""
    async with AsyncExitStack() as stack:

        async def opened(**retention: Any) -> LocalExporter:
            config = LocalExporterConfig(
                path=str(tmp_path / "store"), retention=Retention(**retention)
            )
            log = logging.getLogger("errlock.test")
            exporter = config.build(Settings(id="local", counters=Counters(), log=log))
            await exporter.start()
            stack.push_async_callback(exporter.stop)
            return exporter

        yield opened


def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


async def test_documents_of_both_protocols_are_found_again(
    open_store: Open, tmp_path: Path
) -> None:
    exporter = await open_store()
    assert await exporter.export(envelope()) == Delivered(1)
    assert await exporter.export(logs("payment refused", "second")) == Delivered(2)
    found = store(tmp_path).list()
    assert [(one.id, one.type, one.title) for one in found] == [
        (3, "log_record", "second"),
        (2, "log_record", "payment refused"),
        (1, "event", "PaymentError: card [card] refused"),
    ]
    assert (found[2].project, found[2].protocol, found[2].received) == ("shop", "sentry", RECEIVED)
    assert {one.trace_id for one in found} == {TRACE_ID}
    assert found[2].event_id == EVENT_ID


async def test_one_document_has_its_content_and_its_contexts(
    open_store: Open, tmp_path: Path
) -> None:
    exporter = await open_store()
    await exporter.export(logs())
    found = store(tmp_path).get(1)
    assert found is not None
    assert isinstance(found.tree, dict)
    assert found.tree["body"] == "payment refused"
    assert '"service.name":"shop"' in found.contexts
    assert store(tmp_path).get(2) is None


async def test_an_attachment_does_not_repeat_its_event(open_store: Open, tmp_path: Path) -> None:
    exporter = await open_store()
    await exporter.export(envelope(attachment=b"hello"))
    found = store(tmp_path).get(2)
    assert found is not None
    assert found.tree == "hello"
    assert "PaymentError" not in found.contexts


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({"text": "CARD"}, ["a 100% card"]),
        ({"text": "100%"}, ["a 100% card"]),
        ({"text": "_00"}, []),
        ({"text": 'say "hi"'}, ["quoted"]),
        ({"text": TRACE_ID}, ["quoted", "a 100% card", "GET /cart"]),
        ({"type": "otlp_span"}, ["GET /cart"]),
        ({"project": "mail"}, ["quoted"]),
        ({"limit": 1}, ["quoted"]),
        ({"before": 3}, ["a 100% card", "GET /cart"]),
    ],
)
async def test_documents_are_searched(
    open_store: Open, tmp_path: Path, query: dict[str, Any], titles: list[str]
) -> None:
    exporter = await open_store()
    await exporter.export(spans())
    await exporter.export(logs("a 100% card"))
    quoted = logs("quoted", service="mail")
    quoted.documents[0].tree = {
        "body": "quoted",
        "trace_id": TRACE_ID,
        "attributes": {"x": 'say "hi"'},
    }
    await exporter.export(quoted)
    assert [one.title for one in store(tmp_path).search(**query)] == titles
    query.pop("limit", None)
    query.pop("before", None)
    assert store(tmp_path).count(**query) == len(store(tmp_path).search(**query))


async def test_folder_and_files_are_the_owners_alone(open_store: Open, tmp_path: Path) -> None:
    exporter = await open_store()
    await exporter.export(envelope())
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700
    files = list((tmp_path / "store").iterdir())
    assert len(files) >= 2, "the write-ahead log is there too"
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


async def test_lost_documents_are_not_stored(open_store: Open, tmp_path: Path) -> None:
    exporter = await open_store()
    payload = logs("one", "two")
    payload.documents[0].dropped = "sampled"
    assert await exporter.export(payload) == Delivered(1)
    assert [one.title for one in store(tmp_path).list()] == ["two"]


async def test_the_oldest_go_when_it_is_too_much(open_store: Open, tmp_path: Path) -> None:
    exporter = await open_store(max_size=Size("300KiB"))
    for number in range(500):
        await exporter.export(logs(f"{number} " + "x" * 1000))
    titles = [one.title.split()[0] for one in store(tmp_path).list(limit=1000)]
    assert titles[0] == "499"
    assert 100 < len(titles) < 300
    assert (tmp_path / "store" / "local.sqlite3").stat().st_size < 800 * 1024


async def grow_old(exporter: LocalExporter, where: str) -> None:
    await run_in_writer(exporter, f"UPDATE documents SET stored = stored - 7200 WHERE {where}")
    await exporter.stop()


async def test_what_is_too_old_is_overwritten(open_store: Open, tmp_path: Path) -> None:
    exporter = await open_store()
    await exporter.export(logs("before", "canary-7431", "after"))
    await grow_old(exporter, "title LIKE 'canary%'")
    folder = tmp_path / "store"
    assert any(b"canary-7431" in file.read_bytes() for file in folder.iterdir())
    await open_store(max_age=Duration("1h"))
    assert [one.title for one in store(tmp_path).list()] == ["after", "before"]
    assert not any(b"canary-7431" in file.read_bytes() for file in folder.iterdir())


async def test_the_file_gets_smaller_when_much_is_forgotten(
    open_store: Open, tmp_path: Path
) -> None:
    exporter = await open_store()
    await exporter.export(logs(*("x" * 1000 for _ in range(500))))
    await grow_old(exporter, "1")
    path = tmp_path / "store" / "local.sqlite3"
    assert path.stat().st_size > 500_000
    await open_store(max_age=Duration("1h"))
    assert path.stat().st_size < 100_000


async def test_a_store_is_opened_again_with_what_it_holds(open_store: Open, tmp_path: Path) -> None:
    await (await open_store()).export(envelope())
    await (await open_store()).export(envelope())
    assert store(tmp_path).count() == 2


async def test_a_store_that_another_process_holds_is_tried_again_later(
    open_store: Open, tmp_path: Path
) -> None:
    exporter = await open_store()
    other = sqlite3.connect(tmp_path / "store" / "local.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    # The same as five seconds of waiting.
    await run_in_writer(exporter, "PRAGMA busy_timeout = 0")
    with pytest.raises(ExportFailed) as failure:
        await exporter.export(envelope())
    assert (failure.value.kind, failure.value.retryable) == ("sqlite_busy", True)
    other.execute("ROLLBACK")
    other.close()
    assert await exporter.export(envelope()) == Delivered(1)


async def run_in_writer(exporter: LocalExporter, statement: str) -> None:
    connection = exporter._writer._connection
    assert connection is not None
    await asyncio.get_running_loop().run_in_executor(
        exporter._thread, lambda: connection.execute(statement).fetchall()
    )


async def test_a_full_disk_is_tried_again_later(open_store: Open, tmp_path: Path) -> None:
    exporter = await open_store()
    await run_in_writer(exporter, "PRAGMA max_page_count = 1")  # SQLite's own full disk
    with pytest.raises(ExportFailed) as failure:
        await exporter.export(envelope(event(extra={"x": "y" * 100_000})))
    assert (failure.value.kind, failure.value.retryable) == ("sqlite_full", True)
    assert store(tmp_path).count() == 0
    await run_in_writer(exporter, "PRAGMA max_page_count = 100000")
    assert await exporter.export(envelope()) == Delivered(1)


async def test_what_is_stored_is_not_stored_again_because_forgetting_failed(
    open_store: Open, tmp_path: Path
) -> None:
    exporter = await open_store(max_size=Size("10KiB"))
    refused = "BEFORE DELETE ON documents BEGIN SELECT RAISE(ABORT, 'no'); END"
    await run_in_writer(exporter, f"CREATE TRIGGER kept {refused}")
    for _ in range(3):
        assert await exporter.export(logs("x" * 10_000)) == Delivered(1)
    assert store(tmp_path).count() == 3
    await run_in_writer(exporter, "DROP TRIGGER kept")
    assert await exporter.export(logs("x" * 1000)) == Delivered(1)
    assert store(tmp_path).count() < 3


async def test_another_process_may_forget_what_this_one_counts(
    open_store: Open, tmp_path: Path
) -> None:
    exporter = await open_store(max_size=Size("10KiB"))
    await exporter.export(logs("x" * 5000))
    delete = "BEFORE DELETE ON documents BEGIN DELETE FROM documents; END"
    await run_in_writer(exporter, f"CREATE TRIGGER other {delete}")  # as if it came before
    async with asyncio.timeout(10):
        assert await exporter.export(logs("x" * 10_000)) == Delivered(1)
    assert store(tmp_path).count() == 0


async def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    exporter = LocalExporter(LocalExporterConfig(), tmp_path / "file" / "store")
    with pytest.raises(OSError, match="Not a directory"):
        await exporter.start()
    await exporter.stop()


async def test_who_could_not_open_it_opens_it_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    exporter = LocalExporter(LocalExporterConfig(), tmp_path / "file" / "store")
    with pytest.raises(OSError, match="Not a directory"):
        await exporter.start()
    (tmp_path / "file").unlink()
    await exporter.start()
    assert await exporter.export(envelope()) == Delivered(1)
    await exporter.stop()


async def test_a_file_that_is_no_database_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "local.sqlite3").write_bytes(b"no database at all" * 100)
    exporter = LocalExporter(LocalExporterConfig(), tmp_path)
    with pytest.raises(OSError, match="the local store cannot be opened: sqlite_notadb"):
        await exporter.start()
    await exporter.stop()


def test_the_folder_is_that_of_the_storage(tmp_path: Path) -> None:
    writer = LocalExporterConfig().build(settings(tmp_path / "storage"))._writer
    writer.open()
    writer.close()
    assert (tmp_path / "storage" / "local.sqlite3").exists()


def test_without_a_storage_the_folder_has_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"because service\.storage is memory"):
        LocalExporterConfig().build(settings(None))
    assert LocalExporterConfig(path=str(tmp_path)).build(settings(None))


def settings(storage: Path | None) -> Settings:
    log = logging.getLogger("errlock.test")
    return Settings(id="local", counters=Counters(), log=log, storage=storage)


def test_a_store_that_was_never_written_is_empty(tmp_path: Path) -> None:
    assert store(tmp_path).count() == 0
    assert store(tmp_path).list() == []
    assert store(tmp_path).get(1) is None
    assert not (tmp_path / "store").exists()
