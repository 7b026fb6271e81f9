"""The report as people get it: HTML that no script can run in, PDF, CSV that is no formula."""

from __future__ import annotations

import csv
import io
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from toy_ledger import ToyLedger, found

from errlock.ledger.account.store import DAY, HOUR
from errlock.ledger.report.model import Report
from errlock.ledger.report.pages.blocks import Mark, Timeline
from errlock.ledger.report.renderings.svg import timeline
from errlock.pipeline.cli import main

HOSTILE = '<script>alert(1)</script>\x1b]52;c;x\x07 \u202egnp.exe \' onload="x" #panic()\n=cmd()'


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> ToyLedger:
    """Full of everything, some of it hostile."""
    made = ToyLedger(tmp_path_factory.mktemp("ledger"))
    made.deliver(
        3,
        found("secret.password", "clear", 2, [1, 2]),
        found("pii.email", "removed", 4, [3]),
        found("pii.user_id", "pseudonym:e1", 3, [4, 5]),
        service=HOSTILE,
        environment="=cmd()",
        people=[4, 5],
    )
    made.deliver(2, found("financial.card", "masked", 1, [6]))
    made.wait(HOUR)
    made.policy({"generalize": {}})
    made.control("off", HOSTILE)
    made.deliver(1, found("pii.ip", "generalised", 1, [7]))
    made.wait(HOUR)
    made.policy({"redact": {HOSTILE: 1}, "generalize": {}})
    made.withhold(4, "filtered")
    made.tell("key", did="made", epoch="e1", destination="sentry", keyring="k", by="", why="")
    made.tell("gap", what=HOSTILE)
    made.trust("sentry", "distrusted", HOSTILE)
    made.close()
    return made


def rendered(ledger: ToyLedger, folder: Path, form: str, *more: str) -> bytes:
    output = folder / f"report.{form}"
    asked = [
        "exposure", "report", "--journal", str(ledger.folder / "journal"), "--destination",
        "sentry", "--since", "2026-09-21", "--until", "2026-09-22", "-o", str(output), *more,
    ]  # fmt: skip
    assert main(asked) == 0
    return output.read_bytes()


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def test_html_runs_no_script_and_asks_nobody(ledger: ToyLedger, tmp_path: Path) -> None:
    text = rendered(ledger, tmp_path, "html").decode()
    page = Page(text)
    assert page.open == []
    tags = {tag for tag, _ in page.tags}
    assert tags & {"script", "link", "img", "iframe", "form", "object", "image", "use"} == set()
    attributes = [(name, value) for _, attrs in page.tags for name, value in attrs.items()]
    assert [name for name, _ in attributes if name.startswith("on")] == []
    links = [value for name, value in attributes if name in ("href", "src", "xlink:href")]
    assert all(re.fullmatch("#[A-O]", link or "") for link in links)
    assert "http" not in re.sub(r"http-equiv|http://www\.w3\.org/2000/svg", "", text)
    policy = next(attrs["content"] for _, attrs in page.tags if "http-equiv" in attrs)
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")


def test_html_shows_hostile_texts_as_they_are(ledger: ToyLedger, tmp_path: Path) -> None:
    text = rendered(ledger, tmp_path, "html").decode()
    for raw in ("<script", "\x1b", "\x07", "\u202e"):
        assert raw not in text
    shown = Page(text).text
    assert "<script>alert(1)</script>\\x1b]52;c;x\\x07 \\u202egnp.exe" in shown


def test_charts_have_words_for_who_cannot_see_them(ledger: ToyLedger, tmp_path: Path) -> None:
    page = Page(rendered(ledger, tmp_path, "html").decode())
    drawings = [attrs for tag, attrs in page.tags if tag == "svg" and "aria-hidden" not in attrs]
    assert len(drawings) == 3
    named = {attrs["id"] for tag, attrs in page.tags if tag == "title" and attrs}
    assert all(attrs["aria-labelledby"] in named for attrs in drawings)
    ids = [attrs["id"] for tag, attrs in page.tags if tag == "pattern"]
    assert len(ids) == len(set(ids))
    wanted = set(re.findall(r"url\(#([\w-]+)\)", str(page.tags)))
    assert wanted <= set(ids)


def test_every_number_is_in_every_rendering(ledger: ToyLedger, tmp_path: Path) -> None:
    page = Page(rendered(ledger, tmp_path, "html").decode()).text
    text = rendered(ledger, tmp_path, "md").decode()
    report = msgspec.json.decode(rendered(ledger, tmp_path, "json"), type=Report)
    for answer in report.summary:
        for line in answer.say:
            words = re.findall(r"[\w,.%]+", line.split("<")[0])
            assert all(word in page for word in words)
            assert all(word in text.replace("\\", "") for word in words)


def test_a_pdf_is_set_where_nothing_left_in_clear(tmp_path: Path) -> None:
    made = ToyLedger(tmp_path / "ledger")
    made.deliver(1, found("secret.password", "removed", 1, [1]))
    made.close()
    assert rendered(made, tmp_path, "pdf").startswith(b"%PDF-")


