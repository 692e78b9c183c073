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

from refinery.stage import KEY
from refinery.text.compiled import compiled
from refinery.text.facts import Words

Rows = npt.NDArray[np.int64]

SMALL: Final = 64
HOT: Final = 4_096
_LEADERS: Final = 16
_VERY_NEAR: Final = 0.9
_SAMPLES: Final = 128


class Bucketed(NamedTuple):
    """Records that share their key with another, sorted by key, anchor, whole and row."""

    key: Words
    row: Rows
    whole: Words
    low: Words
    high: Words
    anchor: npt.NDArray[np.uint32]


def bucketed(records: pa.Table) -> Bucketed:
    """The records of buckets of more than one row."""
    key = records[KEY.name].to_numpy()
    order = np.argsort(key)
    same = np.diff(key[order]) == 0
    some = order[np.concatenate([[False], same]) | np.concatenate([same, [False]])] if len(key) else order
    row, whole, low, high, anchor = (records[name].to_numpy()[some] for name in records.column_names[1:])
    order = np.lexsort((row, whole, anchor, key[some]))
    return Bucketed(*(column[order] for column in (key[some], row, whole, low, high, anchor)))


def agreeing(jaccard: float) -> int:
    """Of the 128 bits of two sketches, those that agree on average where the sets have this Jaccard."""
    return int(_SAMPLES * (1 + jaccard) / 2)


def pairs(found: Bucketed, near: float) -> tuple[Rows, Rows, int]:
    """Distinct pairs of rows (lower, higher) of an estimated Jaccard of `near` at least, and how many rows were hot."""
    ends, num, hot = _pairs(found, agreeing(near), agreeing(_VERY_NEAR))
    left, right = ends[0 : 2 * num : 2], ends[1 : 2 * num : 2]
    low, high = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((high, low))
    low, high = low[order], high[order]
    new = np.ones(num, bool)
    new[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    return low[new], high[new], hot


@compiled
def _pairs(found: Bucketed, near: int, very_near: int) -> Any:  # noqa: ANN401 (ends of pairs, pairs, hot rows)
    out, num, hot, start = np.empty(2048, np.int64), 0, 0, 0
    some, spare = np.empty(len(found.key), np.int64), np.empty(len(found.key), np.int64)
    while start < len(found.key):
        end, size = start, 0
        while end < len(found.key) and found.key[end] == found.key[start]:
            if end == start or found.whole[end] != found.whole[end - 1]:  # equal wholes go through one of them
                some[size] = end
                size += 1
            end += 1
        if found.key[start] & np.uint64(1):
            for i in range(start + 1, end):
                out = _add(out, num, found.row[start], found.row[i])
                num += 1
        else:
            hot += size if size > HOT else 0
            out, num = _bucket(found, some, spare, size, near, very_near, out, num)
        start = end
    return out, num, hot


@compiled
def _add(out: Rows, num: int, left: int, right: int) -> Any:  # noqa: ANN401 (the array, or one twice as long)
    if 2 * num == len(out):
        more = np.empty(4 * num, np.int64)
        for i in range(2 * num):
            more[i] = out[i]
        out = more
    out[2 * num], out[2 * num + 1] = left, right
    return out


@compiled
def _bucket(found: Bucketed, some: Rows, spare: Rows, size: int, near: int, very_near: int, out: Rows, num: int) -> Any:  # noqa: ANN401 (out and num)
    """Links the conversations `some[:size]`; while a part is hot it is halved by one more bit of the sketch."""
    starts, ends, bits = [0], [size], [0]
    while starts:
        start, end, bit = starts.pop(), ends.pop(), bits.pop()
        if end - start > HOT and bit < _SAMPLES:
            middle = _halved(found, some, spare, start, end, bit)
            starts += [start, middle]
            ends += [middle, end]
            bits += [bit + 1, bit + 1]
            continue
        small = end - start <= SMALL
        out, num = _some(found, some, start, end, near, very_near, out, num)
        first = start
        for at in range(start + 1, end + 1):
            if not small and (at == end or found.anchor[some[at]] != found.anchor[some[first]]):
                if 1 < at - first < end - start:
                    out, num = _some(found, some, first, at, near, very_near, out, num)
                first = at
    return out, num


@compiled
def _halved(found: Bucketed, some: Rows, spare: Rows, start: int, end: int, bit: int) -> int:
    """Puts those without the bit first, the order kept; where the others begin."""
    words, shift = (found.low if bit < 64 else found.high), np.uint64(bit % 64)
    middle, num = start, 0
    for k in range(start, end):
        if (words[some[k]] >> shift) & np.uint64(1):
            spare[num] = some[k]
            num += 1
        else:
            some[middle] = some[k]
            middle += 1
    for k in range(num):
        some[middle + k] = spare[k]
    return middle


@compiled
def _some(found: Bucketed, some: Rows, start: int, end: int, near: int, very_near: int, out: Rows, num: int) -> Any:  # noqa: ANN401 (out and num)
    """Each of a few with each other; of many, each with the leaders nearest to it."""
    if end - start > SMALL:
        return _lead(found, some, start, end, near, very_near, out, num)
    for i in range(start + 1, end):
        for j in range(start, i):
            apart = found.row[some[i]] >= 0 or found.row[some[j]] >= 0  # those of earlier runs were compared then
            if apart and _agree(found, some[i], some[j]) >= near:
                out = _add(out, num, found.row[some[j]], found.row[some[i]])
                num += 1
    return out, num


@compiled
def _lead(found: Bucketed, some: Rows, start: int, end: int, near: int, very_near: int, out: Rows, num: int) -> Any:  # noqa: ANN401 (out and num)
    leaders, size = np.empty(end - start, np.int64), 0
    for i in range(start, end):
        k = 0
        while k < size and _agree(found, some[i], leaders[k]) < very_near:
            k += 1
        if k == size:
            leaders[size] = some[i]
            size += 1
    best, place = np.empty(_LEADERS + 1, np.int64), np.empty(_LEADERS + 1, np.int64)
    for i in range(start, end):
        kept = 0
        for k in range(size):
            same = _agree(found, some[i], leaders[k])
            apart = found.row[some[i]] >= 0 or found.row[leaders[k]] >= 0
            if apart and leaders[k] != some[i] and same >= near and (kept < _LEADERS or same > best[kept - 1]):
                at = min(kept, _LEADERS)
                while at > 0 and best[at - 1] < same:
                    best[at], place[at] = best[at - 1], place[at - 1]
                    at -= 1
                best[at], place[at] = same, leaders[k]
                kept = min(kept + 1, _LEADERS)
        for k in range(kept):
            out = _add(out, num, found.row[place[k]], found.row[some[i]])
            num += 1
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
