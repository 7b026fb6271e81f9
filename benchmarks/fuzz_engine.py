"""Coverage-guided fuzzing: the engine must see what the plain walk sees, in any bytes.

    pip install -e '.[dev,fuzz]'
    python -m benchmarks.fuzz_engine -max_total_time=600 -artifact_prefix=build/ build/fuzz

Bytes are tried in two ways: as JSON as received, and as the choices of the generator of hard
documents that the tests use. A difference ends the run and leaves the bytes in a file; run it again
with that file as its only argument to see it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from types import ModuleType

_SUPPORT = Path(__file__).parent.parent / "tests" / "support"
_POLICIES = ("default", "own", "default", "hash", "keys", "default", "known", "strict")
_KINDS = ("event", "transaction", "span", "log")
_MOST_BYTES = 4096


class Choices(Random):
    """A source of choices that takes them from bytes; zeros when these are used up."""

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self._data = data
        self._at = 0

    def getrandbits(self, k: int, /) -> int:
        """The next bits."""
        size = (k + 7) // 8
        taken = self._data[self._at : self._at + size]
        self._at += size
        return int.from_bytes(taken, "little") & ((1 << k) - 1)

    def random(self) -> float:
        """The next number below one."""
        return self.getrandbits(16) / (1 << 16)


def look(data: bytes, documents: ModuleType, twins: ModuleType) -> None:
    """Raise when the engine sees something else than the walk. The first bytes say what to do."""
    if len(data) < 3 or len(data) > _MOST_BYTES:
        return
    policy = _POLICIES[data[0] % len(_POLICIES)]
    if data[1] & 1:
        choices = Choices(data[2:])
        type_ = documents.any_kind(choices)
        tree = documents.document(choices, type_)
        found = twins.difference(policy, type_, tree)
        found = found or twins.raw_difference(policy, type_, documents.written(choices, tree))
    else:
        type_ = _KINDS[(data[1] >> 1) % len(_KINDS)]
        found = twins.raw_difference(policy, type_, data[2:])
    if found is not None:
        raise AssertionError(f"{policy}, {type_}: {found}")


def seeds(folder: Path, documents: ModuleType) -> None:
    """Documents to begin with, unless there are some."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        return
    for number in range(400):
        random = Random(number)
        type_ = random.choice(_KINDS)
        tree = documents.document(random, type_)
        data = json.dumps(tree, ensure_ascii=number % 2 == 0).encode("utf-8", "surrogatepass")
        head = bytes([number % 8, _KINDS.index(type_) << 1])
        (folder / f"seed{number}").write_bytes(head + data)
        (folder / f"choices{number}").write_bytes(bytes([number % 8, 1]) + random.randbytes(400))


def main() -> None:
    """Fuzz until libFuzzer has enough; its options are this program's."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # the extra `fuzz`

    sys.path.insert(0, str(_SUPPORT))
    with atheris.instrument_imports(include=["errlock.policy"]):
        import engine_documents
        import engine_twins
    for argument in sys.argv[1:]:
        if not argument.startswith("-") and not Path(argument).is_file():
            seeds(Path(argument), engine_documents)
    for policy in set(_POLICIES):
        engine_twins.raw_difference(policy, "event", b'{"password": 7}')  # databases are made now
    atheris.Setup(sys.argv, lambda data: look(data, engine_documents, engine_twins))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
