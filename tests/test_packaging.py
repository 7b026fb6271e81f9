"""The wheel holds what the tree holds: setuptools lists packages by hand."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]
TOP = sorted(set(SETUPTOOLS["package-dir"].values()))


def test_every_folder_with_code_is_a_package_in_the_list() -> None:
    found = {
        "errlock." + ".".join(init.parent.relative_to(ROOT).parts)
        for folder in TOP
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert found == set(SETUPTOOLS["packages"])


def test_every_module_lies_in_a_folder_with_an_init() -> None:
    strays = [
        str(module.relative_to(ROOT))
        for folder in TOP
        for module in (ROOT / folder).rglob("*.py")
        if not (module.parent / "__init__.py").exists()
    ]
    assert strays == []


def test_the_import_name_is_errlock_plus_the_path() -> None:
    assert {f"errlock.{folder}": folder for folder in TOP} == SETUPTOOLS["package-dir"]


def test_every_top_package_is_typed() -> None:
    assert [folder for folder in TOP if not (ROOT / folder / "py.typed").exists()] == []


def test_every_dependency_is_named_with_its_reason() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(item for extra in extras for item in extra)]
    names = [item.split(">")[0].split("=")[0].split("[")[0].strip() for item in wanted]
    assert [name for name in names if f"`{name}`" not in page] == []
