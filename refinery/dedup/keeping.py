"""Links to groups, and of each group the one that is kept."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.compared import OTHER, SIMILARITY, lists
from refinery.dedup.groups import Facts, Links, grouped, weakest
from refinery.stage import ROW, array

Rows = npt.NDArray[np.int64]
_ORDER = [
    ("group", "ascending"),
    ("score", "descending", "at_end"),
    ("created_at", "descending", "at_end"),
    ("conversation_id", "ascending"),
]


def decided(records: pa.Table, threshold: float, apart: bool) -> pa.Table:
    """Links and linked conversations, any number of times -> group, kept one, similarity, conflict, fate by row.

    `apart`: whether facts in conflict keep conversations apart. Similarity is the Jaccard with the kept one where the
    two were compared, else the weakest link on the way to it; without a group, that with the nearest conversation from
    which this one was kept apart (1: the two differ in numbers or other facts alone).
    """
    is_link = records[OTHER.name].is_valid()
    nodes, pairs = records.filter(pc.invert(is_link)), records.filter(is_link)
    rows, first = np.unique(nodes[ROW.name].to_numpy(), return_index=True)
    nodes = nodes.take(pa.array(first)).combine_chunks()
    wholes, one, of_row = np.unique(nodes["whole"].to_numpy(), return_index=True, return_inverse=True)
    links = _links(rows, of_row, pairs)
    ends, values = lists(array(nodes, "facts").take(pa.array(one)))
    facts = Facts(ends, values if apart else values[:0]) if apart else Facts(np.zeros_like(ends), values[:0])
    found = grouped(links, facts, threshold)
    group = found.group[of_row]
    kept = _kept(nodes, group)
    similarity = _similarity(links, found.holds, of_row, of_row[kept])
    return _table(nodes, rows, group, kept, similarity, found.refused[of_row], len(wholes))


def _links(rows: Rows, of_row: Rows, pairs: pa.Table) -> Links:
    """Distinct links between wholes."""
    ends = [of_row[np.searchsorted(rows, pairs[name].to_numpy())] for name in (ROW.name, OTHER.name)]
    left, right = np.minimum(*ends), np.maximum(*ends)
    apart = left != right
    left, right, similarity = left[apart], right[apart], pairs[SIMILARITY.name].to_numpy()[apart]
    order = np.lexsort((right, left))
    left, right, similarity = left[order], right[order], similarity[order]
    new = np.ones(len(left), bool)
    new[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    return Links(left[new], right[new], similarity[new])


def _kept(nodes: pa.Table, group: Rows) -> Rows:
    """For each node the one that its group keeps."""
    order = pc.sort_indices(nodes.append_column("group", pa.array(group)), sort_keys=_ORDER).to_numpy()
    first = np.searchsorted(group[order], group)
    kept: Rows = order[first].astype(np.int64)
    return kept


def _similarity(links: Links, holds: Any, of_row: Rows, kept: Rows) -> npt.NDArray[np.float64]:  # noqa: ANN401
    """Of each node with the kept one of its group (both by whole)."""
    kept_of = np.zeros(int(of_row.max(initial=-1)) + 1, np.int64)
    kept_of[of_row] = kept
    found: npt.NDArray[np.float64] = weakest(links, holds, kept_of)
    key, size = links.left * len(kept_of) + links.right, len(kept_of)
    nodes = np.arange(size)
    wanted = np.minimum(nodes, kept_of) * size + np.maximum(nodes, kept_of)
    at = np.minimum(np.searchsorted(key, wanted), max(0, len(key) - 1))
    if len(key):
        found = np.where(key[at] == wanted, links.similarity[at], found)
    return found[of_row]


def _table(nodes: pa.Table, rows: Rows, group: Rows, kept: Rows, similarity: Any, refused: Any, num: int) -> pa.Table:  # noqa: ANN401
    grouped = np.bincount(group, minlength=num)[group] > 1 if len(group) else np.zeros(0, bool)
    apart = refused > 0
    ids = pc.if_else(pa.array(grouped), array(nodes, "conversation_id").take(pa.array(kept)), None)
    gone = pa.array(grouped & (kept != np.arange(len(kept))))
    columns = {
        ROW.name: rows,
        "dedup_group": ids,
        "dedup_kept_id": ids,
        "dedup_similarity": np.where(grouped, similarity, refused),
        "dedup_entity_conflict": pa.array(apart, mask=~apart),
        "set_aside_why": pc.if_else(gone, "near_duplicate", pa.scalar(None, pa.string())),
    }
    return pa.table(columns).filter(pa.array(grouped | apart))
