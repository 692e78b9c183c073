"""The clause that a reply repeats an earlier one: `refinery.text.overlap.repeats` over whole tables, without its cost.

Equal replies are found by column; of the others only those are compared that can be near: a common substring of more
than half of a reply runs through its middle, so the characters around the middle stand in the earlier reply; and the
sets of units of two replies of Jaccard over 0.8 are of nearly equal size.
"""

import os
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.inspection.clauses import Clause
from refinery.inspection.conditions import Repeats
from refinery.inspection.numerals import numbers_in
from refinery.inspection.talks import Talks
from refinery.inspection.turns import Bools, Ints, steps
from refinery.text.normalise import has_han, normalise, shingles, words
from refinery.text.overlap import MAX_JACCARD, MIN_SUBSTRING_LENGTH

MAX_TRIES: Final = 4
"""Occurrences of the middle of a reply that are looked at one by one."""
_BASE: Final = 0x9E3779B97F4A7C15 | 1  # odd, so that its powers do not vanish modulo 2**64


class Repeated(Clause):
    """The reply repeats an earlier one of the agent in the same conversation."""

    trigger = True
    cost = 8

    def __init__(self, how: Repeats) -> None:
        self._how = how

    def candidates(self, talks: Talks) -> Ints:
        """Exactly where it holds."""
        return np.flatnonzero(_repeated(talks, self._how))

    def holds(self, talks: Talks, at: Ints) -> Bools:
        """Compared once a table, whoever asks again."""
        return _repeated(talks, self._how)[at]


def _repeated(talks: Talks, how: Repeats) -> Bools:
    """For each agent turn whether its reply repeats an earlier one."""
    key = (_repeated, repr(how))
    if key not in talks.memo:
        talks.memo[key] = _compare(talks, how)
    return talks.memo[key]  # type: ignore[return-value]


