"""How much one text repeats another: Jaccard and longest common substring, R_rep of mission.md 2.4.1."""

from collections.abc import Iterable
from typing import Final

from refinery.text.normalise import has_han, normalise, shingles, words

MAX_JACCARD: Final = 0.8  # report 2.4.1, R_rep
MAX_SUBSTRING_SHARE: Final = 0.5  # report 2.4.1, R_rep
MIN_SUBSTRING_LENGTH: Final = 18  # report 2.4.1, R_rep: longer than this, in characters


def jaccard(left: str, right: str) -> float:
    """Shared units over all units, 0 to 1: character bigrams if either text is Chinese, else words.

    Two texts without any unit share nothing: 0. Normalise both first if spelling is not to count.
    """
    chinese = has_han(left) or has_han(right)
    a, b = (shingles("".join(t.split()), 2) if chinese else set(words(t)) for t in (left, right))
    return len(a & b) / len(a | b) if a and b else 0.0


class Substrings:
    """All substrings of one text in a suffix automaton: built in linear time, asked in linear time of the other text.

    States are numbers: `_next[s]` the transitions of s, `_link[s]` its suffix link, `_length[s]` its longest string.
    """

    def __init__(self, text: str) -> None:
        self._next: list[dict[str, int]] = [{}]
        self._link = [-1]
        self._length = [0]
        self._size = len(text)
        last = 0
        for char in text:
            last = self._extend(last, char)

    def _add(self, length: int, link: int, transitions: dict[str, int]) -> int:
        self._next.append(transitions)
        self._link.append(link)
        self._length.append(length)
        return len(self._next) - 1

    def _extend(self, last: int, char: str) -> int:
        new = self._add(self._length[last] + 1, 0, {})
        state = last
        while state >= 0 and char not in self._next[state]:
            self._next[state][char] = new
            state = self._link[state]
        if state >= 0:
            self._link[new] = self._split(state, char)
        return new

    def _split(self, state: int, char: str) -> int:
        target = self._next[state][char]
        if self._length[target] == self._length[state] + 1:
            return target
        clone = self._add(self._length[state] + 1, self._link[target], dict(self._next[target]))
        self._link[target] = clone
        while state >= 0 and self._next[state].get(char) == target:
            self._next[state][char] = clone
            state = self._link[state]
        return clone

    def longest(self, other: str) -> int:
        """Length of the longest substring, in characters, that the text shares with the other."""
        state = length = best = 0
        for char in other:
            while state and char not in self._next[state]:
                state = self._link[state]
                length = self._length[state]
            if char in self._next[state]:
                state = self._next[state][char]
                length += 1
                best = max(best, length)
        return best

    def share(self, other: str) -> float:
        """The longest common substring over this text's own length, 0 to 1; 0 for an empty text."""
        return self.longest(other) / self._size if self._size else 0.0


def repeats(reply: str, history: Iterable[str]) -> bool:
    """Whether the reply repeats any earlier one, compared in normal form (R_rep: 0.1 if so, else 1).

    Jaccard over 0.8, or a common substring of more than 18 characters that is over half of the reply.
    """
    reply = normalise(reply)
    substrings = Substrings(reply)
    for earlier in map(normalise, history):
        longest = substrings.longest(earlier)
        if longest > MIN_SUBSTRING_LENGTH and longest > MAX_SUBSTRING_SHARE * len(reply):
            return True
        if jaccard(reply, earlier) > MAX_JACCARD:
            return True
    return False
