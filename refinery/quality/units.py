"""Texts cut into units by tables over code points, many texts at once and without Python per text or character.

    "iPhone 12 收到了, don't worry" -> iPhone | 12 | 收 | 到 | 了 | don't | worry

A unit is a Chinese character (or a kana), or a word: a run of other letters and digits, apostrophes and marks inside
it included. So a length in units means about the same in Chinese and in English. Two units are equal if they differ
in case or width only. Units are compared by 64-bit hashes: among the 10^5 units of a long conversation, two different
ones are taken for one with a chance of about 10^-9.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

SPACE, SYMBOL, GLUE, DIGIT, LATIN, OTHER, KANA, HAN = range(8)
"""Classes of characters: nothing to be seen; neither letter nor digit; apostrophe or mark; then digits and letters."""

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]
Classes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.integer[Any]]

_HAN: Final = ((0x3005, 0x3008), (0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x323B0))
_KANA: Final = ((0x3041, 0x3097), (0x30A1, 0x30FB), (0xFF66, 0xFF9E))
_LATIN: Final = ((0, 0x250), (0x1E00, 0x1F00), (0x2C60, 0x2C80), (0xA722, 0xA800), (0xFF21, 0xFF5B))
_TAGS: Final = (0xE0000, 0xE1000)
_APOSTROPHES: Final = (0x27, 0x2019)
_DAMAGE: Final = (0x80, 0xA0)
"""Control characters that nobody types; Chinese read as Latin-1 is full of them."""
_BLOCK_BYTES: Final = 2**20
_PRIME: Final = 0x9E3779B97F4A7C15
_BY_CATEGORY: Final = {"L": OTHER, "N": DIGIT, "M": GLUE, "Z": SPACE, "P": SYMBOL, "S": SYMBOL}


class Units(NamedTuple):
    """The units of texts, flat, and what else was counted; texts are numbered from 0.

    `hashes[u]`, `classes[u]` (the higher of its first and last character's) and `texts[u]` (the text it stands in;
    never falls) for each unit. `letters[t]` and `symbols[t]`: characters of text t that units are made of, and others
    that can be seen; a symbol written again and again ("!!!!") counts once. A text with neither shows nothing.
    """

    hashes: Hashes
    classes: Classes
    texts: Ints
    letters: Ints
    symbols: Ints

    def per_text(self, mask: Mask | None = None) -> Ints:
        """Units of each text, or those of them that the mask picks."""
        return np.bincount(self.texts if mask is None else self.texts[mask], minlength=len(self.letters))


def blocks(texts: pa.Array) -> Iterator[pa.Array]:
    """Slices of about 1 MiB of text, one text at least: what is worked on at once stays in the processor's cache."""
    ends = np.cumsum(pc.fill_null(pc.binary_length(texts), 0).to_numpy(zero_copy_only=False).astype(np.int64) + 1)
    start = 0
    while start < len(texts):
        base = ends[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(ends, base + _BLOCK_BYTES, "right")))
        yield texts.slice(start, end - start)
        start = end


def cut(texts: pa.Array) -> Units:
    """The units of an array of strings; a null has none."""
    codes, classes, lasts = _characters(texts)
    inside, begins = _words(classes)
    symbols = (classes != SPACE) & ~inside
    symbols[1:] &= codes[1:] != codes[:-1]
    places = np.flatnonzero(inside)
    starts = np.flatnonzero(begins[places])
    first, last = places[starts], places[np.append(starts[1:], len(places)) - 1] if len(starts) else starts
    return Units(
        hashes=_hashes(_fold(codes[places]), starts),
        classes=np.maximum(classes[first], classes[last]),
        texts=np.repeat(np.arange(len(texts)), _between(first, lasts)),
        letters=_between(places, lasts),
        symbols=_between(np.flatnonzero(symbols), lasts),
    )


def _between(places: Ints, lasts: Ints) -> Ints:
    """How many of the sorted places each text holds."""
    return np.diff(np.searchsorted(places, lasts), prepend=0)


