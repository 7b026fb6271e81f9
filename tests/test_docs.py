"""What README.md and docs/ say is so: their examples run, their links lead somewhere."""

from __future__ import annotations

import doctest
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from http_sink import http_sink
from self_signed import self_signed

from errlock.delivery.following.keys import SigningKey
from errlock.ledger.journal.signing import new_key_files
from errlock.ledger.report.facts import Facts, read_facts
from errlock.pipeline.cli import _COMMANDS
from errlock.pipeline.commands.components import Option, _options, describe_component
from errlock.pipeline.config import loads
from errlock.pipeline.config.incident import IncidentOptions
from errlock.pipeline.config.service import DestinationOptions, ServiceOptions
from errlock.pipeline.counters import COUNTERS
from errlock.pipeline.errors import DROP_REASONS
from errlock.pipeline.registry import DEFAULT, KINDS
from errlock.policy.classes import CLASSES
from errlock.policy.keyring.pseudonyms import new_key
from errlock.policy.selectors import _NODE_TYPES, _VALUE_TYPES, parse_selector

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
REFERENCE = DOCS / "configuration.md"
DSN = "http://key@localhost:9/1"
ENV = {
    "BILLING_KEY": "b" * 32,
    "BUGSINK_DSN": DSN,
    "BUGSINK_TOKEN": "a-token-for-bugsink",
    "CANARY_1_ID": "a-canary-of-our-own-1",
    "CANARY_1_SECRET": "a-canary-of-our-own-2",
    "CANARY_2_ID": "a-canary-of-our-own-3",
    "CANARY_2_SECRET": "a-canary-of-our-own-4",
    "ERRLOCK_ACCOUNT_TOKEN": "a-token-for-the-account",
    "ERRLOCK_KEY": new_key(),
    "ERRLOCK_ONLINE_KEY": SigningKey.new("online").reveal(),
    "HTTPS_PROXY": "http://proxy.internal:3128",
    "OTLP_TOKEN": "a-token-for-otlp",
    "PROXY_PASSWORD": "a-password",
    "SENTRY_BACKEND_DSN": DSN,
    "SENTRY_SHOP_DSN": DSN,
    "SHOP_KEY": "a" * 32,
    "VENDOR_KEY": "a-key-of-a-vendor",
}
# A file that a page's commands read is a block that begins with its name: `# redact.yaml`.
_NAME = re.compile(r"# ([\w-]+\.yaml)\n")
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(page, found[1], found[2], text.count("\n", 0, found.start()) + 1)
        for found in _FENCE.finditer(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def in_language(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def environment(**more: str) -> dict[str, str]:
    """The process's own, with errlock on the path and what the pages' examples name."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, **ENV, "PATH": path, **more}


@dataclass(frozen=True)
class Session:
    """A command of a page and what it shows."""

    block: Block
    command: str
    shown: str

    def __str__(self) -> str:
        return f"{self.block}:{self.command[:60]}"


def sessions() -> Iterator[Session]:
    for block in in_language("sh"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield Session(block, command, shown)


@pytest.mark.parametrize("session", list(sessions()), ids=str)
def test_a_command_shows_what_the_page_says(session: Session, tmp_path: Path) -> None:
    for block in blocks_of(session.block.page):
        if named := _NAME.match(block.text):
            (tmp_path / named[1]).write_text(block.text)
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {session.command}"],
        cwd=tmp_path,
        env=environment(PYTHONUNBUFFERED="1"),  # in the order that a terminal shows
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    if not doctest.OutputChecker().check_output(session.shown, done.stdout, doctest.ELLIPSIS):
        assert done.stdout == session.shown


def is_named(block: Block, *names: str) -> bool:
    """Whether a page's block is one of these files."""
    named = _NAME.match(block.text)
    return named is not None and named[1] in names


# A page shows a configuration for what is wrong with it, and what is none.
NO_CONFIGURATION = ("wrong.yaml", "looser.yaml", "facts.yaml")
CONFIGURATIONS = [b for b in in_language("yaml") if not is_named(b, *NO_CONFIGURATION)]


@pytest.mark.parametrize("block", [b for b in BLOCKS if is_named(b, "facts.yaml")], ids=str)
def test_facts_can_be_read(block: Block, tmp_path: Path) -> None:
    (tmp_path / "facts.yaml").write_text(block.text)
    assert read_facts(tmp_path / "facts.yaml") != Facts()


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=str)
def test_a_configuration_is_valid(block: Block, tmp_path: Path) -> None:
    new_key_files(tmp_path / "journal.key")
    (tmp_path / "ledger.key").write_text(new_key())
    (tmp_path / "ledger.key").chmod(0o600)
    cert, key = self_signed(tmp_path)
    for name in ("tls.crt", "ca.crt", "clients.crt"):
        (tmp_path / name).write_bytes(cert.read_bytes())
    key.rename(tmp_path / "tls.key")
    # systemd's name for where secrets lie, and a folder of certificates.
    folders = dict.fromkeys(("CREDENTIALS_DIRECTORY", "TLS_FOLDER"), str(tmp_path))
    assert loads(block.text, ENV | folders).warnings == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_an_interpreter_shows_what_the_page_says(page: Path) -> None:
    """All sessions of a page are one: later ones use the names of earlier ones."""
    text = "".join(b.text for b in blocks_of(page) if b.language == "python" and ">>>" in b.text)
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    out: list[str] = []
    doctest.DocTestRunner().run(test, out=out.append)
    assert "".join(out) == ""


@pytest.mark.parametrize(
    "block", [b for b in in_language("python") if ">>>" not in b.text], ids=str
)
def test_a_program_runs(block: Block, tmp_path: Path) -> None:
    (tmp_path / "errlock.yaml").write_text(blocks_of(DOCS / "getting-started.md")[_config()].text)
    with http_sink() as port:
        done = subprocess.run(
            [sys.executable, "-c", block.text],
            cwd=tmp_path,
            env=environment(SENTRY_DSN=f"http://key@localhost:{port}/1"),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    said = done.stdout + done.stderr
    assert (done.returncode, "Traceback" in said) == (0, False), said
    for value in ("jane.roe@example.com", "Winter2024!"):
        assert value not in said


def _config() -> int:
    """Which block of the first page is its configuration."""
    found = blocks_of(DOCS / "getting-started.md")
    return next(i for i, block in enumerate(found) if block.text.startswith("# errlock.yaml"))


def test_what_the_readme_shows_is_what_comes_out() -> None:
    shown = [block for block in in_language("json") if block.page.name == "README.md"]
    before, after = [json.loads(block.text) for block in shown]
    done = subprocess.run(
        ["errlock", "scrub"],
        env=environment(),
        input=json.dumps(before),
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    del result["_meta"]  # where and of which class: left out there for brevity
    assert result == after


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(_FENCE.sub("", page.read_text())):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        there = page.parent / target if target else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(link)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as mkdocs and GitHub make them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert listed == {page.name for page in DOCS.glob("*.md")}


# The reference of options: each with its default, in the section of its component.


def sections() -> dict[str, list[Option]]:
    """Every heading of the reference and the options that must stand under it."""
    common = list(_options(DestinationOptions))
    names = {option.name for option in common}
    found = {
        "Every exporter": common,
        "service": list(_options(ServiceOptions)),
        "incident": list(_options(IncidentOptions)),
    }
    for kind in KINDS:
        for type_ in DEFAULT.names(kind):
            options = describe_component(kind, type_, DEFAULT.find(kind, type_)).options
            own = [o for o in options if kind != "exporter" or o.name not in names]
            found[f"{kind} {type_}"] = own
    return found


def default_of(option: Option) -> str:
    return "required" if option.required else f"`{json.dumps(option.default)}`"


@pytest.mark.parametrize(("heading", "options"), sections().items(), ids=list(sections()))
def test_every_option_is_documented(heading: str, options: list[Option]) -> None:
    _, _, rest = REFERENCE.read_text().partition(f"### {heading}\n")
    section = re.split(r"^##", rest, maxsplit=1, flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| `([^`]+)` \| (.+?) \| .+ \|$", section, re.MULTILINE)
    assert rows == [(option.name, default_of(option)) for option in options]


def mentions(page: str, *names: str) -> list[str]:
    """Those of the names that a page does not mention as code."""
    text = (DOCS / page).read_text()
    return [name for name in names if not re.search(rf"`{re.escape(name)}[`. ]", text)]


def test_every_reason_and_counter_is_documented() -> None:
    assert mentions("operating.md", *DROP_REASONS) == []
    assert mentions("operating.md", *(f"errlock_{name}_total" for name in COUNTERS)) == []


def test_every_class_and_selector_is_documented() -> None:
    assert mentions("policy.md", *CLASSES) == []
    assert mentions("policy.md", *(f"${name}" for name in (*_NODE_TYPES, *_VALUE_TYPES))) == []


def test_the_selectors_shown_can_be_read() -> None:
    _, _, section = (DOCS / "policy.md").read_text().partition("## Selectors\n")
    shown = re.findall(r"^\| `(.+?)` \|", section.partition("\n## ")[0], re.MULTILINE)
    assert shown
    for selector in shown:
        parse_selector(selector)


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = [re.split(r"[<>=]", requirement)[0] for requirement in wanted]
    assert mentions("dependencies.md", *names) == []


def test_every_command_is_documented() -> None:
    assert mentions("getting-started.md", *(f"errlock {name}" for name in _COMMANDS)) == []


def test_every_reason_to_refuse_a_request_is_documented() -> None:
    """Reasons are words in the code of the receivers and of what reads payloads."""
    pattern = re.compile(r"RefusedPayload\(\s*[0-9]{3}, \"(\w+)\"")
    sources = [*(ROOT / "receivers").glob("*.py"), *(ROOT / "pipeline").rglob("*.py")]
    reasons = {reason for source in sources for reason in pattern.findall(source.read_text())}
    text = "".join((DOCS / name).read_text() for name in ("sentry.md", "otlp.md", "operating.md"))
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in text] == []
