"""What near duplicates keep for later runs, and how documents of earlier runs take part in a run.

Three tables, each sorted by a hash. `bands`: a row for each key of a document's bands and of its whole, with the
sketch. `documents`: once for each whole, what it takes to compare and to judge it. `states`: which group a document
came into; a later row counts for an earlier one. Of documents that read and state the same, one is kept.

A document of an earlier run is known by the key of its whole, and takes part under a negative number made of it.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.bands import RECORD
from refinery.dedup.compared import RANK, lists
from refinery.dedup.documents import DOCUMENT
from refinery.dedup.units import OTHERS
from refinery.errors import StageError
from refinery.records.conversation import TIME
from refinery.stage import KEY, Earlier, Kept, array
from refinery.text.compiled import compiled
from refinery.text.facts import Words, mix

Rows = npt.NDArray[np.int64]
_ONE: Final = np.uint64(1)

BANDS: Final = pa.schema([field for field in RECORD if field.name != DOCUMENT.name])
SET: Final = pa.schema(
    [
        ("shingles", pa.list_(pa.uint32())),
        ("facts", pa.list_(pa.uint64())),
        ("score", pa.float64()),
        ("created_at", TIME),
        ("conversation_id", pa.string()),
    ]
)
"""What goes with the record of a whole where it is to be kept: null elsewhere."""
DOCUMENTS: Final = pa.schema([KEY, ("whole", pa.uint64()), *SET])
STATES: Final = pa.schema(
    [
        KEY,
        ("into", pa.uint64()),
        ("similarity", pa.float64()),
        ("kept_id", pa.string()),
        ("facts", pa.list_(pa.uint64())),
    ]
)
"""`into`: the key of the document that stands for the group, 0 where it is this one; `similarity` with that one.
`kept_id` and the `facts` of the group are those of the one that stands for it."""
KEEPS: Final = {
    "bands": Kept(BANDS, 1024),
    "documents": Kept(DOCUMENTS, 32),
    "states": Kept(STATES, 256, newest=True),
}


def numbers_of(keys: Words) -> Rows:
    """The numbers under which documents of earlier runs take part; keys of wholes are odd, so none is lost."""
    return -(keys >> _ONE).astype(np.int64) - 1


def keys_of(numbers: Rows) -> Words:
    """The keys of such numbers."""
    return ((-(numbers + 1)).astype(np.uint64) << _ONE) | _ONE


@compiled
def whole_keys(wholes: Words) -> Any:  # noqa: ANN401 (Words)
    """The keys of the wholes of conversations."""
    found = np.empty(len(wholes), np.uint64)
    for i in range(len(found)):
        found[i] = mix(wholes[i]) | np.uint64(1)
    return found


@compiled
def _both(keys: Words, wholes: Words) -> Any:  # noqa: ANN401 (Words)
    """One hash of key and whole."""
    found = np.empty(len(keys), np.uint64)
    for i in range(len(found)):
        found[i] = mix(keys[i] ^ mix(wholes[i] + np.uint64(1)))
    return found


def with_sets(records: pa.Table, sets: pa.Table) -> pa.Table:
    """Band records with the columns of SET on those of wholes; `sets` has a row a document, in their order."""
    at = np.searchsorted(sets[DOCUMENT.name].to_numpy(), records[DOCUMENT.name].to_numpy())
    held = sets.select(SET.names).take(pa.array(at, mask=(records[KEY.name].to_numpy() & _ONE) == 0))
    for name in SET.names:
        records = records.append_column(SET.field(name), held[name].cast(SET.field(name).type))
    return records


def known_bands(records: pa.Table, earlier: Earlier) -> pa.Table:
    """Records of earlier documents that share a key with one of these."""
    found = earlier.rows("bands", np.unique(records[KEY.name].to_numpy()))
    numbers = numbers_of(whole_keys(found["whole"].to_numpy()))
    return found.append_column(DOCUMENT, pa.array(numbers)).select(RECORD.names).cast(RECORD)


def new_rows(records: pa.Table, known: pa.Table) -> dict[str, pa.Table]:
    """What is kept of band records with sets, beside what is known of their keys: one document a whole."""
    both = _both(*(records[name].to_numpy() for name in (KEY.name, "whole")))
    old = _both(*(known[name].to_numpy() for name in (KEY.name, "whole")))
    fresh = records.append_column("_both", pa.array(both)).filter(pa.array(~np.isin(both, old)))
    fresh = fresh.sort_by([(name, "ascending") for name in (KEY.name, "whole", "conversation_id", DOCUMENT.name)])
    _, first = np.unique(fresh["_both"].to_numpy(), return_index=True)
    fresh = fresh.take(pa.array(np.sort(first))).combine_chunks()
    wholes = fresh.filter(pa.array((fresh[KEY.name].to_numpy() & _ONE) == 1))
    return {"bands": fresh.select(BANDS.names).cast(BANDS), "documents": wholes.select(DOCUMENTS.names).cast(DOCUMENTS)}


def with_documents(records: pa.Table, earlier: Earlier) -> pa.Table:
    """Records of units, and those of the earlier documents that these are to be compared with.

    Raises StageError where the index lacks one of them.
    """
    ends, others = lists(array(records, OTHERS.name))
    unit = np.repeat(records[KEY.name].to_numpy(), np.diff(ends))
    asked = np.unique(np.stack([unit.view(np.int64), others], axis=1)[others < 0], axis=0)
    if not len(asked):
        return records
    keys = keys_of(np.ascontiguousarray(asked[:, 1]))
    documents = earlier.rows("documents", np.unique(keys))
    known = documents[KEY.name].to_numpy()
    order = np.argsort(known)
    at = np.minimum(np.searchsorted(known, keys, sorter=order), max(0, len(known) - 1))
    if not len(known) or np.any(known[order[at]] != keys):
        raise StageError("the index of earlier runs names documents that it does not hold; build it again")
    added = documents.take(pa.array(order[at])).drop_columns([KEY.name])
    added = added.append_column(DOCUMENT, pa.array(np.ascontiguousarray(asked[:, 1])))
    none = pa.array([[]] * len(asked), OTHERS.type)
    added = added.append_column(OTHERS, none).append_column(
        KEY, pa.array(np.ascontiguousarray(asked[:, 0]).view(np.uint64))
    )
    return pa.concat_tables([records, added.select(records.column_names).cast(records.schema)]).combine_chunks()


def num_pairs(records: pa.Table) -> int:
    """Pairs with documents of earlier runs among these units or records of units."""
    return int(np.count_nonzero(records[OTHERS.name].combine_chunks().flatten().to_numpy() < 0))


def states_of(numbers: Rows, earlier: Earlier) -> pa.Table:
    """For each of these earlier documents (distinct): `root`, the one of its group; `similarity` with it; its state.

    `kept_id` and `facts` are null where the document is in no group. Roots are followed over runs that brought groups
    together.
    """
    key = keys_of(numbers)
    known = _newest(earlier, key)
    frontier = known["into"].to_numpy()
    while len(more := np.setdiff1d(frontier[frontier != 0], known[KEY.name].to_numpy())):
        found = _newest(earlier, more)
        frontier = found["into"].to_numpy()
        known = pa.concat_tables([known, found])
    known = known.sort_by(KEY.name).combine_chunks()
    keys, into = known[KEY.name].to_numpy(), known["into"].to_numpy()
    parent = np.where(into == 0, np.arange(len(keys)), np.searchsorted(keys, into))
    similarity = np.where(into == 0, 1.0, known["similarity"].to_numpy())
    while np.any(parent[parent] != parent):
        similarity, parent = np.minimum(similarity, similarity[parent]), parent[parent]
    at = np.minimum(np.searchsorted(keys, key), max(0, len(keys) - 1))
    there = (keys[at] == key) if len(keys) else np.zeros(len(key), bool)
    root = pa.array(parent[at] if len(keys) else at, mask=~there)
    held = known.select(["kept_id", "facts"]).take(root)
    roots = np.where(there, keys[parent[at]], key) if len(keys) else key
    return pa.table(
        {
            DOCUMENT.name: numbers,
            "root": numbers_of(roots),
            "similarity": np.where(there, similarity[at], 1.0) if len(keys) else np.ones(len(key)),
            "kept_id": held["kept_id"],
            "facts": held["facts"],
        }
    )


def _newest(earlier: Earlier, keys: Words) -> pa.Table:
    """The last state of each key."""
    found = earlier.rows("states", np.unique(keys))
    there = found[KEY.name].to_numpy()
    _, last = np.unique(there[::-1], return_index=True)
    return found.take(pa.array(len(there) - 1 - last)).combine_chunks()


def rooted(records: pa.Table, other: str, earlier: Earlier) -> tuple[pa.Table, pa.Table]:
    """Links and documents, the earlier ones as their groups stand; and which earlier one stands for each of them.

    Every document of a group states what the group states and keeps the id that the group keeps; the one that stands
    for the group is among the documents, and linked with the others by the similarity that was found then.
    """
    is_node = pc.is_null(records[other])
    old = np.unique(records.filter(is_node)[DOCUMENT.name].to_numpy())
    states = states_of(old[old < 0], earlier)
    if not states.num_rows:
        return records, states
    roots = np.unique(states["root"].to_numpy())
    added = _newest(earlier, keys_of(np.setdiff1d(roots, old)))
    numbers = numbers_of(added[KEY.name].to_numpy())
    # It was not compared with anything, so its whole is not known; its key is as good, equal to no other.
    columns = {
        DOCUMENT.name: numbers,
        "whole": added[KEY.name],
        "facts": added["facts"],
        "conversation_id": added["kept_id"],
    }
    nodes = _as_grouped(records.filter(is_node), states)
    links = states.filter(pc.not_equal(states[DOCUMENT.name], states["root"]))
    links = pa.table({DOCUMENT.name: links[DOCUMENT.name], other: links["root"], "similarity": links["similarity"]})
    parts = [records.filter(pc.invert(is_node)), links, nodes, pa.table(columns)]
    whole = pa.table({DOCUMENT.name: numbers, "root": numbers})
    standing = pa.concat_tables([states.select([DOCUMENT.name, "root"]), whole]).sort_by(DOCUMENT.name)
    return pa.concat_tables(parts, promote_options="default").select(records.column_names), standing


def _as_grouped(nodes: pa.Table, states: pa.Table) -> pa.Table:
    at = np.searchsorted(states[DOCUMENT.name].to_numpy(), nodes[DOCUMENT.name].to_numpy())
    take = pa.array(at, mask=nodes[DOCUMENT.name].to_numpy() >= 0)
    held = states.select(["kept_id", "facts"]).take(take)
    ids = pc.coalesce(held["kept_id"], nodes["conversation_id"])
    # Lists cannot be coalesced: both columns on top of each other, and each row taken from where it stands.
    one, other = array(nodes, "facts"), array(held, "facts")
    grouped = np.asarray(other.is_valid())
    both = pa.concat_arrays([one, other.cast(one.type)]).take(pa.array(np.arange(len(one)) + len(one) * grouped))
    nodes = nodes.set_column(nodes.column_names.index("facts"), "facts", both)
    return nodes.set_column(nodes.column_names.index("conversation_id"), "conversation_id", ids)


assert set(RANK) - {"whole", "facts"} <= set(SET.names)
