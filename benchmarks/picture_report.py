"""Pictures of the exposure report of the scripted month, by Chromium (Debian: `chromium`).

The first page at the width of the pages goes into docs/report.png, unless --quick; build/report has
the report itself, all of it at the width of a desk and of a phone, and as it is printed.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import tempfile
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path

from month_course import BEGIN, DAY, DAYS, DISTRUST, OFF, ON, VENDOR, Month, month

from benchmarks.options import parse, progress
from benchmarks.report import BUILD
from errlock.pipeline.cli import main as errlock

_PAGE = Path(__file__).parents[1] / "docs" / "report.png"
_WIDTH, _HEIGHT = 1100, 1390  # pixels of the picture
_TALL = 12_000  # pixels, in which all of a report at a desk has room
_FACTS = """
incident: Breach at the error tracker, October 2026
classification: confidential
author: Jane Doe, security
revision: 1 of 3
aware_at: {aware}
"""


def main() -> int:
    """Run it."""
    options = parse(__doc__)
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("no chromium: apt-get install chromium")
        return 2
    target = BUILD.parent / "report"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        progress("a month is sent")
        made = month(Path(name), *((2000, 60) if options.quick else (20_000, 300)))
        # The commands in it name the record as who reads it would: no folder of this machine.
        with chdir(made.folder):
            _report(made, target / "report.html")
    page = (target / "report.html").as_uri()
    for picture, width, height in (
        ("first.png", _WIDTH, _HEIGHT),
        ("desk.png", _WIDTH, _TALL),
        ("phone.png", 390, 2 * _TALL),
    ):
        progress(picture)
        _browse(
            browser, page, f"--window-size={width},{height}", f"--screenshot={target / picture}"
        )
        assert _size(target / picture) == (width, height)
    _browse(browser, page, "--no-pdf-header-footer", f"--print-to-pdf={target / 'print.pdf'}")
    if not options.quick:
        shutil.copyfile(target / "first.png", _PAGE)
    print(f"{target}: report.html, first.png, desk.png, phone.png, print.pdf")
    return 0


def _report(made: Month, file: Path) -> None:
    """As of the morning after the destination was distrusted, with an inventory of secrets."""
    Path("facts.yaml").write_text(_FACTS.format(aware=_written(DISTRUST - 600)))
    passwords = sorted(made.told(VENDOR, OFF, ON).values.get(("secret.password", "clear"), ()))
    kept = sorted(made.told(VENDOR, 0, OFF).values[("secret.password", "removed")])
    names = ("DB_PASSWORD", "SMTP_PASSWORD", "ADMIN_PASSWORD", "QUEUE_PASSWORD", "CI_TOKEN")
    secrets = [*passwords[:2], *kept[:2], "tok_9f3b6c02d41a77e15c0b"]
    Path(".env").write_text("".join(f"{n}={v}\n" for n, v in zip(names, secrets, strict=False)))
    asked = [
        "--journal=journal", f"--destination={VENDOR}", f"--since={_written(0)}",
        f"--until={_written(DAYS * DAY)}", "--facts=facts.yaml", "--inventory=.env",
        "--key-file=../../ledger.key", f"--head={made.heads[-1]}",
    ]  # fmt: skip
    assert errlock(["exposure", "report", *asked, "-o", str(file)]) == 0


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(BEGIN + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _browse(browser: str, page: str, *options: str) -> None:
    """Nobody is asked for anything; root, which containers are, has no sandbox."""
    with tempfile.TemporaryDirectory() as profile:
        words = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={profile}"]
        subprocess.run([browser, *words, *options, page], check=True, capture_output=True)


def _size(picture: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    return width, height


if __name__ == "__main__":
    sys.exit(main())
