"""Where a clause looks, seen from an agent turn: intervals of places among all turns of a table.

A move is all that the agent does between two turns of the customer: replies, tool calls and their results.

    place  0 system | 1 user | 2 agent calls  3 tool  4 agent speaks | 5 user | 6 agent speaks
    of 4   asked [1, 2)  move [2, 5)  previous [1, 1)  next [6, 7)  before [0, 4)  after [5, 7)  talk [0, 7)
"""

import numpy as np

from refinery.inspection.conditions import When
from refinery.inspection.turns import Bools, Ints, steps

Interval = tuple[Ints, Ints]
"""First place, and the place behind the last."""


class Windows:
    """Geometry of the conversations of a table, from who speaks at each place and where each conversation starts."""

    def __init__(self, is_customer: Bools, row: Ints, num_rows: int) -> None:
        """`is_customer`, `row`: by place. Rows without turns have no place."""
        self._row = row
        sizes = np.bincount(row, minlength=num_rows)
        self._end = np.cumsum(sizes)
        self._start = self._end - sizes
        places = np.arange(len(row), dtype=np.int64)
        self._last_customer = np.maximum.accumulate(np.where(is_customer, places, -1)) if len(row) else places
        self._last_other = np.maximum.accumulate(np.where(is_customer, -1, places)) if len(row) else places
        self._customer = np.flatnonzero(is_customer)
        self._other = np.flatnonzero(~is_customer)

    def of(self, when: When, at: Ints) -> Interval:
        """The interval of each of the places `at`, which are the agent's."""
        if when == "this":
            return at, at + 1
        start, end = self._start[self._row[at]], self._end[self._row[at]]
        if when in ("before", "after", "talk"):
            return (at + 1 if when == "after" else start), (at if when == "before" else end)
        first, last = self._move(at, start, end)
        if when == "move":
            return first, last
        if when == "next":
            return self._next(last, end)
        asked = self._run(self._last_other, first, start)
        return (asked, first) if when == "asked" else (self._run(self._last_customer, asked, start), asked)

    def _move(self, at: Ints, start: Ints, end: Ints) -> Interval:
        return np.maximum(self._last_customer[at] + 1, start), self._following(self._customer, at, end)

    def _next(self, last: Ints, end: Ints) -> Interval:
        first = self._following(self._other, last, end)
        return first, self._following(self._customer, first, end)

    def _run(self, last_break: Ints, behind: Ints, start: Ints) -> Ints:
        """Where the run begins that ends before `behind`; runs end at the places of `last_break`."""
        before = np.maximum(behind - 1, 0)
        return np.where(behind > start, np.maximum(last_break[before] + 1, start), start) if len(behind) else behind

    @staticmethod
    def _following(places: Ints, at: Ints, end: Ints) -> Ints:
        """The first of the places at or after `at`, or the end of the conversation."""
        found = np.searchsorted(places, at)
        there = found < len(places)
        return np.where(there, np.minimum(places[np.minimum(found, len(places) - 1)], end), end) if len(places) else end


def any_within(hits: Ints, interval: Interval) -> Bools:
    """Whether any of the sorted places lies in each interval."""
    return np.asarray(np.searchsorted(hits, interval[1]) > np.searchsorted(hits, interval[0]), dtype=np.bool_)


def union(interval: Interval) -> Ints:
    """All places in any of the intervals, ascending, each once."""
    order = np.argsort(interval[0], kind="stable")
    low, high = interval[0][order], interval[1][order]
    reached = np.maximum.accumulate(np.concatenate([[0], high]))[:-1] if len(low) else low
    fresh = np.maximum(low, reached)
    sizes = np.maximum(high - fresh, 0)
    return np.asarray(np.repeat(fresh, sizes) + steps(sizes), dtype=np.int64)
