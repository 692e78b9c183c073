"""Links in meaning to groups around the conversations that are kept.

Conversations are taken best first. One that is not in a group yet is kept, and takes all into its group that are near
it, nearest first, and state nothing that is in conflict with what the group states. So each member is near the kept
one itself, and links in any order give the same groups.
"""

from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.compared import OTHER, SIMILARITY
from refinery.dedup.documents import DOCUMENT
from refinery.dedup.groups import Facts, Links
from refinery.dedup.keeping import Chosen, of_conversations
from refinery.dedup.semantic_facts import stated, tongues
from refinery.stage import array
from refinery.text.compiled import compiled
from refinery.text.facts import conflict

Rows = npt.NDArray[np.int64]
_BEST: Final = [
    ("score", "descending", "at_end"),
    ("created_at", "descending", "at_end"),
    ("conversation_id", "ascending"),
]


def decided(records: pa.Table, threshold: float, count: bool, translations: Literal["keep", "merge"]) -> pa.Table:
    """Links and linked conversations, any number of times -> what became of each, by row.

    `count`: whether facts in conflict keep conversations apart.
    """
    is_link = records[OTHER.name].is_valid()
    nodes, pairs = records.filter(pc.invert(is_link)), records.filter(is_link)
    nodes = nodes.take(pa.array(np.unique(nodes[DOCUMENT.name].to_numpy(), return_index=True)[1])).combine_chunks()
    # By what stands in the rows, so that equal links are taken in the same order wherever the rows stand.
    nodes = nodes.take(pc.sort_indices(nodes, sort_keys=_BEST)).combine_chunks()
    tongue = tongues(array(nodes, "language"))
    links = _links(nodes[DOCUMENT.name].to_numpy(), pairs, threshold)
    if translations == "keep":
        same = tongue[links.left] * tongue[links.right] != 2
        links = Links(*(each[same] for each in links))
    facts = stated(nodes, count, translations == "merge")
    grouped, kept, similarity, refused = _chosen(links, facts)
    standing = np.full(nodes.num_rows, 2)
    number = nodes[DOCUMENT.name].to_numpy()
    chosen = _in_order(Chosen(number, nodes, grouped, kept, similarity, refused, standing))
    table = of_conversations(chosen).drop_columns("dedup_joins")
    why = pc.if_else(pc.is_valid(table["set_aside_why"]), "semantic_duplicate", pa.scalar(None, pa.string()))
    return table.set_column(table.column_names.index("set_aside_why"), "set_aside_why", why)


def _links(number: Rows, pairs: pa.Table, threshold: float) -> Links:
    """Distinct links between nodes, both ways, those of a node nearest first."""
    order = np.argsort(number)
    ends = [order[np.searchsorted(number[order], pairs[name].to_numpy())] for name in (DOCUMENT.name, OTHER.name)]
    similarity = pairs[SIMILARITY.name].to_numpy()
    left, right = np.concatenate(ends), np.concatenate(ends[::-1])
    similarity = np.concatenate([similarity, similarity])
    near = similarity >= threshold
    left, right, similarity = left[near], right[near], similarity[near]
    _, once = np.unique(np.stack([left, right], axis=1), axis=0, return_index=True)
    left, right, similarity = left[once], right[once], similarity[once]
    order = np.lexsort((right, -similarity, left))
    return Links(left[order], right[order], similarity[order])


@compiled
def _chosen(links: Links, facts: Facts) -> Any:  # noqa: ANN401 (grouped, kept, similarity, refused of Chosen)
    num = len(facts.ends) - 1
    kept, similarity, refused = np.full(num, -1), np.ones(num), np.zeros(num)
    several, link = np.zeros(num, np.bool_), 0
    for node in range(num):
        first = link
        while link < len(links.left) and links.left[link] == node:
            link += 1
        if kept[node] >= 0:
            continue
        kept[node] = node
        known = facts.values[facts.ends[node] : facts.ends[node + 1]]
        for k in range(first, link):
            other = links.right[k]
            if kept[other] >= 0:
                continue
            more = facts.values[facts.ends[other] : facts.ends[other + 1]]
            if conflict(known, more):
                refused[node] = max(refused[node], links.similarity[k])
                refused[other] = max(refused[other], links.similarity[k])
                continue
            kept[other], similarity[other] = node, links.similarity[k]
            several[node], several[other] = True, True
            known = np.unique(np.concatenate((known, more)))
    return several, kept, similarity, refused


def _in_order(chosen: Chosen) -> Chosen:
    """By row."""
    order = np.argsort(chosen.number)
    place = np.argsort(order)
    return Chosen(
        chosen.number[order],
        chosen.nodes.take(pa.array(order)),
        chosen.grouped[order],
        place[chosen.kept[order]],
        chosen.similarity[order],
        chosen.refused[order],
        chosen.standing,
    )
