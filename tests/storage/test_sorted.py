"""Sorted parts: the rows of the keys asked for, all of them and no others, and few bytes for it."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from refinery.storage.sorted import part_of, plain, rows_between, rows_of_keys, write
from refinery.storage.store import Store

NUM = 50_000


def keys(seed: int, num: int = NUM) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).integers(0, 2**64, num, np.uint64, endpoint=False))


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return Store(tmp_path_factory.mktemp("sorted"))


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Keys, the fifth of which stand on three rows each."""
    found = np.sort(np.concatenate([keys(1), np.repeat(keys(1)[::5], 2)]))
    return pa.table({"_key": found, "value": np.arange(len(found))})


@pytest.fixture(scope="module")
def part(store, table):
    return part_of(plain(write(store, table, 1_024, ("scratch", "data", "table"))))


def test_the_rows_of_keys_are_found_and_no_others(store, table, part):
    asked = np.unique(np.concatenate([keys(1)[::7], keys(2, 3_000)]))
    found = rows_of_keys(store, part, asked, Counter())
    assert found.equals(table.filter(pa.array(np.isin(table["_key"].to_numpy(), asked))))


def test_a_look_up_reads_the_heads_and_little_else(store, part):
    read = Counter()
    rows_of_keys(store, part, keys(3, 1_000), read)
    assert read["bytes"] < 2.2 * part.num, "less than two bytes a row: a key has eight"
    more = Counter()
    rows_of_keys(store, part, np.unique(np.concatenate([keys(3, 1_000), keys(1)[::100]])), more)
    assert more["bytes"] - read["bytes"] <= 3 * 16 * (NUM // 100 + 1)


def test_keys_outside_the_part_read_nothing(store, part):
    read = Counter()
    assert rows_of_keys(store, part, np.array([part.low - 1, part.high + 1], np.uint64), read) is None
    assert not read


def test_ranges_cut_the_rows_without_loss_or_repeat(store, table, part):
    ends = [2**64 * k // 7 for k in range(8)]
    found = [rows_between(store, part, *each) for each in zip(ends[:-1], ends[1:], strict=True)]
    assert pa.concat_tables(found).combine_chunks().equals(table.combine_chunks())


@pytest.mark.parametrize("some", [[0], [2**64 - 1], [0, 0, 2**64 - 1], [5] * 3_000])
def test_extreme_and_equal_keys_are_found(store, some):
    table = pa.table({"_key": np.array(some, np.uint64), "value": np.arange(len(some))})
    part = write(store, table, 1_024, ("scratch", "data", "few"))
    assert rows_of_keys(store, part, np.unique(table["_key"].to_numpy()), Counter()).num_rows == len(some)
    assert rows_between(store, part, 0, 2**64).num_rows == len(some)


def test_equal_rows_give_equal_files_and_no_rows_give_none(store, table, part):
    assert write(store, table, 1_024, ("scratch", "data", "table")) == part
    assert write(store, table.slice(0, 0), 1_024, ("scratch", "data", "table")) is None