def _compare(talks: Talks, how: Repeats) -> Bools:
    replies, code = talks.replies
    spoken = np.flatnonzero(code >= 0)
    later, earlier = _pairs(talks.turns.row[spoken], how.of)
    long_enough = pc.utf8_length(replies).to_numpy(zero_copy_only=False) >= how.min_length
    kept = long_enough[code[spoken[later]]]
    later, earlier = spoken[later[kept]], spoken[earlier[kept]]
    pairs, pair = np.unique(code[later] * len(replies) + code[earlier], return_inverse=True)
    first, second = np.divmod(pairs, max(len(replies), 1))
    ready = _ready(talks, np.unique(np.concatenate([first, second])))
    held = [_repeats(ready[a], ready[b], how) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    found = np.zeros(len(code), dtype=np.bool_)
    found[later[np.asarray(held, dtype=np.bool_)[pair]]] = True
    return found


def _pairs(row: Ints, of: str) -> tuple[Ints, Ints]:
    """Each reply with the one before it in its conversation, or with all before it."""
    place = np.arange(len(row), dtype=np.int64)
    starts = np.flatnonzero(np.diff(row, prepend=-1))
    first = np.repeat(starts, np.diff(np.append(starts, len(row))))
    sizes = place - first if of == "all" else np.minimum(place - first, 1)
    return np.repeat(place, sizes), np.repeat(place - sizes, sizes) + steps(sizes)


def _ready(talks: Talks, numbers: Ints) -> "dict[int, Reply]":
    """The replies of these numbers, each made once a table."""
    known: dict[int, Reply] = talks.memo.setdefault(_ready, {})  # type: ignore[assignment]
    new = [number for number in numbers.tolist() if number not in known]
    texts = talks.replies[0].take(pa.array(new, pa.int64())).to_pylist()
    known.update(zip(new, map(Reply, texts), strict=True))
    return known


def _repeats(reply: "Reply", earlier: "Reply", how: Repeats) -> bool:
    """R_rep of mission.md 2.4.1, where lengths and numbers let it be asked."""
    if len(reply.text) < how.min_length or not reply.text:
        return False
    if reply.text == earlier.text:
        return bool(reply.units(reply.chinese)) or len(reply.text) > MIN_SUBSTRING_LENGTH
    size = max(MIN_SUBSTRING_LENGTH, int(how.share * len(reply.text))) + 1
    near = _share_much(reply.text, earlier.text, size) or _jaccard_over(reply, earlier)
    return near and (not how.same_numbers or reply.numbers == earlier.numbers)


class Reply:
    """A reply in normal form; its units are made when it is first compared."""

    __slots__ = ("_bigrams", "_numbers", "_words", "chinese", "text")

    def __init__(self, text: str) -> None:
        self.text = normalise(text)
        self.chinese = has_han(self.text)
        self._words: frozenset[str] | None = None
        self._bigrams: frozenset[str] | None = None
        self._numbers: tuple[float, ...] | None = None

    @property
    def numbers(self) -> tuple[float, ...]:
        """The numbers it says, in order."""
        if self._numbers is None:
            self._numbers = tuple(numbers_in(self.text))
        return self._numbers

    def units(self, chinese: bool) -> frozenset[str]:
        """Character bigrams, or words."""
        if chinese:
            if self._bigrams is None:
                self._bigrams = frozenset(shingles("".join(self.text.split()), 2))
            return self._bigrams
        if self._words is None:
            self._words = frozenset(words(self.text))
        return self._words


def _share_much(text: str, earlier: str, size: int) -> bool:
    """Such a substring, longer than half of the text, runs through its middle, to the left or to the right."""
    if size > len(text) or size > len(earlier):
        return False
    middle, arm = len(text) // 2, (size - 1) // 2
    for start, end in ((max(0, middle - arm), middle + 1), (middle, middle + arm + 1)):
        place, tries = earlier.find(text[start:end]), 0
        while place >= 0:
            if _extent(text, start, earlier, place) >= size:
                return True
            if tries == MAX_TRIES:  # a text that repeats itself
                return shares(text, earlier, size)
            place, tries = earlier.find(text[start:end], place + 1), tries + 1
    return False


def _extent(left: str, i: int, right: str, j: int) -> int:
    """Length of the longest common substring that holds left[i] and right[j], which are equal."""
    back = len(os.path.commonprefix([left[i::-1], right[j::-1]]))
    return back - 1 + len(os.path.commonprefix([left[i:], right[j:]]))


def _jaccard_over(reply: Reply, earlier: Reply) -> bool:
    chinese = reply.chinese or earlier.chinese
    a, b = reply.units(chinese), earlier.units(chinese)
    if min(len(a), len(b)) <= MAX_JACCARD * max(len(a), len(b)):
        return False
    both = len(a & b)
    return both > MAX_JACCARD * (len(a) + len(b) - both)


def shares(left: str, right: str, size: int) -> bool:
    """Whether the two texts have a substring of `size` characters in common; linear in both."""
    ours, theirs = _windows(left, size), _windows(right, size)
    if not len(ours) or not len(theirs):
        return False
    order = np.argsort(theirs, kind="stable")
    place = order[np.minimum(np.searchsorted(theirs[order], ours), len(theirs) - 1)]
    met = np.flatnonzero(theirs[place] == ours).tolist()
    return any(left[i : i + size] == right[j : j + size] for i, j in zip(met, place[met].tolist(), strict=True))


def _windows(text: str, size: int) -> npt.NDArray[np.uint64]:
    """A hash of each substring of `size` characters, by polynomial modulo 2**64; equal substrings hash alike."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    if len(codes) < size:
        return np.zeros(0, dtype=np.uint64)
    powers = np.cumprod(np.full(len(codes), _BASE, dtype=np.uint64))
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(codes * powers)])
    inverse = np.cumprod(np.full(len(codes), pow(_BASE, -1, 2**64), dtype=np.uint64))
    starts = len(codes) - size + 1
    return np.asarray((sums[size:] - sums[:starts]) * inverse[:starts], dtype=np.uint64)
