"""One conversation looked up in the index of a lake: which published ones it is near to, and which of them is kept."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.compared import OTHER, SIMILARITY
from refinery.dedup.documents import DOCUMENT
from refinery.dedup.index import states_of
from refinery.stage import ROW, Earlier, array, key_of
from refinery.text.facts import conflict

if TYPE_CHECKING:
    from refinery.dedup.near import NearDuplicates


class Match(NamedTuple):
    """A published conversation: its id, the one its group keeps, the Jaccard, and whether what is stated differs.

    `duplicate`: whether a nightly run would set the conversation aside for it.
    """

    conversation_id: str
    kept_id: str
    similarity: float
    entity_conflict: bool
    duplicate: bool


def near(step: "NearDuplicates", row: pa.Table, earlier: Earlier) -> list[Match]:
    """The published conversations of at least `min_threshold` to this one (a row of the columns read), nearest first.

    By the index's own bands and the rounds of a nightly run: the same pairs, the exact Jaccard, and nothing in memory
    but what is hit. Of those that read and state the same, one is named.
    """
    bands, compare, _ = step.rounds()
    row = row.append_column(ROW, pa.array([0], pa.int64()))
    worth = bands.meet(bands.send(row, []), earlier).found
    links = compare.meet(compare.send(row, [worth]), earlier).found
    is_link = links[OTHER.name].is_valid()
    nodes, links = links.filter(pc.invert(is_link)), links.filter(is_link)
    if not links.num_rows:
        return []
    states = states_of(np.sort(links[OTHER.name].to_numpy()), earlier).to_pylist()
    known = {node[DOCUMENT.name]: node for node in nodes.to_pylist()}
    mine = np.array(known[0]["facts"], np.uint64)
    grouped = {state[DOCUMENT.name]: state for state in states}
    found = []
    for number, similarity in zip(links[OTHER.name].to_pylist(), links[SIMILARITY.name].to_pylist(), strict=True):
        node, state = known[number], grouped[number]
        theirs = state["facts"] if state["facts"] is not None else node["facts"]
        apart = bool(step.facts and conflict(mine, np.array(theirs, np.uint64)))
        kept = state["kept_id"] or node["conversation_id"]
        alike = similarity >= step.threshold and not apart
        found.append(Match(node["conversation_id"], kept, similarity, apart, alike))
    return sorted(found, key=lambda match: (-match.similarity, match.conversation_id))


def exact(row: pa.Table, earlier: Earlier) -> str | None:
    """The kept conversation of the very same content, by its hash before masking."""
    hashes = array(row, "content_hash")
    known = earlier.rows("contents", key_of(hashes).to_numpy())
    same = known.filter(pc.equal(known["content_hash"], hashes[0]))
    return same["conversation_id"][0].as_py() if same.num_rows else None
