"""Where a clause looks: the intervals are those that a walk over the conversation finds."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.inspection.conditions import When
from refinery.inspection.windows import Windows, any_within, union

few = settings(max_examples=80, deadline=None, derandomize=True, database=None)
conversations = st.lists(st.text(alphabet="uats", max_size=9), min_size=1, max_size=4)


def blocks(roles: str) -> list[list[int]]:
    """Runs of the customer's turns and of all others, in order."""
    return [[i for i, _ in run] for _, run in groupby(enumerate(roles), key=lambda pair: pair[1] == "u")]


def plainly(roles: str, when: When, at: int) -> set[int]:
    """The places inside of one conversation, found by walking."""
    runs = blocks(roles)
    own = next(number for number, run in enumerate(runs) if at in run)
    neighbour = {"move": 0, "asked": -1, "previous": -2, "next": 2}
    if when in neighbour:
        wanted = own + neighbour[when]
        return set(runs[wanted]) if 0 <= wanted < len(runs) else set()
    everywhere = set(range(len(roles)))
    return {
        "this": {at},
        "before": {i for i in everywhere if i < at},
        "after": {i for i in everywhere if i > at},
        "talk": everywhere,
    }[when]


@pytest.mark.parametrize("when", ["this", "move", "asked", "previous", "next", "before", "after", "talk"])
@few
@given(of_rows=conversations)
def test_an_interval_holds_what_a_walk_finds(when, of_rows):
    flat = "".join(of_rows)
    row = np.repeat(np.arange(len(of_rows)), [len(roles) for roles in of_rows])
    windows = Windows(np.asarray([role == "u" for role in flat], dtype=np.bool_), row, len(of_rows))
    at = np.asarray([i for i, role in enumerate(flat) if role == "a"], dtype=np.int64)
    low, high = windows.of(when, at)
    starts = np.cumsum([0, *(len(roles) for roles in of_rows)])
    for place, first, last in zip(at.tolist(), low.tolist(), high.tolist(), strict=True):
        start = int(starts[row[place]])
        found = {i - start for i in range(first, last)}
        assert found == plainly(of_rows[row[place]], when, place - start), (when, of_rows, place)


@few
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)), max_size=8), st.sets(st.integers(0, 26)))
def test_a_union_holds_each_place_once_and_hits_are_found_in_their_intervals(pairs, hits):
    low = np.asarray([a for a, _ in pairs], dtype=np.int64)
    high = low + np.asarray([size for _, size in pairs], dtype=np.int64)
    places = {i for a, size in pairs for i in range(a, a + size)}
    assert union((low, high)).tolist() == sorted(places)
    found = any_within(np.asarray(sorted(hits), dtype=np.int64), (low, high))
    assert found.tolist() == [bool(hits & set(range(a, a + size))) for a, size in pairs]
