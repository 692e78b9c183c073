"""Conversations of a cell that are near: faiss nominates pairs, their cosine is then computed to the last bit."""

from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.compared import OTHER, SIMILARITY
from refinery.dedup.documents import DOCUMENT
from refinery.dedup.semantic_cells import Rows, Vectors, library, marks, vectors
from refinery.stage import KEY, ROW, array
from refinery.text.compiled import compiled

RANK: Final = ("facts", "score", "created_at", "conversation_id", "language")
"""What is known of a conversation that has links: facts and language for grouping, the others for choosing."""
_FEW, _MORE, _MOST = 32, 4, 1024
_SLACK: Final = 0.001
"""How far below the threshold a pair is nominated: more than rounding can move a cosine."""


def links(records: pa.Table, at_least: float) -> tuple[pa.Table, int]:
    """The pairs of at least that cosine (`other`, `similarity`), and each conversation that has one; how many crowded.

    Records are put in an order of their own first, so that what faiss is given does not depend on shards.
    """
    records = records.append_column("mark", pa.array(marks(array(records.combine_chunks(), "vector"))))
    order = [(name, "ascending") for name in (KEY.name, "mark", "conversation_id")]
    records = records.take(pc.sort_indices(records, sort_keys=order)).combine_chunks()
    row, key = records[ROW.name].to_numpy(), records[KEY.name].to_numpy()
    ends = np.append(np.unique(key, return_index=True)[1], len(key))
    column, found, crowded = array(records, "vector"), list[tuple[Rows, Rows, Any]](), 0
    for start, end in pairwise(ends):
        if end - start > 1:
            left, right, similarity, more = pairs(vectors(column.slice(start, end - start)), at_least)
            found.append((left + start, right + start, similarity))
            crowded += more
    none = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    left, right, similarity = (np.concatenate(each) for each in zip(none, *found, strict=True))
    nodes = records.select([ROW.name, *RANK]).take(pa.array(np.unique(np.concatenate([left, right]))))
    nodes = nodes.rename_columns([DOCUMENT.name, *RANK])
    linked = pa.table({DOCUMENT.name: row[left], OTHER.name: row[right], SIMILARITY.name: similarity})
    return pa.concat_tables([linked, nodes], promote_options="default").select([*linked.column_names, *RANK]), crowded


def pairs(points: Vectors, at_least: float) -> tuple[Rows, Rows, Any, int]:
    """Distinct pairs of rows at least so alike, how alike, and how many rows have more of them than were looked at.

    The cosine of whole vectors is the mean of those of their halves, and so at least the lesser one, which counts.
    The 32 nearest of each are looked at; where all are near, four times as many, up to 1,024.
    """
    faiss = library()
    points = np.ascontiguousarray(points / np.linalg.norm(points, axis=1, keepdims=True))
    todo, size, found = np.arange(len(points)), min(_FEW, len(points)), list[Rows]()
    while len(todo):
        near, places = nearest(faiss, points[todo], points, size)
        hit = near >= at_least - _SLACK
        found.append(np.stack([np.repeat(todo, size), places.reshape(-1)], axis=1)[hit.reshape(-1)])
        todo = todo[hit[:, -1]]
        if size >= min(_MOST, len(points)):
            break
        size = min(size * _MORE, _MOST, len(points))
    crowded = len(todo) if size < len(points) else 0
    both = np.concatenate(found)
    both = both[both[:, 0] != both[:, 1]]
    distinct = np.unique(np.sort(both, axis=1), axis=0)
    left, right = distinct[:, 0], distinct[:, 1]
    similarity = np.asarray(cosines(points, left, right))
    near_enough = similarity >= at_least
    return left[near_enough], right[near_enough], similarity[near_enough], crowded


def nearest(faiss: Any, some: Vectors, points: Vectors, size: int) -> tuple[Vectors, Rows]:  # noqa: ANN401
    """The nearest of `points` to each of `some`, and how near; on a GPU where faiss has one."""
    if faiss.get_num_gpus():
        found = faiss.knn_gpu(faiss.StandardGpuResources(), some, points, size, metric=faiss.METRIC_INNER_PRODUCT)
    else:
        found = faiss.knn(some, points, size, metric=faiss.METRIC_INNER_PRODUCT)
    near: npt.NDArray[np.float32] = found[0]
    return near, found[1]


@compiled
def cosines(points: Vectors, left: Rows, right: Rows) -> Any:  # noqa: ANN401 (float64)
    """Of each pair the lesser of the cosines of its halves; of a half that both lack nothing, that one lacks 0.

    In 64 bits and one order of addition: the same wherever and among whomever a pair is compared.
    """
    found, width = np.empty(len(left), np.float64), points.shape[1] // 2
    for i in range(len(left)):
        found[i] = 1.0
        for half in range(2):
            a = points[left[i], half * width : (half + 1) * width]
            b = points[right[i], half * width : (half + 1) * width]
            product, one, two = 0.0, 0.0, 0.0
            for k in range(width):
                x, y = np.float64(a[k]), np.float64(b[k])
                product, one, two = product + x * y, one + x * x, two + y * y
            if one > 0.0 and two > 0.0:
                found[i] = min(found[i], product / np.sqrt(one * two))
            elif one > 0.0 or two > 0.0:
                found[i] = 0.0
    return found
