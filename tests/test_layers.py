"""Dependencies point downwards, and importing the library is cheap."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("uncollected")

ROOT = Path(__file__).parent.parent

# Folder -> the folders of errlock that it may import from. Within pipeline/, see LOW.
MAY_IMPORT = {
    "policy": set(),
    "delivery": {"pipeline"},
    "processors": {"policy", "pipeline"},
    "receivers": {"pipeline"},
    "exporters": {"pipeline"},
    "ledger": {"policy", "pipeline"},
}
# What components may use of pipeline/: its contracts and payloads, never what runs them.
LOW = {"component", "counters", "errors", "host", "http", "options", "payloads", "terminal"}
# The ledger reads stack traces as crossings do: by functions that know documents and nothing else.
BESIDE = {"ledger": {"crossing"}}


def imports(module: Path) -> set[tuple[str, ...]]:
    """The errlock modules that a file imports, as paths from the root of the repository."""
    found: set[tuple[str, ...]] = set()
    here = module.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - node.level + 1]
            path = (*base, *(node.module.split(".") if node.module else ()))
            found |= {(*path, alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("errlock."):
            found.add(tuple(node.module.split(".")[1:]))  # type: ignore[union-attr]  # checked above
    return found


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_lies_below_it(folder: str) -> None:
    wrong = [
        f"{module.relative_to(ROOT)} imports {'.'.join(path)}"
        for module in sorted((ROOT / folder).rglob("*.py"))
        for path in sorted(imports(module))
        if path[0] not in {folder, *MAY_IMPORT[folder]}
        or (path[0] == "pipeline" and path[1:] and path[1] not in LOW | BESIDE.get(folder, set()))
    ]
    assert wrong == []


def test_the_contracts_and_payloads_do_not_import_what_runs_them() -> None:
    modules = [
        module
        for name in LOW
        for module in [ROOT / "pipeline" / f"{name}.py", *(ROOT / "pipeline" / name).glob("*.py")]
        if module.exists()
    ]
    wrong = [
        f"{module.relative_to(ROOT)} imports {'.'.join(path)}"
        for module in modules
        for path in imports(module)
        if path[0] not in {"pipeline", "policy"}
        or (path[0] == "pipeline" and len(path) > 1 and path[1] not in LOW)
    ]
    assert wrong == []


def test_importing_the_library_loads_no_server_and_no_telemetry_sdk() -> None:
    code = "import sys, errlock.pipeline; print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    heavy = {"aiohttp", "grpc", "google.protobuf", "phonenumbers", "cryptography", "rich",
             "opentelemetry.sdk", "sqlite3"}  # fmt: skip
    assert heavy & set(out) == set()


def test_no_modules_need_each_other() -> None:
    """In a circle, not even for types or when they are used: one of them knows too much."""
    modules = {
        module.relative_to(ROOT).with_suffix("").parts: module
        for folder in (*MAY_IMPORT, "pipeline")
        for module in (ROOT / folder).rglob("*.py")
        if module.name != "__init__.py"
    }
    needs = {
        name: {path[: len(path) - cut] for path in imports(module) for cut in (0, 1)} & set(modules)
        for name, module in modules.items()
    }
    assert list(TopologicalSorter(needs).static_order())  # raises CycleError, which names them


def test_no_folders_need_each_other() -> None:
    """Those side by side: what a folder needs of one that needs it stands in the wrong place."""
    needs: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for folder in (*MAY_IMPORT, "pipeline"):
        for module in (ROOT / folder).rglob("*.py"):
            for path in imports(module):
                here, there = _apart(module.relative_to(ROOT).parent.parts, _folder_of(path))
                if len(here) > 1:  # of the folders at the top, see MAY_IMPORT
                    needs.setdefault(here, set()).add(there)
    assert list(TopologicalSorter(needs).static_order())  # raises CycleError, which names them


def _folder_of(path: tuple[str, ...]) -> tuple[str, ...]:
    while not ROOT.joinpath(*path).is_dir():
        path = path[:-1]
    return path


def _apart(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The two folders, side by side, in which they are; nothing where one holds the other."""
    for depth, (mine, theirs) in enumerate(zip(one, other, strict=False), start=1):
        if mine != theirs:
            return one[:depth], other[:depth]
    return (), ()
