"""The clause that a reply repeats an earlier one: `refinery.text.overlap.repeats` over whole tables, without its cost.

Equal replies are found by column; of the others only those are compared that can be near: a common substring of more
than half of a reply runs through its middle, so the characters around the middle stand in the earlier reply; and the
sets of units of two replies of Jaccard over 0.8 are of nearly equal size.
"""

from typing import Final

import numpy as np

from refinery.inspection.clauses import Clause
from refinery.inspection.talks import Talks
from refinery.inspection.turns import Bools, Ints
from refinery.text.normalise import has_han, normalise, shingles, words
from refinery.text.overlap import MAX_JACCARD, MAX_SUBSTRING_SHARE, MIN_SUBSTRING_LENGTH

_BASE: Final = 0x9E3779B97F4A7C15 | 1  # odd, so that its powers do not vanish modulo 2**64
_BETWEEN: Final = "\0"
"""Stands between two replies of a history; no reply holds it."""


class Repeated(Clause):
    """The reply, of at least so many characters, repeats an earlier one of the agent in the same conversation."""

    trigger = True
    cost = 7

    def __init__(self, min_length: int) -> None:
        self._min_length = min_length

    def candidates(self, talks: Talks) -> Ints:
        """Exactly where it holds."""
        lengths = _repeated(talks)
        return np.flatnonzero(lengths >= self._min_length)

    def holds(self, talks: Talks, at: Ints) -> Bools:
        """Compared once a table, whoever asks again."""
        return _repeated(talks)[at] >= self._min_length


def _repeated(talks: Talks) -> Ints:
    """For each agent turn the length of its reply in normal form where it repeats an earlier one, else 0."""
    if _repeated not in talks.memo:
        talks.memo[_repeated] = _compare(talks)
    return talks.memo[_repeated]  # type: ignore[return-value]


def _compare(talks: Talks) -> Ints:
    coded = talks.turns.content.dictionary_encode()
    code = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    replies = [Reply(text) for text in coded.dictionary.to_pylist()]
    found = np.zeros(len(code), dtype=np.int64)
    spoken = np.flatnonzero(code >= 0)
    rows = talks.turns.row[spoken]
    for mine in np.split(spoken, np.flatnonzero(np.diff(rows)) + 1):
        history = History()
        for index in mine.tolist() if len(mine) > 1 else ():
            reply = replies[code[index]]
            if reply.text:
                found[index] = len(reply.text) if history.holds(reply) else 0
                history.add(reply)
    return found


class Reply:
    """A reply in normal form; its units are made when it is first compared."""

    __slots__ = ("_bigrams", "_words", "chinese", "text")

    def __init__(self, text: str) -> None:
        self.text = normalise(text).replace(_BETWEEN, "")
        self.chinese = has_han(self.text)
        self._words: frozenset[str] | None = None
        self._bigrams: frozenset[str] | None = None

    def units(self, chinese: bool) -> frozenset[str]:
        """Character bigrams, or words."""
        if chinese:
            if self._bigrams is None:
                self._bigrams = frozenset(shingles("".join(self.text.split()), 2))
            return self._bigrams
        if self._words is None:
            self._words = frozenset(words(self.text))
        return self._words


class History:
    """The distinct earlier replies of one conversation."""

    def __init__(self) -> None:
        self._replies: dict[str, Reply] = {}
        self._text = ""

    def add(self, reply: Reply) -> None:
        """The reply as a further one."""
        if reply.text not in self._replies:
            self._replies[reply.text] = reply
            self._text += _BETWEEN + reply.text

    def holds(self, reply: Reply) -> bool:
        """Whether the reply repeats one of them (R_rep of mission.md 2.4.1)."""
        if reply.text in self._replies and (reply.units(reply.chinese) or len(reply.text) > MIN_SUBSTRING_LENGTH):
            return True
        return self._shares_half(reply.text) or any(_near(reply, earlier) for earlier in self._replies.values())

    def _shares_half(self, text: str) -> bool:
        """Whether a substring longer than 18 characters and than half of the text stands in one of them."""
        size = max(MIN_SUBSTRING_LENGTH, int(MAX_SUBSTRING_SHARE * len(text))) + 1
        if size > len(text):
            return False
        middle, arm = len(text) // 2, (size - 1) // 2
        left, right = text[max(0, middle - arm) : middle + 1], text[middle : middle + arm + 1]
        if left not in self._text and right not in self._text:
            return False
        return shares(text, self._text, size)


def _near(reply: Reply, earlier: Reply) -> bool:
    chinese = reply.chinese or earlier.chinese
    a, b = reply.units(chinese), earlier.units(chinese)
    if min(len(a), len(b)) <= MAX_JACCARD * max(len(a), len(b)):
        return False
    both = len(a & b)
    return both > MAX_JACCARD * (len(a) + len(b) - both)


def shares(left: str, right: str, size: int) -> bool:
    """Whether the two texts have a substring of `size` characters in common; linear in both."""
    ours, theirs = _windows(left, size), _windows(right, size)
    order = np.argsort(theirs, kind="stable")
    place = np.searchsorted(theirs[order], ours)
    met = np.flatnonzero(np.append(theirs[order], 0)[place] == ours) if len(theirs) else []
    return any(left[i : i + size] == right[j : j + size] for i in met for j in [int(order[place[i]])])


def _windows(text: str, size: int) -> np.ndarray:
    """A hash of each substring of `size` characters, by polynomial modulo 2**64; equal substrings hash alike."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    if len(codes) < size:
        return np.zeros(0, dtype=np.uint64)
    powers = np.cumprod(np.full(len(codes), _BASE, dtype=np.uint64))
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(codes * powers)])
    inverse = np.cumprod(np.full(len(codes), pow(_BASE, -1, 2**64), dtype=np.uint64))
    starts = len(codes) - size + 1
    return (sums[size:] - sums[:starts]) * inverse[:starts]
