"""Heads of the journal leave the machine, and what stands in their way is told."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
import pytest
import waiting
from aiohttp import web
from aiohttp.test_utils import TestServer
from metered_sink import metered_sink

from errlock.ledger.journal.entries import Head
from errlock.ledger.journal.heads import HeadSender, lacking
from errlock.ledger.journal.journal import Journal
from errlock.ledger.options import HeadsOptions, JournalOptions, LedgerOptions
from errlock.pipeline.options import Duration, Secret

SOON = Duration("20ms")
until = partial(waiting.until, seconds=10)


class Elsewhere:
    """A server that keeps heads."""

    def __init__(self) -> None:
        self.heads: list[Head] = []
        self.tokens: set[str] = set()
        self.status = 200
        app = web.Application()
        app.router.add_post("/heads", self._take)
        self.server = TestServer(app)

    async def _take(self, request: web.Request) -> web.Response:
        if self.status == 200:
            self.heads.append(msgspec.json.decode(await request.read(), type=Head))
            self.tokens.add(request.headers["Authorization"])
        return web.Response(status=self.status, headers={"Location": "/other"})


async def test_each_new_head_is_sent_once_and_the_last_one_at_the_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    elsewhere = Elsewhere()
    await elsewhere.server.start_server()
    options = HeadsOptions(
        file=tmp_path / "heads",
        url=str(elsewhere.server.make_url("/heads")),
        token=Secret("the-token"),
        every=SOON,
    )
    sender = HeadSender(journal, options)
    sending = asyncio.create_task(sender.run())
    sent = []
    for number in range(3):
        sent.append(journal.append("minute", {"number": number}))
        await until(lambda: len(elsewhere.heads) == len(sent))
        await asyncio.sleep(3 * SOON)
    sent.append(journal.append("stop", {}))
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert [str(head) for head in elsewhere.heads] == [str(head) for head in sent]
    assert elsewhere.tokens == {"Bearer the-token"}
    lines = (tmp_path / "heads").read_bytes().splitlines()
    assert [msgspec.json.decode(line, type=Head) for line in lines] == elsewhere.heads
    assert (sender.sent.head, sender.sent.failed) == (str(sent[-1]), None)
    await elsewhere.server.close()


async def test_a_failure_is_told_and_ends_with_the_next_success(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    journal = Journal(tmp_path / "journal")
    head = journal.append("start", {})
    elsewhere = Elsewhere()
    await elsewhere.server.start_server()
    url = str(elsewhere.server.make_url("/heads"))
    sender = HeadSender(journal, HeadsOptions(url=url, token=Secret("t"), every=SOON))
    elsewhere.status = 302
    sending = asyncio.create_task(sender.run())
    await until(lambda: sender.sent.failed == "http_302")
    elsewhere.status = 503
    await until(lambda: sender.sent.failed == "http_503")
    assert sender.sent.head is None
    elsewhere.status = 200
    await until(lambda: sender.sent.head == str(head))
    assert sender.sent.failed is None
    await elsewhere.server.close()
    head = journal.append("minute", {})
    await until(lambda: sender.sent.failed == "ClientConnectorError")
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    ours = [each for each in caplog.records if each.name == "errlock.ledger"]
    assert [record.getMessage() for record in ours] == [
        "a head of the journal could not be sent: http_302",
        "heads of the journal are sent again",
        "a head of the journal could not be sent: ClientConnectorError",
    ]


async def test_a_host_that_may_be_told_nothing_gets_none(tmp_path: Path) -> None:
    allowed = {"127.0.0.1": True}
    with metered_sink("never answers") as sink:
        options = HeadsOptions(url=f"http://127.0.0.1:{sink.port}/heads", every=SOON)
        journal = Journal(tmp_path / "journal")
        journal.append("start", {})
        sender = HeadSender(journal, options, allowed.__getitem__)
        sending = asyncio.create_task(sender.run())
        await until(lambda: bool(sink.received))
        allowed["127.0.0.1"] = False
        await until(lambda: sink.ended == 1)
        received = len(sink.received)
        journal.append("stop", {})
        await until(lambda: sender.sent.failed == "distrusted")
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        assert len(sink.received) == received


async def test_a_flood_is_cut_off(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while True:
                writer.write(1000 * b"HTTP/1.1 103 X\r\n\r\n")
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    journal = Journal(tmp_path / "journal")
    journal.append("start", {})
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        sender = HeadSender(journal, HeadsOptions(url=f"http://127.0.0.1:{port}/", every=SOON))
        sending = asyncio.create_task(sender.run())
        await until(lambda: sender.sent.failed is not None)
        assert sender.sent.failed == "ServerDisconnectedError"
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending


async def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    sender = HeadSender(journal, HeadsOptions(file=tmp_path / "none" / "heads", every=SOON))
    sending = asyncio.create_task(sender.run())
    await until(lambda: sender.sent.failed == "No such file or directory")
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_a_journal_that_was_put_back_lacks_the_last_head_it_had(tmp_path: Path) -> None:
    heads = tmp_path / "heads"
    options = HeadsOptions(file=heads, every=SOON)
    for name in ("another", "journal"):
        journal = Journal(tmp_path / name)
        sender = HeadSender(journal, options)
        sending = asyncio.create_task(sender.run())
        for number in range(3):
            head = journal.append("minute", {"number": number})
            await until(partial(_has_sent, sender, head))
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        journal.close()
    journal = Journal(tmp_path / "journal")
    assert lacking(journal, heads) is None
    assert lacking(journal, tmp_path / "none") is None
    journal.close()
    lines = (tmp_path / "journal").read_bytes().splitlines(keepends=True)
    for kept in (2, 1):
        (tmp_path / "journal").write_bytes(b"".join(lines[:kept]))
        journal = Journal(tmp_path / "journal")
        journal.append("start", {})
        heads.write_bytes(heads.read_bytes() + b'{"count":7,"hash":"of an older errlock"}\n{"co')
        assert lacking(journal, heads) == head.hash
        journal.close()


def _has_sent(sender: HeadSender, head: Head) -> bool:
    return sender.sent.head == str(head)


def test_what_cannot_be_sent_to_or_signed_with_is_a_mistake_in_configuration() -> None:
    def wrong(options: HeadsOptions | JournalOptions) -> list[str]:
        return [problem.path for problem in options.problems()]

    assert wrong(HeadsOptions(url="ftp://x", every=Duration("100ms"))) == ["url", "every"]
    assert wrong(HeadsOptions(token=Secret("t"))) == ["token"]
    assert wrong(HeadsOptions(url="https://example.com/heads", token=Secret("t"))) == []
    assert wrong(JournalOptions(key=Secret("hunter2"))) == ["key"]
    assert LedgerOptions().journal.key is None
