"""What a text is found by: hashes of its words and of pairs of neighbouring Chinese characters.

    "Parking costs 10元一天" -> parking | cost | 10 | 元一 | 一天

Words are folded (case, width, accents); a plural s is dropped. No word segmenter: pairs of characters serve Chinese.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.text.code_points import CLASS, DIGIT, HAN, LETTER, ROOM, Bytes, Codes, fold_text, folding
from refinery.text.compiled import compiled
from refinery.text.facts import kind_of, mix

Words = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

_BASIS: Final = np.uint64(0xCBF29CE484222325)
_PRIME: Final = np.uint64(0x100000001B3)
_PLURAL: Final = np.uint32(ord("s"))
_MIN_PLURAL: Final = 4


def terms(texts: pa.Array) -> tuple[Words, Ints]:
    """Terms of all texts (no nulls), flat and with repeats, and offsets: where each text's begin, and their end."""
    texts = texts.cast(pa.large_string())
    buffers = texts.buffers()
    ends = np.frombuffer(buffers[1] or bytes(8), np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(buffers[2] or b"\0", np.uint8)
    fold = folding()
    found: tuple[Words, Ints] = _terms(data, ends, fold.fold, fold.kind, fold.more)
    return found


@compiled
def _terms(data: Bytes, ends: Ints, fold: Codes, kind: Bytes, more: Codes) -> Any:  # noqa: ANN401 (two arrays)
    total = ends[-1] - ends[0]
    out, offsets, num = np.empty(total * ROOM + 1, np.uint64), np.zeros(len(ends), np.int64), 0
    longest = 0
    for i in range(len(ends) - 1):
        longest = max(longest, ends[i + 1] - ends[i])
    codes = np.empty(longest * ROOM + 4, np.uint32)
    for i in range(len(ends) - 1):
        size = fold_text(data, ends[i], ends[i + 1], fold, more, codes, 0)
        num = _of_text(codes, size, kind, out, num)
        offsets[i + 1] = num
    return out[:num].copy(), offsets


@compiled
def _of_text(codes: Codes, size: int, kind: Bytes, out: Words, num: int) -> int:
    at = 0
    while at < size:
        one = kind_of(codes[at], kind) & CLASS
        start = at
        if one == HAN:
            while at < size and kind_of(codes[at], kind) & CLASS == HAN:
                at += 1
            for i in range(start, max(start + 1, at - 1)):
                out[num] = _hash(codes, i, min(i + 2, at))
                num += 1
        elif one == LETTER or one == DIGIT:  # noqa: PLR1714 (a set is slower here)
            while at < size and 0 < kind_of(codes[at], kind) & CLASS < HAN:
                at += 1
            plural = at - start >= _MIN_PLURAL and codes[at - 1] == _PLURAL and codes[at - 2] != _PLURAL
            out[num] = _hash(codes, start, at - 1 if plural else at)
            num += 1
        else:
            at += 1
    return num


@compiled
def _hash(codes: Codes, start: int, end: int) -> Any:  # noqa: ANN401 (uint64)
    state = _BASIS
    for i in range(start, end):
        state = (state ^ np.uint64(codes[i])) * _PRIME
    return mix(state)