def test_a_pdf_is_set_where_nothing_left_at_all(tmp_path: Path) -> None:
    made = ToyLedger(tmp_path / "ledger")
    made.close()
    assert rendered(made, tmp_path, "pdf").startswith(b"%PDF-")


def test_a_pdf_is_set_whatever_the_texts_hold(ledger: ToyLedger, tmp_path: Path) -> None:
    made = rendered(ledger, tmp_path, "pdf")
    assert made.startswith(b"%PDF-1.")
    assert made.rstrip().endswith(b"%%EOF")
    assert re.search(rb"/MediaBox ?\[ ?0 0 595", made)
    assert b"/JavaScript" not in made
    assert len(re.findall(rb"/Type ?/Page\b", made)) >= 4


def test_without_the_extra_the_command_says_how_to_get_it(
    ledger: ToyLedger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(AssertionError):
        rendered(ledger, tmp_path, "pdf")
    told = "--format pdf: a PDF needs Typst: pip install 'errlock[pdf]'\n"
    assert capsys.readouterr().err == told
    assert not (tmp_path / "report.pdf").exists()


def test_annexes_are_no_formulas(ledger: ToyLedger, tmp_path: Path) -> None:
    (tmp_path / "annexes").mkdir()
    (tmp_path / "annexes/classes.csv").touch(0o644)
    rendered(ledger, tmp_path, "md", "--annexes", str(tmp_path / "annexes"))
    files = {path.name: path for path in (tmp_path / "annexes").iterdir()}
    assert {"report.json", "classes.csv", "secrets.csv", "measures.csv"} <= set(files)
    assert all(path.stat().st_mode & 0o077 == 0 for path in files.values())
    cells = [
        cell
        for name, path in files.items()
        if name.endswith(".csv")
        for row in csv.reader(io.StringIO(path.read_text()))
        for cell in row
    ]
    assert "'=cmd()" in cells
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []
    assert [cell for cell in cells if "\x1b" in cell or "\u202e" in cell] == []
    [head, first] = [line.split(",") for line in files["secrets.csv"].read_text().splitlines()]
    assert dict(zip(head, first, strict=False))["class"] == "secret.password"
    assert rendered(ledger, tmp_path, "csv") == files["classes.csv"].read_bytes()


def test_a_table_has_the_same_columns_whatever_is_in_it(ledger: ToyLedger, tmp_path: Path) -> None:
    empty = ToyLedger(tmp_path / "empty")
    empty.close()
    heads = []
    for each in (ledger, empty):
        folder = tmp_path / each.folder.name
        rendered(each, tmp_path, "md", "--annexes", str(folder))
        heads.append({p.name: p.read_text().split("\n")[0] for p in folder.glob("*.csv")})
    # Those of mappings are by what is in them.
    differ = {name for name in heads[0] if heads[0][name] != heads[1][name]}
    assert differ == {"by-policy.csv", "measures.csv", "over-time.csv"}
    assert heads[1]["classes.csv"].startswith("class,form,epoch,tags,documents.at_least,")


def test_a_disk_without_room_is_told_with_the_file(
    ledger: ToyLedger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.md").symlink_to("/dev/full")
    journal = str(ledger.folder / "journal")
    asked = ["exposure", "report", "--journal", journal, "--destination", "sentry"]
    assert main([*asked, "-o", str(tmp_path / "report.md")]) == 2
    assert capsys.readouterr().err.endswith(f"{tmp_path}/report.md: No space left on device\n")


def test_a_day_is_shown_by_the_quarter_of_an_hour(ledger: ToyLedger, tmp_path: Path) -> None:
    report = msgspec.json.decode(rendered(ledger, tmp_path, "json"), type=Report)
    assert report.volume.bucket == HOUR / 4
    assert len(report.volume.over_time) == DAY / report.volume.bucket


@pytest.mark.parametrize(
    ("text", "placed", "arrow"),
    [
        ("off", None, ("60.00%", "end", "off ↓")),
        ("off: e-mail addresses and passwords", ("60.00%", "middle"), ("60.00%", "middle", "↓")),
        ("off: e-mail addresses, user ids, names and passwords", ("0", "start"),
         ("60.00%", "middle", "↓")),
    ],
    ids=["beside", "over", "at the edge"],
)  # fmt: skip
def test_no_mark_of_a_chart_is_cut_off_by_the_edge_of_a_phone(
    text: str, placed: tuple[str, str] | None, arrow: tuple[str, str, str]
) -> None:
    drawn = timeline(Timeline("Over time", "", [], [], [Mark(text, 0.55, 0.6)]))
    texts = {
        each.text: (each.attrib["x"], each.attrib["text-anchor"]) for each in drawn.iter("text")
    }
    assert texts.get(text) == placed
    assert texts[arrow[2]] == arrow[:2]
