"""Signatures: 128 samples of a set of shingles, so that two sets agree on a sample as often as they share shingles.

One hash a shingle puts it into one of 128 slots, and a slot keeps its smallest; empty slots are filled by further
rounds of hashing, which never touch a slot that an earlier round has filled (Dahlgaard, Knudsen, Thorup: Fast
similarity sketching, 2017). A set of n shingles costs about n + 128 log 128 steps in place of 128 n.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from refinery.dedup.detection import SLOTS
from refinery.text.compiled import compiled
from refinery.text.facts import Words, mix

Slots = npt.NDArray[np.uint32]

_SHIFT: Final = np.uint64(57)
_LOW: Final = np.uint64((1 << 57) - 1)
_EMPTY: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
_STEP: Final = np.uint64(0xA0761D6478BD642F)
_ROUNDS: Final = 2 * SLOTS


@compiled
def sign(hashes: Words, num: int, out: Slots) -> None:
    """The 128 samples of `hashes[:num]` (at least one) into `out`; repeated hashes change nothing."""
    best = np.full(SLOTS, _EMPTY, np.uint64)
    filled = np.zeros(SLOTS, np.bool_)
    left, turn = SLOTS, 0
    while left:
        salt = np.uint64(turn) * _STEP
        for i in range(num):
            code = mix(hashes[i] ^ salt) if turn else hashes[i]
            # After 256 rounds with luck, 128 without: round r fills slot r.
            slot = np.int64(code >> _SHIFT) if turn < _ROUNDS else turn - _ROUNDS
            if not filled[slot] and (code & _LOW) < best[slot]:
                best[slot] = code & _LOW
        for slot in range(SLOTS):
            if not filled[slot] and best[slot] != _EMPTY:
                filled[slot] = True
                out[slot] = np.uint32(best[slot] & np.uint64(0xFFFFFFFF))
                left -= 1
        turn += 1


@compiled
def agreement(left: Slots, right: Slots) -> float:
    """The share of samples that agree: an estimate of the Jaccard, standard error at most 0.045."""
    same = 0
    for i in range(SLOTS):
        same += int(left[i] == right[i])
    return same / SLOTS
