"""Shingles of a comparable form: character n-grams as hashes, their sorted sets, and the Jaccard of two sets.

5-grams from 20 characters, 3-grams from 10, 2-grams from 5; a shorter text has none and is compared whole.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from refinery.text.code_points import Codes
from refinery.text.compiled import compiled
from refinery.text.facts import Words, mix

Hashes = npt.NDArray[np.uint32]

SHORTEST: Final = 5
"""Characters below which a text has no shingles."""
_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that the rolling polynomial loses nothing; `mix` takes its structure away."""


@compiled
def size_for(num: int) -> int:
    """Characters of a shingle in a text of `num` characters; 0 where it has none."""
    if num >= 20:
        return 5
    return 3 if num >= 10 else (2 if num >= SHORTEST else 0)


@compiled
def hashed(codes: Codes, num: int, out: Words) -> int:
    """The hash of each shingle of `codes[:num]` in order, repeats too, into `out`; how many there are."""
    size = size_for(num)
    if size == 0:
        return 0
    leaving, state = np.uint64(1), np.uint64(0)
    for _ in range(size):
        leaving *= _BASE
    for i in range(num):
        state = state * _BASE + np.uint64(codes[i])
        if i >= size:
            state -= leaving * np.uint64(codes[i - size])
        if i >= size - 1:
            out[i - size + 1] = mix(state + np.uint64(size))
    return num - size + 1


@compiled
def distinct(hashes: Words, num: int) -> Any:  # noqa: ANN401 (Hashes)
    """The set of shingles as sorted distinct uint32."""
    found, other = np.empty(num, np.uint32), np.empty(num, np.uint32)
    for i in range(num):
        found[i] = np.uint32(hashes[i] >> np.uint64(32))
    found = _sorted(found, other)
    kept = 0
    for i in range(num):
        if i == 0 or found[i] != found[i - 1]:
            found[kept] = found[i]
            kept += 1
    return found[:kept]


@compiled
def _sorted(values: Hashes, other: Hashes) -> Any:  # noqa: ANN401 (Hashes)
    """Either of the two, holding the values in order: by one byte after the other, lowest first."""
    starts = np.zeros(257, np.int64)
    for shift in range(0, 32, 8):
        starts[:] = 0
        for value in values:
            starts[((value >> np.uint32(shift)) & np.uint32(255)) + np.uint32(1)] += 1
        for k in range(256):
            starts[k + 1] += starts[k]
        for value in values:
            byte = (value >> np.uint32(shift)) & np.uint32(255)
            other[starts[byte]] = value
            starts[byte] += 1
        values, other = other, values
    return values


@compiled
def jaccard(left: Hashes, right: Hashes) -> float:
    """Shared shingles over all shingles, 0 to 1; 0 where there are none."""
    i = j = shared = 0
    while i < len(left) and j < len(right):
        a, b = left[i], right[j]
        shared += int(a == b)
        i += int(a <= b)
        j += int(b <= a)
    total = len(left) + len(right) - shared
    return shared / total if total else 0.0
