"""Writes the programs of the pages into a folder, for type checkers: `python … FOLDER`."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write_programs(folder: Path) -> None:
    """One module a program, named after its page and line."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = page.read_text()
        for found in _FENCE.finditer(text):
            line = text.count("\n", 0, found.start()) + 2
            if ">>>" not in found[1]:
                name = f"{page.stem.lower().replace('-', '_')}_{line}.py"
                (folder / name).write_text(found[1])


if __name__ == "__main__":
    write_programs(Path(sys.argv[1]))
