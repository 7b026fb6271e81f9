"""Stack traces as real programs wrote them: tests/pipeline/crossing/traces, one file a program."""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent.parent / "pipeline" / "crossing" / "traces"


@cache
def sections(program: str) -> dict[str, str]:
    """All traces of a program, by name."""
    text = (_FOLDER / f"{program}.txt").read_text()
    parts = ("\n" + text).split("\n===== ")[1:]
    named = (part.partition("\n") for part in parts)
    return {name: trace.rstrip("\n") + "\n" for name, _, trace in named}


def recorded(program: str, name: str) -> str:
    """One trace."""
    return sections(program)[name]
