"""What a disk holds after a power cut: only writes that a sync followed, as strace saw them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Strings in hexadecimal, long enough for a page; the paths of file descriptors.
_FILES = "trace=pwrite64,fdatasync,fsync,ftruncate,unlink,write"
STRACE = ["strace", "-f", "-xx", "-y", "-s", "70000", "-e", _FILES]
# The same, and what goes through sockets, which are named by their addresses. The process is the
# one that is started, its tracer a child.
STRACE_SOCKETS = ["strace", "-D", "-f", "--seccomp-bpf", "-xx", "-yy", "-s", "140000",
                  "-e", f"{_FILES},sendto,sendmsg,recvfrom,recvmsg"]  # fmt: skip

_CALL = re.compile(r"^(\d+) +(\w+)\((.*)$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>")
_FILE = re.compile(r"^\d+<((?:\\x[0-9a-f]{2})*)>")
_CONNECTION = re.compile(r"^\d+<(TCP.*?\])>[, ]")
_DATA = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_END = re.compile(r"(\d+)\)? +(?:= (?:\d+|\?)|<unfinished \.\.\.>)$")


@dataclass(frozen=True, slots=True)
class Talk:
    """Bytes that the process wrote into a pipe, or sent to or received from a connection."""

    where: str
    data: bytes
    received: bool = False


@dataclass
class Disk:
    """Files as they are on the disk, and the writes that are not there yet."""

    files: dict[str, bytearray]
    waiting: dict[str, list[tuple[int, bytes]]] = field(default_factory=lambda: defaultdict(list))
    syncs: int = 0

    def write(self, path: str, at: int, data: bytes) -> None:
        """Data is under way."""
        self.waiting[path].append((at, data))

    def truncate(self, path: str, size: int) -> None:
        """A file got another size: taken as done at once."""
        file = self.files.setdefault(path, bytearray())
        del file[size:]
        file.extend(bytes(size - len(file)))

    def sync(self, path: str) -> None:
        """What was under way to a file is there."""
        file = self.files.setdefault(path, bytearray())
        for at, data in self.waiting.pop(path, []):
            if len(file) < at + len(data):
                file.extend(bytes(at + len(data) - len(file)))
            file[at : at + len(data)] = data
        self.syncs += 1

    def save(self, folder: Path) -> None:
        """Write what is there into a folder, under the files' names."""
        folder.mkdir(mode=0o700)
        for path, data in self.files.items():
            target = folder / Path(path).name
            target.touch(mode=0o600)
            target.write_bytes(data)


def replay(trace: Path, disk: Disk) -> Iterator[Talk]:
    """Follow a trace. Yields what the process said or heard: sent when it began to, heard when it
    had all of it.
    """
    pending: dict[str, str] = {}  # by thread: the file or connection of a call that takes its time
    for line in trace.read_text().splitlines():
        if resumed := _RESUMED.match(line):
            thread, name = resumed.groups()
            if name in ("fdatasync", "fsync"):
                disk.sync(pending.pop(thread))
            elif name in ("recvfrom", "recvmsg") and thread in pending:
                yield Talk(pending.pop(thread), _all_data(line), received=True)
            continue
        call = _CALL.match(line)
        if call is None:
            continue
        thread, name, rest = call.groups()
        if connection := _CONNECTION.match(rest):
            if "<unfinished" in rest and name.startswith("recv"):
                pending[thread] = connection[1]
            else:
                yield Talk(connection[1], _all_data(rest), received=name.startswith("recv"))
            continue
        found = _FILE.match(rest)
        path = _bytes(found[1]).decode() if found else ""
        if name in ("fdatasync", "fsync"):
            if "unfinished" in rest:
                pending[thread] = path
            else:
                disk.sync(path)
        elif name == "pwrite64":
            disk.write(path, int(_last(rest)), _data(rest))
        elif name == "ftruncate":
            disk.truncate(path, int(_last(rest)))
        elif name == "unlink":
            disk.files.pop(_data(rest).decode(), None)
        elif path.startswith("pipe:"):
            yield Talk(path, _data(rest))


def _all_data(arguments: str) -> bytes:
    """Of a call with several buffers."""
    found = list(_DATA.finditer(arguments))
    assert not any(each[2] for each in found), "strace cut a string"
    return b"".join(_bytes(each[1]) for each in found)


def _data(arguments: str) -> bytes:
    found = _DATA.search(arguments)
    assert found is not None
    assert not found[2], "strace cut a string"
    return _bytes(found[1])


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _last(arguments: str) -> str:
    found = _END.search(arguments)
    assert found is not None, arguments[-60:]
    return found[1]
