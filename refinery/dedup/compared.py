"""Pairs compared: the exact Jaccard of their shingles, and whether what they state is in conflict."""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.documents import DOCUMENT
from refinery.dedup.forms import Documents, Offsets, Scratch, Tables, Turns, form
from refinery.dedup.units import OTHERS, UNIT
from refinery.stage import KEY, array
from refinery.text.compiled import compiled
from refinery.text.facts import Words
from refinery.text.shingles import Hashes, distinct, hashed, jaccard

Rows = npt.NDArray[np.int64]
OTHER = pa.field("other", pa.int64())
SIMILARITY = pa.field("similarity", pa.float64())
RANK: Final = ("whole", "facts", "score", "created_at", "conversation_id")
"""What is known of a conversation that has links: the first two for grouping, the others for choosing."""


class Sets(NamedTuple):
    """Shingles (distinct) and facts of document d: from offset d to d + 1, sorted; and the hash of its whole."""

    ends: Rows
    shingles: Hashes
    fact_ends: Rows
    facts: Words
    whole: Words


class Unit(NamedTuple):
    """Records of units, sorted by unit and row; `others` of record i from `ends[i]` to `ends[i + 1]`."""

    unit: Words
    row: Rows
    ends: Rows
    others: Rows


@compiled
def sets(
    documents: Documents,
    turns: Turns,
    tables: Tables,
    templates: Words,
    scratch: Scratch,
    fields: Offsets,
    known: Words,
) -> Any:  # noqa: ANN401 (the fields of Sets)
    """Shingles and facts of each document; `known[fields[d]:fields[d + 1]]` are known beside the text of document d."""
    num = len(documents.number)
    ends, fact_ends = np.zeros(num + 1, np.int64), np.zeros(num + 1, np.int64)
    shingles, facts, whole = np.empty(1024, np.uint32), np.empty(1024, np.uint64), np.empty(num, np.uint64)
    hashes = np.empty(len(scratch.form), np.uint64)
    for d in range(num):
        beside = fields[d + 1] - fields[d]
        for k in range(beside):
            scratch.facts[k] = known[fields[d] + k]
        length, num_facts, whole[d] = form(d, documents, turns, tables, templates, scratch, beside)
        whole[d] ^= documents.cell[d]
        found = distinct(hashes, hashed(scratch.form, length, hashes))
        ends[d + 1], fact_ends[d + 1] = ends[d] + len(found), fact_ends[d] + num_facts
        shingles, facts = _room(shingles, ends[d + 1]), _room(facts, fact_ends[d + 1])
        for k in range(len(found)):
            shingles[ends[d] + k] = found[k]
        for k in range(num_facts):
            facts[fact_ends[d] + k] = scratch.facts[k]
    return ends, shingles[: ends[num]], fact_ends, facts[: fact_ends[num]], whole


@compiled
def _room(values: Any, size: int) -> Any:  # noqa: ANN401 (an array as long as that, or twice as long as before)
    if size <= len(values):
        return values
    more = np.empty(max(size, 2 * len(values)), values.dtype)
    for i in range(len(values)):
        more[i] = values[i]
    return more


@compiled
def _place(rows: Rows, start: int, end: int, row: int) -> int:
    """Where a row stands among sorted ones."""
    while start < end:
        middle = (start + end) // 2
        if rows[middle] < row:
            start = middle + 1
        else:
            end = middle
    return start


@compiled
def similarities(unit: Unit, sets: Sets) -> Any:  # noqa: ANN401 (places of pairs, their Jaccard)
    """The exact Jaccard of each pair of records; 1 where the wholes are equal, shingles or none."""
    left, right = np.empty(len(unit.others), np.int64), np.empty(len(unit.others), np.int64)
    found = np.empty(len(unit.others), np.float64)
    start = end = 0
    for i in range(len(unit.row)):
        if i == end:
            start = i
            while end < len(unit.row) and unit.unit[end] == unit.unit[start]:
                end += 1
        for k in range(unit.ends[i], unit.ends[i + 1]):
            j = _place(unit.row, start, end, unit.others[k])
            left[k], right[k] = i, j
            if sets.whole[i] == sets.whole[j]:
                found[k] = 1.0
            else:
                a = sets.shingles[sets.ends[i] : sets.ends[i + 1]]
                found[k] = jaccard(a, sets.shingles[sets.ends[j] : sets.ends[j + 1]])
    return left, right, found


def records(rank: pa.Table, sets: Sets, work: pa.Table) -> pa.Table:
    """For each row of WORK the document's shingles, facts and rank (a row of `rank` a document, in their order)."""
    shingles, facts = (
        pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(values))
        for ends, values in ((sets.ends, sets.shingles), (sets.fact_ends, sets.facts))
    )
    at = pa.array(np.searchsorted(rank[DOCUMENT.name].to_numpy(), work[DOCUMENT.name].to_numpy()))
    held = rank.append_column("shingles", shingles).append_column("facts", facts)
    held = held.append_column("whole", pa.array(sets.whole)).take(at)
    return held.append_column(OTHERS, work[OTHERS.name]).append_column(KEY, work[UNIT.name])


def links(records: pa.Table, at_least: float) -> pa.Table:
    """The pairs of that Jaccard and more (`other`, `similarity`), and once a unit each conversation that has one."""
    order = np.lexsort((records[DOCUMENT.name].to_numpy(), records[KEY.name].to_numpy()))
    records = records.take(pa.array(order)).combine_chunks()
    (ends, shingles), (fact_ends, facts) = (lists(array(records, name)) for name in ("shingles", "facts"))
    other_ends, others = lists(array(records, OTHERS.name))
    row = records[DOCUMENT.name].to_numpy()
    unit = Unit(records[KEY.name].to_numpy(), row, other_ends, others)
    found = similarities(unit, Sets(ends, shingles, fact_ends, facts, records["whole"].to_numpy()))
    left, right, similarity = (each[found[2] >= at_least] for each in found)
    nodes = records.select([DOCUMENT.name, *RANK]).take(pa.array(np.unique(np.concatenate([left, right]))))
    pairs = pa.table({DOCUMENT.name: row[left], OTHER.name: row[right], SIMILARITY.name: similarity})
    return pa.concat_tables([pairs, nodes], promote_options="default").select([*pairs.column_names, *RANK])


def lists(column: pa.Array) -> tuple[Rows, Any]:
    """Offsets and values of a list array."""
    lengths = pc.list_value_length(column).to_numpy()
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), column.flatten().to_numpy()
