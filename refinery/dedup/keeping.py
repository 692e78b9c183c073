"""Links to groups, and of each group the one that is kept."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.compared import OTHER, SIMILARITY, lists
from refinery.dedup.documents import DOCUMENT, reply_places
from refinery.dedup.groups import Facts, Grouped, Links, grouped, weakest
from refinery.dedup.index import STATES, keys_of, whole_keys
from refinery.stage import KEY, ROW, array

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
    ("standing", "ascending"),
    ("score", "descending", "at_end"),
    ("created_at", "descending", "at_end"),
    ("conversation_id", "ascending"),
]


class Chosen(NamedTuple):
    """Linked documents, in order, and what became of each: rows of `nodes` in the same order.

    `grouped`: whether it is in a group; `kept`: place of the one its group keeps; `similarity` with that one;
    `refused`: the strongest link to one from which its facts keep it apart, or 0. `standing`: 0 of what stands for a
    group of an earlier run, 1 of another document of earlier runs, 2 of those of this run.
    """

    number: Rows
    nodes: pa.Table
    grouped: npt.NDArray[np.bool_]
    kept: Rows
    similarity: Shares
    refused: Shares
    standing: Rows


class Choice(NamedTuple):
    """What became of each document; its node, by content, and what became of these."""

    chosen: Chosen
    node: Rows
    found: Grouped


def choose(records: pa.Table, threshold: float, apart: bool, roots: pa.Table | None = None) -> Choice:
    """Links and linked documents, any number of times -> groups, and the one each keeps.

    `apart`: whether facts in conflict keep documents apart. Similarity is the Jaccard with the kept one where the two
    were compared, else the weakest link on the way to it. `roots`: of the documents of earlier runs (see
    `index.rooted`) which stands for the group of each; what was kept once stays kept.
    """
    is_link = records[OTHER.name].is_valid()
    nodes, pairs = records.filter(pc.invert(is_link)), records.filter(is_link)
    number, first = np.unique(nodes[DOCUMENT.name].to_numpy(), return_index=True)
    nodes = nodes.take(pa.array(first)).combine_chunks()
    wholes, one, of_node = np.unique(nodes["whole"].to_numpy(), return_index=True, return_inverse=True)
    links = _links(number, of_node, pairs)
    ends, values = lists(array(nodes, "facts").take(pa.array(one)))
    standing, joined = _standing(number, of_node, len(wholes), roots)
    facts = Facts(ends, values) if apart else Facts(np.zeros_like(ends), values[:0])
    found = grouped(links, facts, threshold, joined)
    group = found.group[of_node]
    kept = _kept(nodes, group, standing)
    similarity = _similarity(links, found.holds, of_node, of_node[kept])
    several = np.bincount(group, minlength=len(wholes))[group] > 1
    chosen = Chosen(number, nodes, several, kept, similarity, found.refused[of_node], standing)
    return Choice(chosen, of_node, found)


def _standing(number: Rows, of_node: Rows, num: int, roots: pa.Table | None) -> tuple[Rows, Rows]:
    """Of each document its standing; and of each node the lowest one with which an earlier run has grouped it."""
    standing, joined = np.full(len(number), 2), np.arange(num)
    if roots is None or not roots.num_rows:
        return standing, joined
    old, root = (roots[name].to_numpy() for name in (DOCUMENT.name, "root"))  # all with a negative number, in order
    standing[: len(old)] = old != root
    node = of_node[: len(old)]
    _, group = np.unique(root, return_inverse=True)
    lowest = np.full(int(group.max()) + 1, num)
    np.minimum.at(lowest, group, node)
    joined[node] = lowest[group]
    return standing, joined


def of_conversations(chosen: Chosen) -> pa.Table:
    """Group, kept id, similarity, conflict and fate of the conversations that have any, by row.

    Without a group, similarity is with the nearest from which this one was kept apart (1: the facts alone differ).
    """
    apart = (chosen.refused > 0) & (chosen.standing == 2)
    grouped = chosen.grouped & (chosen.standing == 2)
    ids = pc.if_else(pa.array(grouped), _kept_ids(chosen), None)
    gone = pa.array(grouped & (chosen.kept != np.arange(len(chosen.kept))))
    columns = {
        ROW.name: chosen.number,
        "dedup_group": ids,
        "dedup_kept_id": ids,
        "dedup_similarity": np.where(grouped, chosen.similarity, chosen.refused),
        "dedup_entity_conflict": pa.array(apart, mask=~apart),
        "set_aside_why": pc.if_else(gone, "near_duplicate", pa.scalar(None, pa.string())),
    }
    return pa.table(columns | {"dedup_joins": _joins(chosen)}).filter(pa.array(grouped | apart))


def _joins(chosen: Chosen) -> pa.Array:
    """The ids that earlier runs keep of other groups, where a document joins several of these; else null."""
    stands = np.flatnonzero(chosen.standing == 0)
    beside = stands[chosen.kept[stands] != stands]
    others: dict[int, list[str]] = {}
    ids = array(chosen.nodes, "conversation_id").take(pa.array(beside)).to_pylist()
    for group, name in zip(chosen.kept[beside].tolist(), ids, strict=True):
        others.setdefault(group, []).append(name)
    joined = np.flatnonzero(np.isin(chosen.kept, list(others)))
    lists = pa.array([sorted(others[group]) for group in chosen.kept[joined].tolist()], pa.list_(pa.string()))
    where = np.full(len(chosen.kept), -1)
    where[joined] = np.arange(len(joined))
    return lists.take(pa.array(where, mask=where < 0))


def states(choice: Choice) -> pa.Table:
    """What a run changes of the groups that earlier ones know: rows of STATES, sorted by key."""
    chosen, node, found = choice
    size = len(found.group)
    first = np.unique(node, return_index=True)[1]  # of each node its first document: an earlier one where there is one
    old = chosen.number[first] < 0
    key = whole_keys(array(chosen.nodes, "whole").take(pa.array(first)).to_numpy())
    key[old] = keys_of(chosen.number[first[old]])
    root, group = node[chosen.kept[first]], found.group
    stands = np.zeros(size, bool)
    stands[node[chosen.standing == 0]] = True
    changed = np.zeros(size, bool)
    np.logical_or.at(changed, group, ~old | (stands & (root != np.arange(size))))
    changed = changed[group] & chosen.grouped[first]
    is_root = root == np.arange(size)
    some = np.flatnonzero(changed & (is_root | ~old | stands))
    some = some[np.argsort(key[some])]
    mine = pa.array(is_root[some])
    ids = _kept_ids(chosen).take(pa.array(first[some]))
    columns = {
        KEY.name: key[some],
        "into": np.where(is_root[some], np.uint64(0), key[root[some]]),
        "similarity": chosen.similarity[first[some]],
        "kept_id": pc.if_else(mine, ids, None),
        "facts": _facts_of(found, np.where(is_root[some], group[some], -1)),
    }
    return pa.table(columns).cast(STATES)


def _facts_of(found: Grouped, groups: Rows) -> pa.Array:
    """What each of these groups states; none for -1."""
    starts, ends = (
        found.facts.starts[groups],
        np.where(groups < 0, found.facts.starts[groups], found.facts.ends[groups]),
    )
    sizes = ends - starts
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    at = np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(found.facts.values[at], pa.uint64()))


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


def _kept(nodes: pa.Table, group: Rows, standing: Rows) -> Rows:
    """For each document the one that its group keeps; of those of earlier runs the smallest id that is kept."""
    nodes = nodes.append_column("group", pa.array(group)).append_column("standing", pa.array(standing))
    for name in ("score", "created_at"):
        at = nodes.column_names.index(name)
        nodes = nodes.set_column(at, name, pc.if_else(pa.array(standing == 2), nodes[name], None))
    order = pc.sort_indices(nodes, sort_keys=_ORDER).to_numpy()
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
