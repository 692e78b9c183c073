"""The strings inside a nested Arrow array, out as flat arrays and back in again, without Python per row.

    turns: list<struct<content, tool_calls: list<struct<arguments>>>>
        -> Leaf(("content",), …), Leaf(("tool_calls", "arguments"), …)

A path names struct fields only; the levels of lists are not spelled. What hides behind a null list or a null struct
is not seen, and is gone from what `replace_leaves` returns.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Path = tuple[str, ...]
Indices = npt.NDArray[np.int64]


class Leaf(NamedTuple):
    """All strings of one path, flat.

    `rows[i]` is the row of the outer array that `values[i]` stands in. `items[i]` is its element of the outermost
    list, counted over all rows (its row where there is no list): rows and items never fall as i grows.
    """

    path: Path
    values: pa.Array
    rows: Indices
    items: Indices


def string_leaves(array: pa.Array) -> Iterator[Leaf]:
    """Every string leaf, in the order of the type's fields. Raises TypeError on nesting other than list and struct."""
    rows = np.arange(len(array), dtype=np.int64)
    yield from _leaves(array, (), rows, None)


def _leaves(array: pa.Array, path: Path, rows: Indices, items: Indices | None) -> Iterator[Leaf]:
    if _is_list(array.type):
        parents = list_parents(array)
        inner = np.arange(len(parents), dtype=np.int64) if items is None else items[parents]
        yield from _leaves(array.flatten(), path, rows[parents], inner)
    elif pa.types.is_struct(array.type):
        for field, child in zip(array.type, array.flatten(), strict=True):
            yield from _leaves(child, (*path, field.name), rows, items)
    elif _is_string(array.type):
        yield Leaf(path, array, rows, rows if items is None else items)
    elif pa.types.is_nested(array.type) or pa.types.is_dictionary(array.type):
        raise TypeError(f"string leaves of {array.type} at {path} are not reachable; use list, struct and string")


def replace_leaves(array: pa.Array, leaves: Mapping[Path, pa.Array]) -> pa.Array:
    """The array with other strings at some paths: same type, length, nulls and list lengths.

    `leaves` maps a path to as many values as `string_leaves` gave for it. Raises KeyError on a path that is not there.
    """
    known = {leaf.path for leaf in string_leaves(array)}
    if missing := set(leaves) - known:
        raise KeyError(f"no string leaf at {sorted(missing)}; known: {sorted(known)}")
    return _replace(array, leaves, ()) if leaves else array


def _replace(array: pa.Array, leaves: Mapping[Path, pa.Array], path: Path) -> pa.Array:
    if not any(wanted[: len(path)] == path for wanted in leaves):
        return array
    mask = array.is_null() if array.null_count else None
    if _is_list(array.type):
        values = _replace(array.flatten(), leaves, path)
        kind = pa.LargeListArray if pa.types.is_large_list(array.type) else pa.ListArray
        return kind.from_arrays(_offsets(array), values, type=array.type, mask=mask)
    if pa.types.is_struct(array.type):
        fields = list(array.type)
        children = [_replace(c, leaves, (*path, f.name)) for f, c in zip(fields, array.flatten(), strict=True)]
        return pa.StructArray.from_arrays(children, fields=fields, mask=mask)
    return leaves[path].cast(array.type)


def list_parents(array: pa.Array) -> Indices:
    """For each value of `array.flatten()`, the index of its list; slices and null lists are taken care of."""
    return np.repeat(np.arange(len(array), dtype=np.int64), _lengths(array))


def _lengths(array: pa.Array) -> Indices:
    lengths: Indices = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths


def _offsets(array: pa.Array) -> pa.Array:
    kind = pa.int64() if pa.types.is_large_list(array.type) else pa.int32()
    return pa.array(np.concatenate([[0], np.cumsum(_lengths(array))]), type=kind)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
