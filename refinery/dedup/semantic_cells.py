"""Cells too large to compare all with all, split around centres: the cost of a conversation does not grow with them.

Up to 16,384 conversations a cell are compared all with all. A larger one is split into parts of about 4,096 around
centres (spherical k-means over a 64th of it); a conversation goes to the two nearest parts, so two that are alike miss
each other only where they share neither.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.compared import lists
from refinery.dedup.semantic_texts import VECTOR
from refinery.stage import KEY, array
from refinery.text.compiled import compiled
from refinery.text.facts import Words, mix

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
CENTRES: Final = pa.schema([("cell", pa.uint64()), ("part", pa.int64()), VECTOR])
_WHOLE: Final = 16_384
_PART: Final = 4_096
_SAMPLED: Final = 64
_PROBES: Final = 2
_TURNS: Final = 10
_BLOCK: Final = 65_536


def vectors(column: pa.Array, dtype: Any = np.float32) -> npt.NDArray[Any]:  # noqa: ANN401 (a float type)
    """A row a vector; null as none."""
    ends, values = lists(column)
    width = int(np.diff(ends).max(initial=0))
    return values.astype(dtype).reshape(-1, width) if width else np.zeros((len(column), 0), dtype)


def marks(column: pa.Array) -> Words:
    """A hash of each vector: an order, and a sample, that do not depend on where a conversation stands."""
    ends, values = lists(column)
    return np.asarray(_marked(values.view(np.uint16), ends))


@compiled
def _marked(bits: Any, ends: Rows) -> Any:  # noqa: ANN401 (bits of 16 -> Words)
    found = np.empty(len(ends) - 1, np.uint64)
    for i in range(len(found)):
        state = np.uint64(1)
        for k in range(ends[i], ends[i + 1]):
            state = (state ^ np.uint64(bits[k])) * np.uint64(0x9FB21C651E98DF25)
            state ^= state >> np.uint64(29)
        found[i] = mix(state)
    return found


@compiled
def _mixed(left: Words, right: Rows) -> Any:  # noqa: ANN401 (Words)
    found = np.empty(len(left), np.uint64)
    for i in range(len(found)):
        found[i] = mix(left[i] ^ mix(np.uint64(right[i] + 1)))
    return found


def sample(embedded: pa.Table) -> pa.Table:
    """The cell of each conversation, as the key, and the vector of one in 64."""
    mark = marks(array(embedded, "vector"))
    few = pa.array(mark < np.uint64(2**64 // _SAMPLED))
    cell = embedded["cell"].to_numpy()
    return pa.table(
        {
            "cell": cell,
            "mark": mark,
            "vector": pc.if_else(few, array(embedded, "vector"), pa.scalar(None, VECTOR.type)),
            KEY.name: _mixed(cell, np.full(len(cell), -1)),
        }
    )


def centres(records: pa.Table) -> pa.Table:
    """Of each cell that is too large the centres of its parts."""
    cell = records["cell"].to_numpy()
    few = records.filter(pc.is_valid(records["vector"])).combine_chunks()
    few = few.take(pc.sort_indices(few, sort_keys=[("mark", "ascending")])).combine_chunks()
    found = [CENTRES.empty_table()]
    for each, num in zip(*np.unique(cell, return_counts=True), strict=True):
        own = few.filter(pc.equal(few["cell"], pa.scalar(each, pa.uint64()))).combine_chunks()
        parts = min(-(-int(num) // _PART), own.num_rows)
        if num > _WHOLE and parts > 1:
            found.append(_centres(each, vectors(array(own, "vector")), parts))
    return pa.concat_tables(found)


def _centres(cell: Any, points: Vectors, parts: int) -> pa.Table:  # noqa: ANN401 (uint64)
    faiss = library()
    means = faiss.Kmeans(points.shape[1], parts, niter=_TURNS, spherical=True, seed=1, min_points_per_centroid=1)
    means.train(np.ascontiguousarray(points))
    values = means.centroids.astype(np.float16)
    ends = pa.array(np.arange(parts + 1) * values.shape[1], pa.int32())
    columns = [
        pa.array(np.full(parts, cell, np.uint64)),
        pa.array(np.arange(parts)),
        pa.ListArray.from_arrays(ends, pa.array(values.reshape(-1))),
    ]
    return pa.Table.from_arrays(columns, schema=CENTRES)


def places(embedded: pa.Table, centres: pa.Table) -> tuple[Rows, Words]:
    """Where each conversation goes: its place in `embedded`, and the key of a cell or of a part, once or twice."""
    cell = embedded["cell"].to_numpy()
    split = np.isin(cell, centres["cell"].to_numpy())
    at, keys = [np.flatnonzero(~split)], [_mixed(cell[~split], np.full(np.count_nonzero(~split), -1))]
    for each in np.unique(cell[split]):
        own = centres.filter(pc.equal(centres["cell"], pa.scalar(each, pa.uint64()))).sort_by("part").combine_chunks()
        middle, here = vectors(array(own, "vector"), np.float64), np.flatnonzero(cell == each)
        for start in range(0, len(here), _BLOCK):
            some = here[start : start + _BLOCK]
            # In 64 bits, so that no rounding decides which part is nearer.
            near = vectors(array(embedded, "vector").take(pa.array(some)), np.float64) @ middle.T
            best = np.argsort(-near, axis=1, kind="stable")[:, :_PROBES]
            at.append(np.repeat(some, best.shape[1]))
            keys.append(_mixed(np.full(best.size, each, np.uint64), best.reshape(-1)))
    return np.concatenate(at), np.concatenate(keys)


def library() -> Any:  # noqa: ANN401 (the module faiss)
    """The library on one core: tasks share a machine."""
    from refinery.errors import ModelError

    try:
        import faiss
    except ImportError:
        raise ModelError("dedup.semantic needs faiss: install refinery[embed]") from None
    faiss.omp_set_num_threads(1)
    return faiss
