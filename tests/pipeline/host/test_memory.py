"""How much memory there is, as kernels and container runtimes tell it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from errlock.pipeline.collector.bounds import too_many, too_much
from errlock.pipeline.config import loads
from errlock.pipeline.host.memory import in_flight, memory_limit
from errlock.pipeline.options import Size

MIB = 1024 * 1024
CGROUPS = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
)
V1 = "5:cpu,cpuacct:/x\n4:memory:{}\n0::/\n"


@pytest.mark.parametrize(
    ("group", "files", "limit"),
    [
        ("0::/\n", {"memory.max": 256 * MIB}, 256),
        ("0::/a.slice/b.service\n", {"a.slice/b.service/memory.max": 300 * MIB}, 300),
        (
            "0::/a.slice/b.service\n",
            {"a.slice/b.service/memory.max": "max", "a.slice/memory.max": 200 * MIB},
            200,
        ),
        (V1.format("/pods/one"), {"memory/pods/one/memory.limit_in_bytes": 128 * MIB}, 128),
        (V1.format("/docker/4711"), {"memory/memory.limit_in_bytes": 64 * MIB}, 64),
        (V1.format("/"), {"memory/memory.limit_in_bytes": 9223372036854771712}, None),
        ("0::/../../other\n", {"memory.max": "max"}, None),
        (None, {}, None),
    ],
)
def test_the_least_of_all_limits_counts(
    tmp_path: Path, group: str | None, files: dict[str, object], limit: int | None
) -> None:
    if group is not None:
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/cgroup").write_text(group)
    for name, content in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert memory_limit(tmp_path) == (machine if limit is None else limit * MIB)


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A cgroup that allows 512 MiB, where this user may make one."""
    for folder, name in CGROUPS:
        group = folder / f"errlock-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if (group / name).exists():
                (group / name).write_text(str(512 * MIB))
                yield group
                return
        finally:
            group.rmdir()
    pytest.skip("no cgroup may be made here")


def test_a_process_in_a_group_lets_in_a_sixteenth_of_what_that_allows(small_group: Path) -> None:
    code = "from errlock.pipeline.host.memory import in_flight; print(in_flight(None))"
    enter = f'echo $$ > {small_group}/cgroup.procs && exec "$0" -c "{code}"'
    done = subprocess.run(
        ["sh", "-c", enter, sys.executable], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(done.stdout) == 32 * MIB


def test_what_is_set_counts() -> None:
    assert in_flight(Size("3GiB")) == 3 * 1024 * MIB


def test_bounds_that_do_not_fit_are_told() -> None:
    assert too_much(loads("")) is None
    text = (
        "receivers: {sentry: {max_bytes_in_flight: 1MiB}, otlp: {max_bytes_in_flight: 2MiB}}\n"
        "exporters: {debug: {sending_queue: {queue_size: 8000000GiB}}}\n"
        "service: {max_bytes_in_flight: 3MiB, storage: memory}"
    )
    told = too_much(loads(text))
    assert told is not None
    assert f"let in {8000000 * 1024 + 6} MiB, more than half of the" in told
    assert too_much(loads(text.replace("memory}", "./x}"))) is None


def test_connections_that_leave_no_files_are_told() -> None:
    assert too_many(loads("")) is None
    text = "receivers: {otlp: {protocols: {http: {max_connections: 700000000}, grpc: }}}"
    told = too_many(loads(text))
    assert told is not None
    assert told.startswith("max_connections let in 7000")
