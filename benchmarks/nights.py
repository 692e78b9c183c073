"""What a night costs as the history grows: seconds, bytes and pairs, beside those of the second night.

    python -m benchmarks.nights --nights 30 --fresh 2000

Nights bring as much that is new and as many copies each (tests/dedup/nights.py); the index is compacted after each, and
that is timed apart. One process; the last line is the median of the last three nights over that of nights 2 to 4.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from refinery.lake.compaction import compact
from refinery.storage.store import Store
from tests.dedup.nights import counted, refine, simulated, write


def main() -> None:
    """Runs the nights and prints a line a night."""
    wanted = argparse.ArgumentParser()
    wanted.add_argument("--nights", type=int, default=30)
    wanted.add_argument("--fresh", type=int, default=2_000)
    given = wanted.parse_args()
    seconds, merging, read = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for number, night in enumerate(simulated(given.nights, given.fresh, given.fresh // 30), 1):
            logs = write(home / f"night-{number}", night)
            found = refine(logs, home / "lake", rows=20_000, reducer_rows=500_000, input_bytes=2**26)
            start = time.perf_counter()
            compact(Store(home / "lake"))
            merging.append(time.perf_counter() - start)
            seconds.append(found.seconds)
            read.append(counted(found, "bytes of the index"))
            print(
                f"night {number}: {len(night):,} conversations, {found.seconds:.2f} s, compaction {merging[-1]:.2f} s, "
                f"{counted(found, 'pairs'):,} pairs, {read[-1]:,} bytes of the index",
                flush=True,
            )
    ratio = statistics.median(seconds[-3:]) / statistics.median(seconds[1:4])
    print(f"the last three nights over nights 2 to 4: {ratio:.2f}")


if __name__ == "__main__":
    main()
