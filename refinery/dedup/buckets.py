"""Which conversations of a bucket are worth comparing: pairs whose sketches agree, chosen alike however rows are cut.

A bucket is all that shares one band of the signature, or one whole. Up to 64 conversations are paired with each
other. In a larger one each is paired with the 16 leaders it is nearest to, and becomes one where none is very near; and
those that state the same long number are paired among themselves, whatever else is in the bucket. A bucket over 4,096
is hot: it is split by further samples first, and counted.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.stage import ROW
from refinery.text.compiled import compiled
from refinery.text.facts import Words

Rows = npt.NDArray[np.int64]

SMALL: Final = 64
HOT: Final = 4_096
_LEADERS: Final = 16
_VERY_NEAR: Final = 0.9
_SAMPLES: Final = 128


class Bucketed(NamedTuple):
    """Records that share their key with another, sorted by key, then whole, then row."""

    key: Words
    row: Rows
    whole: Words
    low: Words
    high: Words
    anchor: npt.NDArray[np.uint32]


def bucketed(records: pa.Table) -> Bucketed:
    """The records of buckets of more than one row."""
    key = records["_key"].to_numpy()
    order = np.argsort(key)
    same = np.diff(key[order]) == 0
    some = order[np.concatenate([[False], same]) | np.concatenate([same, [False]])] if len(key) else order
    some = some[np.lexsort((records[ROW.name].to_numpy()[some], records["whole"].to_numpy()[some], key[some]))]
    return Bucketed(*(records[name].to_numpy()[some] for name in ("_key", ROW.name, "whole", "low", "high", "anchor")))


def agreeing(jaccard: float) -> int:
    """Of the 128 bits of two sketches, those that agree on average where the sets have this Jaccard."""
    return int(_SAMPLES * (1 + jaccard) / 2)


def pairs(found: Bucketed, near: float) -> tuple[Rows, Rows, int]:
    """Distinct pairs of rows (lower, higher) of an estimated Jaccard of `near` at least, and how many rows were hot."""
    left, right, num, hot = _pairs(found, agreeing(near), agreeing(_VERY_NEAR))
    low, high = np.minimum(left[:num], right[:num]), np.maximum(left[:num], right[:num])
    order = np.lexsort((high, low))
    low, high = low[order], high[order]
    new = np.concatenate([[True], (np.diff(low) != 0) | (np.diff(high) != 0)]) if num else np.zeros(0, bool)
    return low[new], high[new], hot


@compiled
def _pairs(found: Bucketed, near: int, very_near: int) -> Any:  # noqa: ANN401 (two growing arrays, pairs, hot rows)
    out, num, hot, start = np.empty((2, 1024), np.int64), 0, 0, 0
    while start < len(found.key):
        end = start + 1
        while end < len(found.key) and found.key[end] == found.key[start]:
            end += 1
        if found.key[start] & np.uint64(1):
            for i in range(start + 1, end):
                out, num = _add(out, num, found.row[start], found.row[i])
        else:
            some = np.empty(end - start, np.int64)
            size = 0
            for i in range(start, end):  # equal wholes go through one of them
                if i == start or found.whole[i] != found.whole[i - 1]:
                    some[size] = i
                    size += 1
            if size > 1:
                hot += size if size > HOT else 0
                out, num = _split(found, some[:size], 0, near, very_near, out, num)
        start = end
    return out[0], out[1], num, hot


@compiled
def _add(out: Any, num: int, left: int, right: int) -> Any:  # noqa: ANN401
    if num == out.shape[1]:
        more = np.empty((2, 2 * num), np.int64)
        more[:, :num] = out
        out = more
    out[0, num], out[1, num] = left, right
    return out, num + 1


@compiled
def _split(found: Bucketed, some: Rows, bit: int, near: int, very_near: int, out: Any, num: int) -> Any:  # noqa: ANN401
    """Links the conversations of a bucket, halved by one bit of the sketch after the other while it is hot."""
    todo, bits = [some], [bit]
    while todo:
        some, bit = todo.pop(), bits.pop()
        if len(some) <= HOT or bit == _SAMPLES:
            out, num = _link(found, some, near, very_near, out, num)
            continue
        words = found.low if bit < 64 else found.high
        ones = (words[some] >> np.uint64(bit % 64)) & np.uint64(1)
        for side in (np.uint64(0), np.uint64(1)):
            part = some[ones == side]
            if len(part) > 1:
                todo.append(part)
                bits.append(bit + 1)
    return out, num


@compiled
def _link(found: Bucketed, some: Rows, near: int, very_near: int, out: Any, num: int) -> Any:  # noqa: ANN401
    if len(some) <= SMALL:
        return _all(found, some, near, out, num)
    out, num = _lead(found, some, near, very_near, out, num)
    order = np.argsort(found.anchor[some], kind="mergesort")
    some = some[order]
    start = 0
    for end in range(1, len(some) + 1):
        if end == len(some) or found.anchor[some[end]] != found.anchor[some[start]]:
            if 1 < end - start <= SMALL:
                out, num = _all(found, some[start:end], near, out, num)
            elif SMALL < end - start < len(some):
                out, num = _lead(found, some[start:end], near, very_near, out, num)
            start = end
    return out, num


@compiled
def _all(found: Bucketed, some: Rows, near: int, out: Any, num: int) -> Any:  # noqa: ANN401
    for i in range(1, len(some)):
        for j in range(i):
            if _agree(found, some[i], some[j]) >= near:
                out, num = _add(out, num, found.row[some[j]], found.row[some[i]])
    return out, num


@compiled
def _lead(found: Bucketed, some: Rows, near: int, very_near: int, out: Any, num: int) -> Any:  # noqa: ANN401
    """Leaders first, in the order of the wholes; then each conversation with the leaders nearest to it."""
    leaders, size = np.empty(len(some), np.int64), 0
    for i in some:
        k = 0
        while k < size and _agree(found, i, leaders[k]) < very_near:
            k += 1
        if k == size:
            leaders[size] = i
            size += 1
    best, place = np.empty(_LEADERS + 1, np.int64), np.empty(_LEADERS + 1, np.int64)
    for i in some:
        kept = 0
        for k in range(size):
            same = _agree(found, i, leaders[k])
            if leaders[k] != i and same >= near and (kept < _LEADERS or same > best[kept - 1]):
                at = min(kept, _LEADERS)
                while at > 0 and best[at - 1] < same:
                    best[at], place[at] = best[at - 1], place[at - 1]
                    at -= 1
                best[at], place[at] = same, leaders[k]
                kept = min(kept + 1, _LEADERS)
        for k in range(kept):
            out, num = _add(out, num, found.row[place[k]], found.row[i])
    return out, num


@compiled
def _agree(found: Bucketed, i: int, j: int) -> int:
    return _SAMPLES - _ones(found.low[i] ^ found.low[j]) - _ones(found.high[i] ^ found.high[j])


@compiled
def _ones(bits: Any) -> int:  # noqa: ANN401 (uint64)
    bits = bits - ((bits >> np.uint64(1)) & np.uint64(0x5555555555555555))
    bits = (bits & np.uint64(0x3333333333333333)) + ((bits >> np.uint64(2)) & np.uint64(0x3333333333333333))
    bits = (bits + (bits >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((bits * np.uint64(0x0101010101010101)) >> np.uint64(56))
