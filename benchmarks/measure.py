"""One contender run and measured: a process of its own on its own cores, its seconds, rows, and peak memory."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

HOME: Final = Path(__file__).resolve().parent
_ENVIRONMENT: Final = {"REFINERY_KEY": "a key for benchmarks", "RAY_USAGE_STATS_ENABLED": "0"}
_SAMPLE_SECONDS: Final = 0.25
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class Contender(NamedTuple):
    """A command that takes the folder to write to as its last argument and prints one JSON object."""

    name: str
    cores: int
    command: tuple[str, ...]


class Result(NamedTuple):
    """One run: seconds inside and of the whole process, rows by table, peak bytes (all, shared), ends of passes."""

    seconds: float
    rows: dict[str, int]
    whole: float = 0.0
    memory: tuple[int, int] = (0, 0)
    passes: dict[str, float] = {}

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Result":
        """From JSON, which knows no tuples."""
        return cls(**said | {"memory": tuple(said.get("memory", (0, 0)))})


def measure(one: Contender, out: Path) -> Result:
    """Runs it on its cores in a process of its own; raises CalledProcessError where it fails."""
    command, here = [*one.command, str(out)], os.sched_getaffinity(0)
    start = time.perf_counter()
    os.sched_setaffinity(0, sorted(here)[: one.cores])  # a child inherits it, and so do Ray's processes
    try:
        process = subprocess.Popen(command, cwd=HOME.parent, env=os.environ | _ENVIRONMENT, stdout=subprocess.PIPE)
    finally:
        os.sched_setaffinity(0, here)
    peak = Peak(process.pid)
    watch = threading.Thread(target=_watch, args=(process, peak))
    watch.start()
    said, _ = process.communicate()
    whole = time.perf_counter() - start
    watch.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Result(**orjson.loads(said.splitlines()[-1]), whole=whole, memory=(peak.bytes, peak.shared))


def _watch(process: subprocess.Popen[bytes], peak: "Peak") -> None:
    while process.poll() is None:
        peak.look()
        time.sleep(_SAMPLE_SECONDS)


class Peak:
    """The most memory that a process and all below it held together: proportional set sizes, in bytes.

    A look at resident sets costs 2 ms, one at proportional sets ten times that, more than a timed run bears: it is
    taken whenever the resident sets are larger together than ever before.
    """

    def __init__(self, root: int) -> None:
        self.bytes = self.shared = self._resident = 0
        self._root = root

    def look(self) -> None:
        """Takes note of what is held now."""
        tree = list(_tree(self._root))
        resident = sum(_resident(pid) for pid in tree)
        if resident <= self._resident:
            return
        self._resident = resident
        facts = [_memory(pid) for pid in tree]
        held, shared = (sum(column) for column in zip(*facts, strict=True))
        if held > self.bytes:
            self.bytes, self.shared = held, shared


def _tree(root: int) -> Iterator[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [root]
    for pid in found:
        yield pid
        found += children.get(pid, [])


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def _memory(pid: int) -> tuple[int, int]:
    """Proportional set size, and the part of it in shared memory, in bytes."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0, 0
    sizes = {name: int(size.split()[0]) * 1024 for name, _, size in (line.partition(":") for line in lines)}
    return sizes.get("Pss", 0), sizes.get("Pss_Shmem", 0)
