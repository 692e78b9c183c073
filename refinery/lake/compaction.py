"""Segments of a lake's index merged: several nights into one, published like a run, so that a crash leaves no trace.

Nights of one size are merged, as in a log-structured tree: of n nights at most about `fan_in` times the logarithm of n
segments are left, and a row is written again once a level. What is looked up is the same before and after.
"""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from refinery.lake import snapshot
from refinery.lake.index import Table, Tables, put_segment, segment
from refinery.storage.sorted import Part, rows_between, write
from refinery.storage.store import Store

FAN_IN: Final = 4
PART_BYTES: Final = 128 * 2**20
"""Of rows in a part, about: what a merge holds in memory, a few times over."""


def compact(lake: Store, fan_in: int = FAN_IN, part_bytes: int = PART_BYTES) -> int:
    """Merges while the last `fan_in` segments are of one size, and publishes; how many segments were merged."""
    merged = 0
    while snapshot.latest(lake):
        found = snapshot.load(lake)
        index = found.get("index") or {"segments": []}
        start = _start(index["segments"], fan_in)
        if start is None:
            return merged
        some = index["segments"][start:]
        path = merge(lake, [path for path, _ in some], part_bytes)
        segments = [*index["segments"][:start], [path, sum(size for _, size in some)]]
        if snapshot.put(lake, found["snapshot"] + 1, found["runs"], index | {"segments": segments}):
            merged += len(some)
        # Else a run was published meanwhile: look again; files that are merged already are found by their content.
    return merged


def _start(segments: Sequence[Sequence[Any]], fan_in: int) -> int | None:
    """Where the last segments of one size begin, if there are enough of them."""
    levels = [int(np.log(size) / np.log(fan_in) + 1e-9) for _, size in segments]
    start = len(levels) - fan_in
    return start if start >= 0 and len(set(levels[start:])) == 1 else None


def merge(lake: Store, paths: Sequence[str], part_bytes: int = PART_BYTES) -> str:
    """Writes one segment with the rows of several, oldest first; its path."""
    segments = [segment(lake, path) for path in paths]
    scratch = f"index/scratch-{uuid.uuid4().hex}"
    try:
        names = sorted({name for one in segments for name in one})
        return put_segment(lake, {name: _table(lake, name, segments, part_bytes, scratch) for name in names})
    finally:
        lake.remove_folder(scratch)


def _table(lake: Store, name: str, segments: Sequence[Tables], part_bytes: int, scratch: str) -> Table:
    tables = [one[name] for one in segments if name in one]
    parts, newest = [part for table in tables for part in table.parts], any(table.newest for table in tables)
    num = max(1, -(-sum(part.rows.bytes for part in parts) // part_bytes))
    place = (scratch, "index/data/merged", name.replace("/", "-"))
    found = list[Part]()
    for low, high in _ranges(num):
        rows = [rows for part in parts if (rows := rows_between(lake, part, low, high)) is not None and rows.num_rows]
        if rows and (part := write(lake, _sorted(pa.concat_tables(rows), newest), parts[0].block, place)) is not None:
            found.append(part)
    return Table(newest, tuple(found))


def _ranges(num: int) -> Iterator[tuple[int, int]]:
    ends = [2**64 * k // num for k in range(num + 1)]
    yield from zip(ends[:-1], ends[1:], strict=True)


def _sorted(rows: pa.Table, newest: bool) -> pa.Table:
    """By key, older rows first; of a key the newest alone, where these count."""
    keys = rows.column(0).to_numpy()
    order = np.argsort(keys, kind="stable")
    if newest:
        last = np.append(np.diff(keys[order]) != 0, True)
        order = order[last]
    return rows.take(pa.array(order))
