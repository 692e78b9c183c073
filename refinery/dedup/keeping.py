"""Links to groups, and of each group the one that is kept."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.compared import OTHER, SIMILARITY, lists
from refinery.dedup.documents import DOCUMENT, reply_places
from refinery.dedup.groups import Facts, Links, grouped, weakest
from refinery.stage import ROW, array

Rows = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]
REPLY = pa.struct(
    [
        ("turn_idx", pa.int32()),
        ("kept_id", pa.string()),
        ("kept_turn_idx", pa.int32()),
        ("similarity", pa.float64()),
    ]
)
"""A reply that says what another one, which is kept, says to the same customer turn under the same policies."""
_ORDER = [
    ("group", "ascending"),
    ("score", "descending", "at_end"),
    ("created_at", "descending", "at_end"),
    ("conversation_id", "ascending"),
]


class Chosen(NamedTuple):
    """Linked documents, in order, and what became of each: rows of `nodes` in the same order.

    `grouped`: whether it is in a group; `kept`: place of the one its group keeps; `similarity` with that one;
    `refused`: the strongest link to one from which its facts keep it apart, or 0.
    """

    number: Rows
    nodes: pa.Table
    grouped: npt.NDArray[np.bool_]
    kept: Rows
    similarity: Shares
    refused: Shares


def choose(records: pa.Table, threshold: float, apart: bool) -> Chosen:
    """Links and linked documents, any number of times -> groups, and the one each keeps.

    `apart`: whether facts in conflict keep documents apart. Similarity is the Jaccard with the kept one where the two
    were compared, else the weakest link on the way to it.
    """
    is_link = records[OTHER.name].is_valid()
    nodes, pairs = records.filter(pc.invert(is_link)), records.filter(is_link)
    number, first = np.unique(nodes[DOCUMENT.name].to_numpy(), return_index=True)
    nodes = nodes.take(pa.array(first)).combine_chunks()
    wholes, one, of_node = np.unique(nodes["whole"].to_numpy(), return_index=True, return_inverse=True)
    links = _links(number, of_node, pairs)
    ends, values = lists(array(nodes, "facts").take(pa.array(one)))
    found = grouped(links, Facts(ends, values) if apart else Facts(np.zeros_like(ends), values[:0]), threshold)
    group = found.group[of_node]
    kept = _kept(nodes, group)
    similarity = _similarity(links, found.holds, of_node, of_node[kept])
    several = np.bincount(group, minlength=len(wholes))[group] > 1
    return Chosen(number, nodes, several, kept, similarity, found.refused[of_node])


def of_conversations(chosen: Chosen) -> pa.Table:
    """Group, kept id, similarity, conflict and fate of the conversations that have any, by row.

    Without a group, similarity is with the nearest from which this one was kept apart (1: the facts alone differ).
    """
    apart = chosen.refused > 0
    ids = pc.if_else(pa.array(chosen.grouped), _kept_ids(chosen), None)
    gone = pa.array(chosen.grouped & (chosen.kept != np.arange(len(chosen.kept))))
    columns = {
        ROW.name: chosen.number,
        "dedup_group": ids,
        "dedup_kept_id": ids,
        "dedup_similarity": np.where(chosen.grouped, chosen.similarity, chosen.refused),
        "dedup_entity_conflict": pa.array(apart, mask=~apart),
        "set_aside_why": pc.if_else(gone, "near_duplicate", pa.scalar(None, pa.string())),
    }
    return pa.table(columns).filter(pa.array(chosen.grouped | apart))


def of_replies(chosen: Chosen) -> pa.Table:
    """The replies that are duplicates, a list a row."""
    gone = chosen.grouped & (chosen.kept != np.arange(len(chosen.kept)))
    row, turn = reply_places(chosen.number[gone])
    _, kept_turn = reply_places(chosen.number[chosen.kept[gone]])
    columns = (
        pa.array(turn, pa.int32()),
        _kept_ids(chosen).filter(pa.array(gone)),
        pa.array(kept_turn, pa.int32()),
        pa.array(chosen.similarity[gone]),
    )
    rows, starts = np.unique(row, return_index=True)
    ends = pa.array(np.append(starts, len(row)), pa.int32())
    structs = pa.StructArray.from_arrays(columns, fields=list(REPLY))
    return pa.table({ROW.name: rows, "duplicate_replies": pa.ListArray.from_arrays(ends, structs)})


def _kept_ids(chosen: Chosen) -> pa.Array:
    return array(chosen.nodes, "conversation_id").take(pa.array(chosen.kept))


def _links(number: Rows, of_node: Rows, pairs: pa.Table) -> Links:
    """Distinct links between wholes."""
    ends = [of_node[np.searchsorted(number, pairs[name].to_numpy())] for name in (DOCUMENT.name, OTHER.name)]
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


def _similarity(links: Links, holds: Any, of_node: Rows, kept: Rows) -> Shares:  # noqa: ANN401
    """Of each node with the kept one of its group (both by whole)."""
    kept_of = np.zeros(int(of_node.max(initial=-1)) + 1, np.int64)
    kept_of[of_node] = kept
    found: Shares = weakest(links, holds, kept_of)
    key, size = links.left * len(kept_of) + links.right, len(kept_of)
    nodes = np.arange(size)
    wanted = np.minimum(nodes, kept_of) * size + np.maximum(nodes, kept_of)
    at = np.minimum(np.searchsorted(key, wanted), max(0, len(key) - 1))
    if len(key):
        found = np.where(key[at] == wanted, links.similarity[at], found)
    return found[of_node]
