"""Groups of near duplicates: links taken strongest first, never across facts in conflict; one of each group is kept.

Strongest first and ties by content, so that links in any order and of any number of reducers give the same groups, and
links that came twice change nothing. A group states what its members state together: a copy that lost a turn joins
the whole one, and no copy without numbers can bring two orders into one group.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from refinery.dedup.units import root
from refinery.text.compiled import compiled
from refinery.text.facts import Words, conflict

Rows = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]


class Links(NamedTuple):
    """Distinct links between nodes `left` and `right` of a Jaccard each."""

    left: Rows
    right: Rows
    similarity: Shares


class Facts(NamedTuple):
    """The facts of node i, sorted: from `ends[i]` to `ends[i + 1]`."""

    ends: Rows
    values: Words


class Grouped(NamedTuple):
    """By node: the lowest of its group, and its strongest link that was refused, or 0; by link: whether it holds.

    `facts`: of the lowest node of each group what the group states.
    """

    group: Rows
    refused: Shares
    holds: npt.NDArray[np.bool_]
    facts: "Stated"


class Stated(NamedTuple):
    """The facts of group i (its lowest node), sorted: `values[starts[i]:ends[i]]`."""

    starts: Rows
    ends: Rows
    values: Words


def grouped(links: Links, facts: Facts, threshold: float, first: Rows | None = None) -> Grouped:
    """Nodes (numbered by content, each with its facts) in groups by the links of at least the threshold.

    `first[i]`: the lowest node with which node i is in one group already, all of which state the same; links between
    them hold.
    """
    num = len(facts.ends) - 1
    first = np.arange(num) if first is None else first
    order = np.lexsort((links.right, links.left, -links.similarity))
    order = order[links.similarity[order] >= threshold]
    some = Links(links.left[order], links.right[order], links.similarity[order])
    group, refused, held, *stated = _joined(some, facts, first.copy())
    holds: npt.NDArray[np.bool_] = first[links.left] == first[links.right]
    holds[order] |= held
    return Grouped(group, refused, holds, Stated(*stated))


@compiled
def _joined(links: Links, facts: Facts, parent: Rows) -> Any:  # noqa: ANN401 (the fields of Grouped)
    num, left, right = len(facts.ends) - 1, links.left, links.right
    refused, held = np.zeros(num), np.zeros(len(left), np.bool_)
    start, end, pool = facts.ends[:-1].copy(), facts.ends[1:].copy(), facts.values.copy()
    size = len(pool)
    for i in range(len(left)):
        a, b = root(parent, left[i]), root(parent, right[i])
        if a == b:
            continue
        one, two = pool[start[a] : end[a]], pool[start[b] : end[b]]
        if conflict(one, two):
            for node in (left[i], right[i]):
                refused[node] = max(refused[node], links.similarity[i])
            continue
        both = _union(one, two)
        a, b = min(a, b), max(a, b)
        parent[b], held[i] = a, True
        if size + len(both) > len(pool):
            more = np.empty(2 * (size + len(both)), np.uint64)
            for k in range(size):
                more[k] = pool[k]
            pool = more
        for k in range(len(both)):
            pool[size + k] = both[k]
        start[a], end[a] = size, size + len(both)
        size += len(both)
    for i in range(num):
        parent[i] = root(parent, i)
    return parent, refused, held, start, end, pool[:size]


@compiled
def _union(left: Words, right: Words) -> Any:  # noqa: ANN401 (Words)
    both, num, i, j = np.empty(len(left) + len(right), np.uint64), 0, 0, 0
    while i < len(left) or j < len(right):
        if j == len(right) or (i < len(left) and left[i] <= right[j]):
            both[num] = left[i]
            j += int(j < len(right) and left[i] == right[j])
            i += 1
        else:
            both[num] = right[j]
            j += 1
        num += 1
    return both[:num]


@compiled
def weakest(links: Links, holds: Any, kept: Rows) -> Any:  # noqa: ANN401 (Shares)
    """By node: the weakest link on its way, by links that hold, to the kept node of its group; 1 for that itself.

    `kept[i]` is the kept node of node i's group.
    """
    starts, ways = _ways(links, holds, len(kept))
    found, todo = np.zeros(len(kept), np.float64), np.empty(len(kept), np.int64)
    for node in range(len(kept)):
        if kept[node] != node:
            continue
        found[node], todo[0], waiting = 1.0, node, 1
        while waiting:
            waiting -= 1
            here = todo[waiting]
            for k in range(starts[here], starts[here + 1]):
                there = links.left[ways[k]] + links.right[ways[k]] - here
                if found[there] == 0.0:
                    found[there] = min(found[here], links.similarity[ways[k]])
                    todo[waiting] = there
                    waiting += 1
    return found


@compiled
def _ways(links: Links, holds: Any, num: int) -> Any:  # noqa: ANN401 (two arrays of Rows)
    """The links of node i that hold: `ways[starts[i]:starts[i + 1]]`."""
    starts = np.zeros(num + 1, np.int64)
    for i in range(len(holds)):
        if holds[i]:
            starts[links.left[i] + 1] += 1
            starts[links.right[i] + 1] += 1
    for i in range(num):
        starts[i + 1] += starts[i]
    fill, ways = starts.copy(), np.empty(starts[num], np.int64)
    for i in range(len(holds)):
        if holds[i]:
            for node in (links.left[i], links.right[i]):
                ways[fill[node]] = i
                fill[node] += 1
    return starts, ways
