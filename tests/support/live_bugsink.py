"""A real Bugsink (a self-hosted backend that speaks the Sentry protocol) for tests.

It lives in a virtual environment of its own under `.cache/`, because it pins Django; that and a
migrated database are made once per set of pinned versions and reused. Each test session gets a
copy of the database and a server on a port of its own. What arrived is read from the database.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installed_once import installed_once
from live_ports import listening_port

_REQUIREMENTS = Path(__file__).with_name("bugsink-requirements.txt")
# Made in advance: a row is renamed when a test asks for a project, instead of starting Django.
_PROJECTS = 120
_START_DEADLINE = 120.0  # seconds

# TASK_ALWAYS_EAGER: an event is an issue when the request is answered, so no test has to wait.
# Quotas out of the way, no calls home, no trust in proxy headers.
_SETTINGS = """\
from bugsink.settings.default import *

SECRET_KEY = "only-for-tests-" * 4
DATABASES["default"]["NAME"] = {folder!r} + "/db.sqlite3"
DATABASES["snappea"]["NAME"] = {folder!r} + "/snappea.sqlite3"
SNAPPEA = {{
    "TASK_ALWAYS_EAGER": True,
    "NUM_WORKERS": 1,
    "PID_FILE": None,
    "WAKEUP_CALLS_DIR": {folder!r} + "/wakeup",
    "STATS_RETENTION_MINUTES": 60,
}}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
ALLOWED_HOSTS = ["*"]
SECURE_PROXY_SSL_HEADER = None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
BUGSINK = {{
    "BASE_URL": "http://127.0.0.1:{port}",
    "INGEST_STORE_BASE_DIR": {folder!r} + "/ingestion",
    "PHONEHOME": False,
    **dict.fromkeys(
        [
            f"MAX_EVENTS_{{scope}}PER_{{period}}"
            for scope in ("", "PER_PROJECT_")
            for period in ("5_MINUTES", "HOUR", "MONTH")
        ],
        10_000_000,
    ),
}}
"""

# The search of its own pages, in every issue of a project.
_SEARCH = """\
import json
from issues.models import Issue
from tags.search import search_events
found = {{
    query: sorted(
        event.data
        for issue in Issue.objects.filter(project_id={project})
        for event in search_events(issue.project, issue, query)
    )
    for query in {queries!r}
}}
print(json.dumps(found))
"""

# All in one process: each that starts Django takes a second. What is not Snappea's is not migrated
# in its database anyway; it is only gone through, which takes as long.
_MAKE_TEMPLATE = f"""\
from django.core.management import call_command
from projects.models import Project
from teams.models import Team
call_command("migrate", verbosity=0)
call_command("migrate", "snappea", database="snappea", verbosity=0)
team = Team.objects.create(name="tests")
for number in range({_PROJECTS}):
    Project.objects.create(
        name=f"free-{{number:03}}", team=team, retention_max_event_count=1_000_000
    )
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A project of the running Bugsink."""

    id: int
    key: str
    port: int

    @property
    def dsn(self) -> str:
        """Where an SDK or an exporter sends to."""
        return self.dsn_through(self.port)

    def dsn_through(self, port: int) -> str:
        """The same by way of another port of this machine: a relay in front of Bugsink."""
        return f"http://{self.key}@127.0.0.1:{port}/{self.id}"


@dataclass(frozen=True, slots=True)
class Issue:
    """A group of events as Bugsink sees it."""

    type: str  # `calculated_type`: the exception's type, or `Log Message`
    value: str
    events: int
    last_frame: str  # the function in which the last event was raised


class Bugsink:
    """A running Bugsink; see `running_bugsink`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder
        self._database = folder / "db.sqlite3"

    def project(self, name: str) -> Project:
        """Make a project that nobody else uses."""
        with closing(sqlite3.connect(self._database, timeout=30)) as database, database:
            id_, key = database.execute(
                "UPDATE projects_project SET name = ? || ' ' || id WHERE id = (SELECT min(id)"
                " FROM projects_project WHERE name LIKE 'free-%') RETURNING id, sentry_key",
                [f"test {name}"],
            ).fetchone()
        return Project(id_, key, self.port)

    def token(self) -> str:
        """A token that may read every project's issues over Bugsink's own API."""
        token = secrets.token_hex(20)
        with closing(sqlite3.connect(self._database, timeout=30)) as database, database:
            columns = database.execute("PRAGMA table_info(bsmain_authtoken)").fetchall()
            row: dict[str, object] = {
                name: 0 for _, name, _, needed, _, key in columns if needed and not key
            }
            row |= {"token": token, "description": "test", "issues_read": 1}
            row["created_at"] = "2026-01-01 00:00:00"
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            database.execute(
                f"INSERT INTO bsmain_authtoken ({names}) VALUES ({marks})", list(row.values())
            )
        return token

    def issues(self, project: Project) -> list[Issue]:
        """The issues of a project, oldest first."""
        rows = self._read(
            "SELECT calculated_type, calculated_value, digested_event_count, last_frame_function"
            " FROM issues_issue WHERE project_id = ? ORDER BY digest_order",
            project.id,
        )
        return [Issue(*row) for row in rows]

    def events(self, project: Project) -> list[dict[str, Any]]:
        """The events of a project as they are stored, in the order in which they came."""
        rows = self._read(
            "SELECT data FROM events_event WHERE project_id = ? ORDER BY project_digest_order",
            project.id,
        )
        return [json.loads(data) for (data,) in rows]

    def wait_for_events(
        self, project: Project, count: int, timeout: float = 300.0
    ) -> list[dict[str, Any]]:
        """The events as soon as there are `count` of them. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while len(events := self.events(project)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Bugsink has {len(events)} of {count} events")
            time.sleep(0.05)
        return events

    def search(self, project: Project, queries: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        """The events that its own search finds, as it would on its pages: `user.email:"…"`."""
        command = _SEARCH.format(project=project.id, queries=list(queries))
        shell: list[str | Path] = [installed_bugsink() / "bin/python", "-m", "django", "shell"]
        shell += ["--verbosity=0", "--command", command]
        answer = _run(shell, _environment(self._folder, self.port))
        found: dict[str, list[str]] = json.loads(answer)
        return {query: [json.loads(event) for event in events] for query, events in found.items()}

    def _read(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._database, timeout=30)) as database:
            return database.execute(query, parameters).fetchall()


@contextmanager
def running_bugsink(folder: Path) -> Iterator[Bugsink]:
    """Start Bugsink with its data in `folder`, stop it at the end."""
    home = installed_bugsink()
    port = listening_port()
    shutil.copytree(home / "template", folder, dirs_exist_ok=True)
    environment = _environment(folder, port)
    gunicorn: list[str | Path] = [
        home / "bin/python",
        "-m",
        "gunicorn",
        "--bind",
        f"127.0.0.1:{port}",
    ]
    with (folder / "gunicorn.log").open("wb") as log:
        server = subprocess.Popen(
            [*gunicorn, "--threads", "4", "--no-control-socket", "bugsink.wsgi"],
            cwd=folder, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _wait_until_it_answers(server, port, folder / "gunicorn.log")
            yield Bugsink(folder, port)
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def installed_bugsink() -> Path:
    """The virtual environment with a migrated database in it; made when it is not there."""
    pins = f"{_REQUIREMENTS.read_text()}{_SETTINGS}{_MAKE_TEMPLATE}{sys.version_info[:2]}"
    return installed_once("bugsink-venv", pins.encode(), _install)


def _install(home: Path) -> None:
    """With the pip that is there, and nothing compiled: Bugsink uses little of what it needs."""
    python = home / "bin/python"
    _run([sys.executable, "-m", "venv", "--clear", "--without-pip", home])
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", python, "install"]
    _run([*pip, "--quiet", "--no-deps", "--no-compile", "--requirement", _REQUIREMENTS])
    template = home / "template"
    template.mkdir()
    shell: list[str | Path] = [python, "-m", "django", "shell", "--command", _MAKE_TEMPLATE]
    _run(shell, _environment(template, 0))


def _environment(folder: Path, port: int) -> dict[str, str]:
    """Write the settings module of a server that keeps its data in `folder`."""
    (folder / "bugsink_test_settings.py").write_text(
        _SETTINGS.format(folder=str(folder), port=port)
    )
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "bugsink_test_settings",
        "PYTHONPATH": str(folder),
    }


def _run(command: list[str | Path], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[1:4]} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_DEADLINE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5):
                return
        except urllib.error.HTTPError as answer:
            answer.close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"Bugsink did not start:\n{log.read_text()[-4000:]}")
