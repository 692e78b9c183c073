"""Laws of grouping: no order, direction or repetition of links decides anything, and facts in conflict never meet."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from refinery.dedup.groups import Facts, Links, grouped, weakest
from refinery.text.facts import NUMBER, conflict
from tests.properties.test_laws import few

NODES = 9
Found = list[tuple[int, int, float]]
some_links = st.dictionaries(
    st.tuples(st.integers(0, NODES - 2), st.integers(1, NODES - 1)).filter(lambda pair: pair[0] < pair[1]),
    st.sampled_from([0.76, 0.8, 0.85, 0.9, 1.0]),
    max_size=20,
).map(lambda found: [(a, b, value) for (a, b), value in found.items()])
some_facts = st.lists(st.sets(st.integers(1, 4), max_size=3), min_size=NODES, max_size=NODES)


def facts_of(sets: list[set[int]]) -> Facts:
    values = [np.array(sorted((NUMBER << 56) | value for value in one), np.uint64) for one in sets]
    ends = np.concatenate([[0], np.cumsum([len(one) for one in values])]).astype(np.int64)
    return Facts(ends, np.concatenate(values).astype(np.uint64))


def links_of(found: Found) -> Links:
    columns = list(zip(*found, strict=True)) or [(), (), ()]
    return Links(np.array(columns[0], np.int64), np.array(columns[1], np.int64), np.array(columns[2], np.float64))


def group(found: Found, sets: list[set[int]], threshold: float = 0.8) -> list[int]:
    return grouped(links_of(found), facts_of(sets), threshold).group.tolist()


@few
@given(some_links, some_facts, st.randoms())
def test_order_and_repetition_of_links_change_nothing(found, sets, rng):
    wanted = group(found, sets)
    shuffled = found[:]
    rng.shuffle(shuffled)
    assert group(shuffled, sets) == group(found + shuffled, sets) == wanted


@few
@given(some_links, some_facts)
def test_links_that_hold_are_a_forest_that_gives_the_same_groups_again(found, sets):
    first = grouped(links_of(found), facts_of(sets), 0.8)
    kept = [link for link, holds in zip(found, first.holds, strict=True) if holds]
    again = grouped(links_of(kept), facts_of(sets), 0.8)
    assert again.group.tolist() == first.group.tolist()
    assert len(kept) == NODES - len(set(first.group.tolist()))


@few
@given(some_links)
def test_without_facts_groups_are_the_connected_components_of_links_over_the_threshold(found):
    parents = list(range(NODES))
    for _ in range(NODES):
        for left, right, value in found:
            if value >= 0.8:
                parents[left] = parents[right] = min(parents[left], parents[right])
    assert group(found, [set()] * NODES) == parents


@few
@given(some_links, some_facts)
def test_a_group_states_nothing_but_what_one_of_its_members_states(found, sets):
    labels = group(found, sets)
    for label in set(labels):
        members = [sets[i] for i in range(NODES) if labels[i] == label]
        assert set().union(*members) in members


@few
@given(st.lists(st.integers(1, 6)), st.lists(st.integers(1, 6)))
def test_conflict_is_symmetric_and_never_with_oneself(left, right):
    one, other = (np.array(sorted({(NUMBER << 56) | value for value in facts}), np.uint64) for facts in (left, right))
    assert conflict(one, other) == conflict(other, one) == bool(set(left) - set(right) and set(right) - set(left))
    assert not conflict(one, one)


@few
@given(some_links)
def test_the_weakest_link_on_the_way_to_the_kept_one_is_the_threshold_up_to_which_both_are_together(found):
    first = grouped(links_of(found), facts_of([set()] * NODES), 0.76)
    way = weakest(links_of(found), first.holds, first.group)
    for at in (0.8, 0.85, 0.9, 1.0):
        labels = group(found, [set()] * NODES, at)
        for node, kept in enumerate(first.group.tolist()):
            assert (labels[node] == labels[kept]) == (way[node] >= at)


def test_a_link_refused_is_told_to_both_ends_with_its_similarity():
    found = grouped(links_of([(0, 1, 0.9), (1, 2, 0.95)]), facts_of([{1}, {2}, {2}]), 0.8)
    assert found.group.tolist() == [0, 1, 1]
    assert found.refused.tolist() == [0.9, 0.9, 0.0]
    assert not [
        pair for pair in combinations(range(3), 2) if found.group[pair[0]] == found.group[pair[1]] and 0 in pair
    ]