def mix(values: Hashes) -> Hashes:
    """Spreads what differs in a few bits over all of them (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _characters(texts: pa.Array) -> tuple[Codes, Classes, Ints]:
    """Code points of all texts, a line break behind each; their classes; and where these line breaks stand."""
    if not len(texts):
        return np.zeros(0, np.uint8), np.zeros(0, np.uint8), np.zeros(0, np.int64)
    closed = pc.binary_join_element_wise(pc.fill_null(texts, ""), "", "\n")
    start, end = np.frombuffer(closed.buffers()[1], np.int32)[[closed.offset, closed.offset + len(closed)]]
    data = closed.buffers()[2].slice(start, end - start).to_pybytes()
    lasts = np.cumsum(pc.utf8_length(closed).to_numpy().astype(np.int64)) - 1
    classes, _ = _tables()
    if data.isascii():
        seen = data.translate(classes[:256].tobytes())
        return np.frombuffer(data, np.uint8), np.frombuffer(seen, np.uint8), lasts
    codes = np.frombuffer(data.decode().encode("utf-32-le"), np.uint32).astype(np.intp)
    return codes, classes.take(codes), lasts


def _words(classes: Classes) -> tuple[Mask, Mask]:
    """The characters that units are made of, and those that begin one."""
    runs = (classes >= DIGIT) & (classes <= OTHER)
    glue = classes == GLUE
    if glue.any():
        runs[1:-1] |= glue[1:-1] & runs[:-2] & runs[2:]
    alone = classes >= KANA
    begins = runs | alone
    begins[1:] &= alone[1:] | ~runs[:-1]
    return runs | alone, begins


def _fold(codes: Codes) -> Codes:
    """Code points as they are compared."""
    _, fold = _tables()
    if codes.dtype == np.uint8:
        return np.frombuffer(codes.tobytes().translate(fold[:256].astype(np.uint8).tobytes()), np.uint8)
    return fold.take(codes)


def _hashes(codes: Codes, starts: Ints) -> Hashes:
    """A polynomial over the code points of each unit, mixed."""
    if not len(starts):
        return np.zeros(0, np.uint64)
    powers, inverses = _powers(max(_BLOCK_BYTES, 1 << len(codes).bit_length()))
    # Powers count on from unit to unit and are taken back at the end: no character's place in its unit is needed.
    return mix(np.add.reduceat(codes * powers[: len(codes)], starts) * inverses[starts])


@lru_cache(maxsize=2)
def _powers(num: int) -> tuple[Hashes, Hashes]:
    """Powers 0, 1, … of an odd number and of its inverse, modulo 2^64."""
    bases = (_PRIME, pow(_PRIME, -1, 2**64))
    powers = [np.multiply.accumulate(np.append(np.uint64(1), np.full(num - 1, base, np.uint64))) for base in bases]
    return powers[0], powers[1]


@cache
def _tables() -> tuple[Classes, npt.NDArray[np.uint32]]:
    """By code point: its class, and the code point that it is compared as."""
    classes = np.full(0x110000, SYMBOL, np.uint8)
    fold = np.arange(0x110000, dtype=np.uint32)
    for code in (*range(_HAN[1][0]), *range(_HAN[2][1], 0x20000)):
        category = unicodedata.category(chr(code))
        classes[code] = SPACE if category in ("Cc", "Cf") else _BY_CATEGORY.get(category[0], SYMBOL)
        if category[0] in "LN":
            folded = unicodedata.normalize("NFKC", chr(code)).casefold()
            fold[code] = ord(folded) if len(folded) == 1 else code
    for start, end in _LATIN:
        classes[start:end][classes[start:end] == OTHER] = LATIN
    for ranges, kind in ((_HAN, HAN), (_KANA, KANA), ((_TAGS,), SPACE)):
        for start, end in ranges:
            classes[start:end] = kind
    classes[list(_APOSTROPHES)] = GLUE
    classes[slice(*_DAMAGE)] = SYMBOL
    return classes, fold
