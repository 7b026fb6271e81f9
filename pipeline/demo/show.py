"""Run the shop against a collector of its own, and show both sides."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..collector.collector import Collector
from ..config import Config, loads
from ..payloads.document import Tree
from ..payloads.envelope import Envelope
from ..payloads.otlp import OtlpRequest
from .sides import Row, rows, short, telling

if TYPE_CHECKING:
    from rich.console import Console

_CONFIG = """
receivers:
  sentry: {{ endpoint: "localhost:{sentry}" }}
  otlp: {{ protocols: {{ grpc: {{ endpoint: "localhost:{otlp}" }} }} }}
exporters:
  file/sentry: {{ path: "{folder}/out.jsonl" }}
service:
  storage: memory
  telemetry: {{ metrics: {{ level: none }}, logs: {{ level: error }} }}
  health: {{ endpoint: "" }}
  pipelines:
    demo: {{ receivers: [sentry, otlp], processors: [redact], exporters: [file/sentry] }}
"""


class ShopError(Exception):
    """The demo's application could not run. The text says why."""


def sides() -> dict[str, list[Row]]:
    """Run the demo; what each SDK sent and what came out, value by value. Raises ShopError."""
    with tempfile.TemporaryDirectory(prefix="errlock-demo-") as name:
        folder = Path(name)
        ports = {"sentry": _free_port(), "otlp": _free_port()}
        config = loads(_CONFIG.format(folder=folder, **ports), {})
        asyncio.run(_run(config, folder, **ports))
        return _compare(folder)


async def _run(config: Config, folder: Path, sentry: int, otlp: int) -> None:
    collector = Collector(config)
    await collector.start()
    try:
        shop = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"{__package__}.shop",
            f"http://errlock@localhost:{sentry}/1", f"http://localhost:{otlp}", str(folder),
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, stderr = await shop.communicate()
    finally:
        await collector.stop()
    if shop.returncode:
        missing = b"No module named 'sentry_sdk'" in stderr
        raise ShopError(
            "it needs sentry-sdk: pip install sentry-sdk" if missing else "its application failed"
        )


def _compare(folder: Path) -> dict[str, list[Row]]:
    """Read what was recorded on both sides."""
    out = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    sent = Envelope.decode((folder / "sent.envelope").read_bytes(), "", 0)
    spans = OtlpRequest.decode((folder / "sent.otlp").read_bytes(), "traces")
    came_out = next((line for line in out if "resourceSpans" in line), None)
    if came_out is None:
        raise ShopError("nothing came out of the collector for its spans")
    received = OtlpRequest.decode_json(json.dumps(came_out).encode(), "traces")
    event = _event_of(out)
    return {
        "sentry-sdk: an error event": rows(sent.documents[0].tree, event),
        "opentelemetry-sdk: a span with an exception": rows(
            spans.documents[0].tree, received.documents[0].tree
        ),
    }


def _event_of(lines: list[Any]) -> Tree:
    """The event in what the file exporter wrote."""
    items = [item for line in lines for item in line.get("items", [])]
    event: Tree = next(item["json"] for item in items if item["headers"]["type"] == "event")
    return event


def show(found: dict[str, list[Row]], console: Console) -> None:
    """Print both sides as tables."""
    from rich.table import Table
    from rich.text import Text

    for title, all_rows in found.items():
        table = Table(title=title, title_justify="left", expand=True, show_lines=True)
        table.add_column("where", ratio=4, style="dim", overflow="fold")
        table.add_column("what the SDK sent", ratio=5, overflow="fold")
        table.add_column("what came out", ratio=5, overflow="fold")
        shown = telling(all_rows)
        for row in shown:
            after = Text("(removed)" if row.after is None else row.after)
            before = Text(row.before)
            if row.changed:
                before.stylize("red")
                after.stylize("green")
            table.add_row(Text(short(row.path)), before, after)
        console.print(table)
        rest = sum(not row.changed for row in all_rows) - sum(not row.changed for row in shown)
        console.print(f"and {rest} more values, as they were\n", style="dim")


def as_json(found: dict[str, list[Row]]) -> str:
    """Both sides for scripts."""
    return json.dumps(
        {title: [asdict(row) for row in all_rows] for title, all_rows in found.items()}, indent=2
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port: int = probe.getsockname()[1]
        return port
