"""Pairs cut into units of work: the documents of a unit meet in one reducer, with all that it takes to compare."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.dedup.documents import DOCUMENT
from refinery.stage import ROW
from refinery.text.compiled import compiled
from refinery.text.facts import mix

Rows = npt.NDArray[np.int64]

UNIT = pa.field("_unit", pa.uint64())
OTHERS = pa.field("others", pa.list_(pa.int64()))
WORK = pa.schema([ROW, DOCUMENT, UNIT, OTHERS])
"""For a document in a unit: the others there that it is to be compared with (each pair stands at the lower one)."""
_ROWS: Final = 256
"""Documents in a unit, about; those that hang together are kept together up to four times as many."""


def work(left: Rows, right: Rows, row_of: Callable[[Rows], Rows]) -> pa.Table:
    """Distinct pairs of documents, lower and higher -> rows of WORK, sorted by document; `row_of` says their rows."""
    if not len(left):
        return WORK.empty_table()
    rows, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    low, high = places[: len(left)], places[len(left) :]
    roots = _roots(low, high, len(rows))
    order = np.lexsort((high, low, roots[low]))
    low, high = low[order], high[order]
    units = _units(low, high, roots, left[order], right[order], len(rows))
    row, unit = np.concatenate([low, high]), np.concatenate([units, units])
    other = np.concatenate([high, np.full(len(high), -1)])
    order = np.lexsort((other, unit, row))
    row, unit, other = row[order], unit[order], other[order]
    first = np.flatnonzero(np.concatenate([[True], (np.diff(row) != 0) | (unit[1:] != unit[:-1])]))
    real = other >= 0
    ends = np.concatenate([[0], np.cumsum(real)])[np.append(first, len(row))]
    others = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(rows[other[real]]))
    documents = rows[row[first]]
    columns = [pa.array(row_of(documents)), pa.array(documents), pa.array(unit[first]), others]
    return pa.Table.from_arrays(columns, schema=WORK)


@compiled
def _roots(left: Rows, right: Rows, num: int) -> Any:  # noqa: ANN401 (Rows)
    """The lowest place that each hangs together with."""
    parent = np.arange(num)
    for i in range(len(left)):
        a, b = root(parent, left[i]), root(parent, right[i])
        parent[max(a, b)] = min(a, b)
    for i in range(num):
        parent[i] = root(parent, i)
    return parent


@compiled
def root(parent: Rows, at: int) -> int:
    """The root of a place in a union-find forest; paths are halved on the way."""
    while parent[at] != at:
        parent[at] = parent[parent[at]]
        at = parent[at]
    return at


@compiled
def _units(low: Rows, high: Rows, roots: Rows, left: Rows, right: Rows, num: int) -> Any:  # noqa: ANN401 (Words)
    """The unit of each pair: a hash of the rows of its first one."""
    units = np.empty(len(low), np.uint64)
    last, size, first = np.full(num, -1), 0, 0
    for i in range(len(low)):
        new = i == 0 or roots[low[i]] != roots[low[i - 1]]
        if (new and size >= _ROWS) or size >= 4 * _ROWS:
            size, first = 0, i
        for place in (low[i], high[i]):
            if last[place] < first:
                size += 1
            last[place] = i
        units[i] = mix(mix(np.uint64(left[first])) ^ np.uint64(right[first]))
    return units
