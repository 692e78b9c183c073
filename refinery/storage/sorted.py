"""Immutable tables sorted by a 64-bit key, of which a reader takes the rows of some keys and leaves the others unread.

A part is two files. `heads` holds the first bits of every key, packed by their differences (about 12 bits a row), and
is read whole; `rows` holds the rows in blocks. On a local disk these are mapped, and the rows alone are touched whose
head is looked for; from a bucket their blocks are fetched. Keys must be evenly spread (hashes): then one head in a
thousand is looked up in vain.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.storage.shards import ShardFile, ShardWriter, WideFile, parquet
from refinery.storage.store import Store

Keys = npt.NDArray[np.uint64]
_HEAD: Final = pa.schema([("head", pa.int64())])
_SPARE_BITS: Final = 10
_BLOCK_FACTS: Final = 24
"""Bytes of a file's footer for each block."""


class Part(NamedTuple):
    """Rows of a key range: the least and the greatest key, how many rows, rows in a block, and the two files."""

    low: int
    high: int
    num: int
    block: int
    heads: ShardFile
    rows: ShardFile


def head_bits(num: int) -> int:
    """Bits of a head among so many keys: as many as it takes that two of them seldom share one."""
    return min(63, max(1, num).bit_length() + _SPARE_BITS)


def heads(keys: Keys, bits: int) -> npt.NDArray[np.int64]:
    """The first bits of each key."""
    return (keys >> np.uint64(64 - bits)).astype(np.int64)


def write(store: Store, table: pa.Table, block: int, place: tuple[str, str, str]) -> Part | None:
    """Writes rows, sorted by their first column, as a part; None where there are none. `place`: scratch, folder, stem.

    Equal rows give equal bytes, and files are named by these.
    """
    if not table.num_rows:
        return None
    scratch, folder, stem = place
    keys = table.column(0).to_numpy()
    with ShardWriter(store, _HEAD, scratch, "heads") as out:
        out.write(pa.table([pa.array(heads(keys, head_bits(len(keys))))], schema=_HEAD))
        first = out.finish(folder, f"{stem}-heads")
    table = table.combine_chunks()
    with ShardWriter(store, table.schema, scratch, "blocks") as out:
        for start in range(0, table.num_rows, block):
            out.write_group(table.slice(start, block))
        rows = out.finish(folder, f"{stem}-rows")
    return Part(int(keys[0]), int(keys[-1]), len(keys), block, first, rows)


def plain(part: Part) -> list[Any]:
    """The part as JSON holds it."""
    return [*part[:4], list(part.heads), list(part.rows)]


def part_of(plain: Sequence[Any]) -> Part:
    """The part that JSON holds."""
    low, high, num, block = plain[:4]
    return Part(low, high, num, block, ShardFile(*plain[4]), ShardFile(*plain[5]))


def rows_of_keys(store: Store, part: Part, keys: Keys, read: Counter[str]) -> pa.Table | None:
    """The rows of a part whose key is among `keys` (sorted, distinct); `read` counts the bytes that it took."""
    keys = keys[np.searchsorted(keys, np.uint64(part.low)) : np.searchsorted(keys, np.uint64(part.high), "right")]
    if not len(keys):
        return None
    wanted, found = heads(keys, head_bits(part.num)), list[npt.NDArray[np.int64]]()
    for first, known in _heads(store, part, wanted, read):
        starts, ends = np.searchsorted(known, wanted), np.searchsorted(known, wanted, "right")
        there = ends > starts
        found.append(_places(starts[there] + first, ends[there] + first))
    places = np.unique(np.concatenate([np.zeros(0, np.int64), *found]))
    if not len(places):
        return None
    file, tables = WideFile(store, part.rows.path), list[pa.Table]()
    read["bytes"] += _BLOCK_FACTS * -(-part.num // part.block)
    numbers, firsts = np.unique(places // part.block, return_index=True)
    for number, some in zip(numbers.tolist(), np.split(places, firsts[1:]), strict=True):
        block = file.group(number)
        tables.append(block.take(pa.array(some - number * part.block)))
        read["bytes"] += (tables[-1] if store.is_local else block).nbytes
    table = pa.concat_tables(tables)
    return table.filter(pa.array(np.isin(table.column(0).to_numpy(), keys)))


def _heads(
    store: Store, part: Part, wanted: npt.NDArray[np.int64], read: Counter[str]
) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """The heads by row group, with the number of the first; groups between which nothing is wanted are passed over."""
    file, first = parquet(store, part.heads.path), 0
    for group in range(file.num_row_groups):
        facts = file.metadata.row_group(group)
        kept = facts.column(0).statistics
        if np.searchsorted(wanted, kept.min) < np.searchsorted(wanted, kept.max, "right"):
            yield first, file.read_row_group(group)["head"].to_numpy()
            read["bytes"] += facts.column(0).total_compressed_size
        first += facts.num_rows


def _places(starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """All places from each start up to its end."""
    sizes = ends - starts
    return np.repeat(starts - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes) + np.arange(sizes.sum())


def rows_between(store: Store, part: Part, low: int, high: int) -> pa.Table | None:
    """The rows of a part with a key from `low` up to and not including `high`."""
    if part.high < low or part.low >= high:
        return None
    known = parquet(store, part.heads.path).read()["head"].to_numpy()
    bits = head_bits(part.num)
    start = int(np.searchsorted(known, low >> (64 - bits)))
    end = int(np.searchsorted(known, (high - 1) >> (64 - bits), "right"))
    if start == end:
        return None
    file = WideFile(store, part.rows.path)
    table = pa.concat_tables([file.group(number) for number in range(start // part.block, -(-end // part.block))])
    keys = table.column(0).to_numpy()
    first = int(np.searchsorted(keys, np.uint64(low)))
    last = len(keys) if high > 2**64 - 1 else int(np.searchsorted(keys, np.uint64(high)))
    return table.slice(first, last - first)
