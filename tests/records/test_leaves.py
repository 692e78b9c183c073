"""String leaves come out flat and go back in without touching anything else."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinery.records.leaves import list_parents, replace_leaves, string_leaves

CALL = pa.struct([pa.field("id", pa.string()), pa.field("n", pa.int32())])
TURN = pa.struct([pa.field("content", pa.string()), pa.field("calls", pa.list_(CALL)), pa.field("ok", pa.bool_())])
TURNS = pa.list_(TURN)
TEXT = st.none() | st.text(max_size=3)
CALLS = st.none() | st.lists(st.none() | st.fixed_dictionaries({"id": TEXT, "n": st.just(1)}), max_size=3)
TURN_ROWS = st.none() | st.lists(
    st.none() | st.fixed_dictionaries({"content": TEXT, "calls": CALLS, "ok": st.none() | st.booleans()}), max_size=3
)


def test_leaves_know_their_path_row_and_item():
    rows = [None, [{"content": "a", "calls": [{"id": "x"}, {"id": "y"}]}, None], [], [{"content": "b"}]]
    leaves = {leaf.path: leaf for leaf in string_leaves(pa.array(rows, TURNS))}
    assert set(leaves) == {("content",), ("calls", "id")}
    assert leaves[("content",)].values.to_pylist() == ["a", None, "b"]
    assert leaves[("content",)].rows.tolist() == [1, 1, 3]
    assert leaves[("calls", "id")].values.to_pylist() == ["x", "y"]
    assert leaves[("calls", "id")].rows.tolist() == [1, 1]
    assert leaves[("calls", "id")].items.tolist() == [0, 0]


def test_a_flat_string_array_is_its_own_leaf():
    (leaf,) = string_leaves(pa.array(["a", None]))
    assert leaf.path == () and leaf.rows.tolist() == [0, 1]
    assert replace_leaves(pa.array(["a", None]), {(): pa.array(["b", None])}).to_pylist() == ["b", None]


def test_what_hides_behind_a_null_is_not_seen():
    struct = pa.StructArray.from_arrays([pa.array(["secret", "a"])], ["f"], mask=pa.array([True, False]))
    lists = pa.ListArray.from_arrays([0, 1, 2], pa.array(["secret", "a"]), mask=pa.array([True, False]))
    for array in (struct, lists):
        (leaf,) = string_leaves(array)
        assert "secret" not in leaf.values.to_pylist()
        assert replace_leaves(array, {leaf.path: leaf.values}).to_pylist() == array.to_pylist()


def test_an_unknown_path_and_an_unreachable_type_are_refused():
    with pytest.raises(KeyError, match="no string leaf"):
        replace_leaves(pa.array(["a"]), {("x",): pa.array(["b"])})
    with pytest.raises(TypeError, match="not reachable"):
        list(string_leaves(pa.array([[("a", "b")]], pa.map_(pa.string(), pa.string()))))


@given(st.lists(TURN_ROWS, max_size=5), st.integers(0, 5), st.integers(0, 5), st.booleans())
def test_out_and_in_again_is_the_same_array_of_the_same_type(rows, start, length, large):
    kind = pa.large_list(TURN) if large else TURNS
    array = pa.array(rows, kind).slice(min(start, len(rows)), length)
    again = replace_leaves(array, {leaf.path: leaf.values for leaf in string_leaves(array)})
    again.validate(full=True)
    assert again.type == array.type and again.equals(array)


@given(st.lists(TURN_ROWS, max_size=5), st.integers(0, 5))
def test_replaced_values_stand_where_the_old_ones_stood(rows, start):
    array = pa.array(rows, TURNS).slice(min(start, len(rows)))
    leaves = {leaf.path: pc.utf8_upper(leaf.values) for leaf in string_leaves(array)}

    def upper(node):
        if isinstance(node, list):
            return [upper(item) for item in node]
        if isinstance(node, dict):
            return {key: upper(item) for key, item in node.items()}
        return pc.utf8_upper(pa.scalar(node)).as_py() if isinstance(node, str) else node

    assert replace_leaves(array, leaves).to_pylist() == upper(array.to_pylist())


@given(st.lists(TURN_ROWS, max_size=5), st.integers(0, 5))
def test_list_parents_match_the_flat_values(rows, start):
    array = pa.array(rows, TURNS).slice(min(start, len(rows)))
    counts = np.bincount(list_parents(array), minlength=len(array)).tolist()
    assert counts == [len(row or []) for row in array.to_pylist()]
