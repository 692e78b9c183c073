"""A small cluster on this machine, a driver on it, and ways to kill a part of either at a seeded moment."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster

from refinery.lake import snapshot
from refinery.storage.store import Store

REPOSITORY = Path(__file__).resolve().parents[2]
_MEMORY = {"object_store_memory": 80 * 2**20}
_PATIENCE = 120


@dataclass
class Machines:
    """A head that only drives, and two nodes of one core that work."""

    cluster: Cluster
    nodes: list[Any]

    def renew(self) -> None:
        """Adds a node for each that was killed."""
        self.nodes += [self.cluster.add_node(num_cpus=1, **_MEMORY) for _ in range(2 - len(self.nodes))]
        self.cluster.wait_for_nodes()


@contextmanager
def machines() -> Iterator[Machines]:
    """Three nodes as processes of this machine."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **_MEMORY}, connect=False)
    try:
        found = Machines(cluster, [])
        found.renew()
        yield found
    finally:
        cluster.shutdown()


def drive(on: Machines, plan: Path, lake: Path) -> subprocess.Popen[bytes]:
    """Starts the main job against the cluster, as a data engineer would."""
    command = [sys.executable, "-m", "pipelines.refine", str(plan), "--target", str(lake)]
    environment = os.environ | {"RAY_ADDRESS": on.cluster.address}
    return subprocess.Popen(command, env=environment, cwd=REPOSITORY, stderr=subprocess.PIPE)


def num_entries(lake: Path) -> int:
    """Manifest entries of the wide passes and exchanges, over all passes."""
    return sum(1 for _ in lake.glob("runs/*/*/manifest/*.json"))


def wait_for_entries(driver: subprocess.Popen[bytes], lake: Path, num: int) -> None:
    """Returns as soon as `num` tasks are booked; fails if the driver ended before."""
    until = time.monotonic() + _PATIENCE
    while num_entries(lake) < num:
        assert driver.poll() is None, f"the driver ended before the kill: {driver.stderr.read().decode()[-2000:]}"
        assert time.monotonic() < until, f"{num_entries(lake)} of {num} tasks after {_PATIENCE} s"
        time.sleep(0.001)
    assert snapshot.latest(Store(lake)) == 0, "the kill came after publication"


def kill_driver(driver: subprocess.Popen[bytes], on: Machines) -> None:
    """The driver, as the kernel's memory killer would."""
    driver.send_signal(signal.SIGKILL)
    driver.wait()


def kill_worker(driver: subprocess.Popen[bytes], on: Machines) -> None:
    """A process that does a task of a pass now; waits for the next one where none does at this instant."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and driver.poll() is None:
        busy = [pid for pid in descendants(os.getpid()) if _command(pid).startswith("ray::Map(")]
        if busy:
            os.kill(busy[0], signal.SIGKILL)
            return
    raise AssertionError("no worker was busy before the driver ended")


def kill_node(driver: subprocess.Popen[bytes], on: Machines) -> None:
    """One of the two nodes with all its processes."""
    on.cluster.remove_node(on.nodes.pop(), allow_graceful=False)


Kill = Callable[[subprocess.Popen[bytes], Machines], None]
KILLS: dict[str, Kill] = {"driver": kill_driver, "worker": kill_worker, "node": kill_node}


def moment(seed: int, total: int) -> int:
    """A number of booked tasks from 1 to all but one."""
    return random.Random(seed).randint(1, total - 1)


def descendants(root: int) -> list[int]:
    """Processes that a process started, and theirs."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    found, new = [], [root]
    while new:
        new = [pid for pid, parent in parents.items() if parent in new]
        found += new
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
