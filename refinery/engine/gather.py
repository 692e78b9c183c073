"""Flat turn tables brought together: each file's rows sealed by key range, then each range's conversations read.

Two passes before masking: `gather` writes a file for every `input_bytes` of rows, a group a key range; an intake task
then reads one range of all these files and holds every row of its conversations. What lies between the two is not
masked yet, and therefore sealed under the deployment's key.
"""

from collections import Counter
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from refinery.engine.manifest import Output
from refinery.engine.tasks import Work
from refinery.errors import StorageError
from refinery.intake.rows import digest
from refinery.intake.source import File, Source, open_file, packed
from refinery.intake.turns import TURNS, Place
from refinery.storage.sealed import Seal
from refinery.storage.shards import ShardWriter, WideFile

SEALED: Final = pa.schema([("sealed", pa.binary())])
"""A group, and in it a row, for each key range: its rows of TURNS, null where there are none."""
_FILES_A_TASK: Final = 500
_UNPACKED: Final = 8
"""Bytes of table in a byte of a packed file, about."""


class Layout(NamedTuple):
    """How turn tables are gathered: tasks of places, and the number of key ranges."""

    tasks: list[list[Place]]
    ranges: int


def layout(sources: tuple[Source, ...], frozen: list[list[File]], size: int) -> Layout | None:
    """Tasks of about `size` bytes over the frozen files of all turn tables; None where there are no such sources."""
    places = [
        place
        for number, (source, files) in enumerate(zip(sources, frozen, strict=True))
        if source.format == "turns"
        for file in files
        for place in _places(number, file, size)
    ]
    if not places:
        return None
    tasks, weight, total = list[list[Place]](), 0, 0
    for place in places:
        size_of = _weight(place)
        weight, total = weight + size_of, total + size_of
        if not tasks or weight > size or len(tasks[-1]) >= _FILES_A_TASK:
            tasks.append([])
            weight = size_of
        tasks[-1].append(place)
    return Layout(tasks, max(1, -(-total // size)))


def _places(number: int, file: File, size: int) -> list[Place]:
    """A file whole, or, if it is large and Parquet, in runs of row groups."""
    if not file.name.lower().endswith(".parquet") or file.size * _UNPACKED <= size:
        return [Place(number, file)]
    try:
        with open_file(file) as handle:
            groups = pq.ParquetFile(handle).metadata.num_row_groups
    except (OSError, ValueError, pa.ArrowException):  # the task that reads it says what is wrong
        return [Place(number, file)]
    step = max(1, groups * size // (file.size * _UNPACKED))
    return [Place(number, file, (first, min(first + step, groups))) for first in range(0, groups, step)]


def _weight(place: Place) -> int:
    return place.file.size * (_UNPACKED if packed(place.file) else 1)


class Pieces:
    """The files that a gather task writes: a new one for every `size` bytes of rows, so that memory is bounded."""

    def __init__(self, work: Work, stem: str, key: bytes, size: int) -> None:
        self._work, self._stem, self._key, self._seal, self._size = work, stem, key, Seal(key), size
        self._held, self._bytes = list[pa.Table](), 0
        self.outputs, self.rows = list[Output](), 0

    def add(self, table: pa.Table) -> None:
        """Takes rows of TURNS."""
        self._held.append(table)
        self._bytes += table.nbytes
        self.rows += table.num_rows
        if self._bytes >= self._size:
            self.flush()

    def flush(self) -> None:
        """Writes what is held, if any."""
        if not self._held:
            return
        table, ranges = pa.concat_tables(self._held), self._work.reducers
        which = _ranges(table, ranges, self._key)
        with ShardWriter(self._work.store, SEALED, self._work.scratch, "wide") as out:
            for k in range(ranges):
                rows = table.filter(pa.array(which == k)) if ranges > 1 else table
                sealed = self._seal.close(rows) if rows.num_rows else None
                out.write_group(pa.table([pa.array([sealed], pa.binary())], schema=SEALED))
            file = out.finish(f"{self._work.folder}/data", f"{self._stem}-{len(self.outputs):04d}")
        self.outputs.append(Output("work", None, file))
        self._held, self._bytes = [], 0


def _ranges(table: pa.Table, ranges: int, key: bytes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The key range of each row, by a keyed hash of its source and conversation id."""
    ids = pc.binary_join_element_wise(pc.cast(table["_source"], pa.string()), table["conversation_id"], "/")
    codes = ids.combine_chunks().dictionary_encode()
    hashed = [int(digest("range", name, key=key)[:8], 16) * ranges >> 32 for name in codes.dictionary.to_pylist()]
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = np.array(hashed, np.int64)[codes.indices.to_numpy()]
    return found


def gathered(work: Work, number: int, key: bytes, max_turns: int) -> tuple[pa.Table, int]:
    """The rows of one key range, in the order of the files, and how many there were.

    Of a conversation with more than `max_turns` turns, one more than that is kept: enough to be set aside as too long,
    and an id that stands on a million rows does not fill the memory. Raises StorageError where a piece does not open.
    """
    seal, kept, num, seen = Seal(key), list[pa.Table](), 0, Counter[tuple[int, str]]()
    for path in work.maps:
        sealed = WideFile(work.store, path).group(number)["sealed"][0].as_py()
        if sealed is not None:
            table = seal.open(sealed)
            num += table.num_rows
            kept.append(_capped(table, seen, max_turns + 1))
    return pa.concat_tables(kept) if kept else TURNS.empty_table(), num


def _capped(table: pa.Table, seen: Counter[tuple[int, str]], most: int) -> pa.Table:
    """The table without the rows of a conversation beyond `most`; `seen` counts over tables."""
    found = table.group_by(["_source", "conversation_id"]).aggregate([([], "count_all")]).to_pylist()
    counts = {(row["_source"], row["conversation_id"]): row["count_all"] for row in found}
    for (source, name), count in counts.items():
        left = max(0, most - seen[source, name])
        if count > left:
            mine = pc.and_(pc.equal(table["_source"], source), pc.equal(table["conversation_id"], name)).to_numpy()
            table = table.filter(pa.array(~mine | (np.cumsum(mine) <= left)))
    seen.update(counts)
    return table


def check(put_in: int, came_out: int) -> None:
    """Raises StorageError unless as many turns came out of the pieces as were put into them."""
    if put_in != came_out:
        raise StorageError(f"{put_in} turns were gathered, but {came_out} came out again; nothing is published")
