"""What a name of `let` looks for, ready to ask some agent turns of a table at once."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

import numpy as np

from refinery.inspection.conditions import Speaker, When
from refinery.inspection.matching import Gate
from refinery.inspection.patterns import AnyOf, bounded
from refinery.inspection.state import Expression
from refinery.inspection.talks import Talks, within
from refinery.inspection.turns import Bools, Ints

QUICK: Final = 1
"""Clauses of at most this cost are answered by column or by the scanner, for all turns at once."""


class Clause(ABC):
    """One compiled name.

    `trigger`: it looks at what the agent says or does on the turn itself; only that can start a finding.
    `cost`: dearer clauses are asked later, of the turns that are left.
    """

    trigger = False
    cost = 0

    @property
    def gate(self) -> Gate | None:
        """Patterns of which one must match the turn's reply, if the clause can name them."""
        return None

    def candidates(self, talks: Talks) -> Ints:
        """Agent turns at which it may hold, ascending; only triggers are asked."""
        raise NotImplementedError

    @abstractmethod
    def holds(self, talks: Talks, at: Ints) -> Bools:
        """For each of the agent turns `at` (indices, ascending), whether it holds."""


class Said(Clause):
    """The reply holds one of the words, or matches one of the patterns."""

    trigger = True

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._any = any_of(gate)
        self.cost = 0 if gate.literal else 2

    @property
    def gate(self) -> Gate:
        """All of them."""
        return self._gate

    def candidates(self, talks: Talks) -> Ints:
        """Those that pass the gate, which is all that is asked."""
        return talks.passing(self._gate)

    def holds(self, talks: Talks, at: Ints) -> Bools:
        """Looked up, if the patterns are among those that are scanned for; else asked of these turns alone, once."""
        if talks.scans(self._gate):
            return np.isin(at, talks.passing(self._gate), assume_unique=True)
        return talks.replies_match(self._any, self._gate, at)


def any_of(gate: Gate) -> AnyOf:
    """The gate as patterns."""
    return AnyOf([bounded(word) for word in gate.parts] if gate.literal else gate.parts)


class SaidThere(Clause):
    """What somebody said elsewhere in the conversation holds one of the words, or matches one of the patterns."""

    cost = 5

    def __init__(self, gate: Gate, by: Speaker, when: When) -> None:
        self._any = any_of(gate)
        self._by, self._when = by, when

    def holds(self, talks: Talks, at: Ints) -> Bools:
        """Only the turns that lie where it looks are read, each once."""
        hits = talks.matching(self._any, self._by, talks.interval(self._when, at))
        return within(talks, hits, self._when, at)


class Recognised(Clause):
    """One of the policies was recognised."""

    cost = 3

    def __init__(self, names: Sequence[str], when: When) -> None:
        self._names, self._when = tuple(names), when

    def holds(self, talks: Talks, at: Ints) -> Bools:
        """By column."""
        return within(talks, talks.of_policy(self._names), self._when, at)


class Known(Clause):
    """A CEL expression over the state at the turn is known to be true."""

    cost = 4

    def __init__(self, expression: Expression) -> None:
        self._expression = expression

    def holds(self, talks: Talks, at: Ints) -> Bools:
        """The expression is asked once for each combination of the values it names."""
        columns = [talks.values(path, at).objects() for path in self._expression.paths]
        states = list(zip(*columns, strict=True)) if columns else [()] * len(at)
        known = {state: self._expression.true(state) for state in set(states)}
        return np.asarray([known[state] for state in states], dtype=np.bool_)
