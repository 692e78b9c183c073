"""Clauses over what stands inside of a reply: numbers that compare, and values that nobody has said before."""

from collections.abc import Sequence

import numpy as np
import re2

from refinery.inspection.bounds import Bounds, compares
from refinery.inspection.calls import Calls
from refinery.inspection.clauses import Clause, Said
from refinery.inspection.conditions import Argument
from refinery.inspection.earlier import Source, number_before, stood_before
from refinery.inspection.matching import Gate
from refinery.inspection.numerals import numbers_in
from refinery.inspection.patterns import options
from refinery.inspection.talks import Talks
from refinery.inspection.turns import Bools, Ints, steps
from refinery.inspection.values import Values, holds


class Captures:
    """What group 1 (and further groups) of some patterns hold in a text."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [re2.compile(pattern, options()) for pattern in patterns]

    def of(self, text: bytes) -> list[list[str]]:
        """The groups of each match that took part, as text."""
        found = [match.groups() for pattern in self._patterns for match in pattern.finditer(text.decode())]
        return [[group for group in groups if group] for groups in found]


class SaidNumber(Clause):
    """A number in the reply compares."""

    trigger = True
    cost = 6

    def __init__(self, patterns: Sequence[str], bounds: Bounds, names: Sequence[str]) -> None:
        self._said, self._captures, self._bounds = Said(Gate(False, tuple(patterns))), Captures(patterns), bounds
        self._names = tuple(names)

    @property
    def gate(self) -> Gate:
        """The patterns themselves."""
        return self._said.gate

    def candidates(self, talks: Talks) -> Ints:
        """Turns in which a number stands at all."""
        return self._said.candidates(talks)

    def holds(self, talks: Talks, at: Ints) -> Bools:
        """Reply by reply, over the few that are left."""
        texts = talks.text(talks.turns.place[at])
        found = [[n for groups in self._captures.of(t) for g in groups for n in numbers_in(g)] for t in texts]
        owner = np.repeat(np.arange(len(at)), [len(numbers) for numbers in found])
        numbers = Values.numbers(np.asarray([n for some in found for n in some], dtype=np.float64))
        kept = np.ones(len(owner), dtype=np.bool_)
        for bound, operand in self._bounds.items():
            if isinstance(operand, Argument):
                kept &= self._beside_calls(numbers, bound, operand, talks, at[owner])
            else:
                kept &= compares(numbers, {bound: operand}, talks, at[owner])
        held = np.zeros(len(at), dtype=np.bool_)
        held[owner[kept]] = True
        return held

    def _beside_calls(self, numbers: Values, bound: str, operand: Argument, talks: Talks, at: Ints) -> Bools:
        """Whether each number compares with the argument of any call where the operand looks."""
        calls = Calls.of(talks)
        named = calls.named(self._names)
        place = talks.turns.place[calls.turn[named]]
        low, high = (np.searchsorted(place, edge) for edge in talks.interval(operand.when, at))
        sizes = np.maximum(high - low, 0)
        number = np.repeat(np.arange(len(at)), sizes)
        right = calls.values(operand.path, named[np.repeat(low, sizes) + steps(sizes)])
        held = np.zeros(len(at), dtype=np.bool_)
        held[number[holds(numbers.take(number), bound, right)]] = True
        return held


class SaidNovel(Clause):
    """What the groups of a pattern hold was not said before: as a number if it holds one, else as text."""

    trigger = True
    cost = 7

    def __init__(self, patterns: Sequence[str], sources: Sequence[Source]) -> None:
        self._said, self._captures, self._sources = (
            Said(Gate(False, tuple(patterns))),
            Captures(patterns),
            tuple(sources),
        )

    @property
    def gate(self) -> Gate:
        """The patterns themselves."""
        return self._said.gate

    def candidates(self, talks: Talks) -> Ints:
        """Turns that match at all."""
        return self._said.candidates(talks)

    def holds(self, talks: Talks, at: Ints) -> Bools:
        """Some match has only new values in it: a range of which one end is known is not new."""
        texts = talks.text(talks.turns.place[at])
        return np.asarray([self._novel(talks, int(i), text) for i, text in zip(at, texts, strict=True)], dtype=np.bool_)

    def _novel(self, talks: Talks, index: int, text: bytes) -> bool:
        return any(
            bool(groups) and not any(self._stood(talks, index, group) for group in groups)
            for groups in self._captures.of(text)
        )

    def _stood(self, talks: Talks, index: int, group: str) -> bool:
        numbers = list(numbers_in(group))
        if numbers:
            return any(number_before(talks, index, number, self._sources) for number in numbers)
        return stood_before(talks, index, group, self._sources)
