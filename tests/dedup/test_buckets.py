"""Buckets: who is paired with whom, in small and in large ones, and when one is hot."""

import numpy as np
import pytest

from refinery.dedup import buckets
from refinery.dedup.bands import RECORD
from refinery.dedup.units import WORK, work

NEAR = 0.55


def records(sketches: list[tuple[int, int]], whole: list[int] | None = None, anchor: list[int] | None = None) -> object:
    """One bucket: its conversations' sketches as numbers."""
    import pyarrow as pa

    num = len(sketches)
    columns = {
        "_key": [42] * num,
        "_document": list(range(num)),
        "whole": whole or list(range(100, 100 + num)),
        "low": [low for low, _ in sketches],
        "high": [high for _, high in sketches],
        "anchor": anchor or [0] * num,
    }
    return pa.table(columns, schema=RECORD)


def found(table: object) -> tuple[set[tuple[int, int]], int]:
    left, right, hot = buckets.pairs(buckets.bucketed(table), NEAR)
    return set(zip(left.tolist(), right.tolist(), strict=True)), hot


def random_sketches(num: int, seed: int = 0) -> list[tuple[int, int]]:
    return [tuple(map(int, pair)) for pair in np.random.default_rng(seed).integers(0, 2**64, (num, 2), dtype=np.uint64)]


def test_in_a_small_bucket_all_near_pairs_are_found_and_far_ones_are_not():
    near, far = (0, 0), (2**64 - 1, 2**64 - 1)
    assert found(records([near, far, near, near])) == ({(0, 2), (0, 3), (2, 3)}, 0)


def test_equal_wholes_go_through_one_of_them():
    assert found(records([(0, 0)] * 4, whole=[7, 7, 7, 8]))[0] == {(0, 3)}


def test_a_key_of_wholes_pairs_each_with_the_first():
    table = records([(0, 0)] * 3, whole=[7, 7, 7])
    table = table.set_column(0, "_key", [np.array([43] * 3, np.uint64)])
    assert found(table)[0] == {(0, 1), (0, 2)}


@pytest.mark.parametrize("num", [65, 500])
def test_in_a_large_bucket_the_members_of_each_cluster_hang_together_and_clusters_do_not(num):
    centres = random_sketches(5)
    found_pairs, hot = found(records([centres[i % 5] for i in range(num)]))
    assert hot == 0
    assert {(left % 5, right % 5) for left, right in found_pairs} == {(i, i) for i in range(5)}
    parents = list(range(num))
    for left, right in sorted(found_pairs):
        parents[right] = min(parents[right], left)
    assert all(parents[i] < 5 or i < 5 for i in range(num)), "each is linked to a leader of its cluster"


def test_those_that_state_the_same_number_are_paired_whatever_else_is_in_the_bucket():
    num = 400
    pairs, _ = found(records([(0, 0)] * num, anchor=[i // 2 for i in range(num)]))
    assert all((i, i + 1) in pairs for i in range(0, num, 2))
    assert len(pairs) < 3 * num


def test_a_hot_bucket_is_split_and_counted_and_what_agrees_in_all_is_still_paired():
    num = 3 * buckets.HOT
    sketches = random_sketches(num // 2)
    pairs, hot = found(records(sketches + sketches))
    assert hot == num
    assert sum((i, i + num // 2) in pairs for i in range(num // 2)) / (num // 2) > 0.99


def test_no_pairs_make_no_work():
    assert work(np.zeros(0, np.int64), np.zeros(0, np.int64), abs).equals(WORK.empty_table())


def test_each_pair_is_in_a_unit_with_both_its_rows_and_units_are_bounded():
    rng = np.random.default_rng(2)
    ends = np.unique(np.sort(rng.choice(5_000, (20_000, 2)) << 33, axis=1), axis=0)
    ends = ends[ends[:, 0] < ends[:, 1]]
    table = work(ends[:, 0].copy(), ends[:, 1].copy(), abs)
    rows = table.to_pylist()
    assert table["_row"].to_pylist() == sorted(table["_row"].to_pylist())
    members: dict[int, set[int]] = {}
    for row in rows:
        members.setdefault(row["_unit"], set()).add(row["_row"])
    assert max(map(len, members.values())) <= 1_100
    placed = [(row["_row"], other, row["_unit"]) for row in rows for other in row["others"]]
    assert sorted((a, b) for a, b, _ in placed) == sorted(map(tuple, ends.tolist()))
    assert all({a, b} <= members[unit] for a, b, unit in placed)
