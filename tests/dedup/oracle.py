"""Exact answers without any trick, to hold `dedup.near` against: all pairs, all Jaccards."""

from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from refinery.dedup import compared, forms
from refinery.dedup.documents import DOCUMENT, conversations
from refinery.dedup.fields import field_facts
from refinery.dedup.near import NearDuplicates
from refinery.dedup.templates import answers, frequent, sorted_codes
from refinery.engine.exchange import decide
from refinery.stage import ROW, array
from refinery.text.compiled import compiled
from refinery.text.shingles import jaccard

Pair = tuple[int, int]


def shingle_sets(rows: pa.Table, template_contexts: int | None) -> list[np.ndarray]:
    """The shingles of each row, sorted, as the stage hashes them."""
    return shingles_and_wholes(rows, template_contexts)[0]


def shingles_and_wholes(rows: pa.Table, template_contexts: int | None) -> tuple[list[np.ndarray], list[int]]:
    """The shingles of each row, and the hash of all it says and states."""
    column = array(rows.combine_chunks(), "turns")
    codes = np.zeros(0, np.uint64)
    if template_contexts:
        codes = sorted_codes(frequent(answers(column), template_contexts))
    found, (offsets, facts) = forms.turns(column), field_facts(rows)
    room = forms.scratch(found, int(np.diff(offsets).max(initial=0)))
    every = conversations(rows, found)
    sets = compared.Sets(*compared.sets(every, found, forms.tables(), codes, room, offsets, facts))
    shingles = [sets.shingles[start:end] for start, end in zip(sets.ends[:-1], sets.ends[1:], strict=True)]
    return shingles, sets.whole.tolist()


@compiled
def _above(values: Any, ends: Any, least: float) -> Any:
    found = []
    for i in range(len(ends) - 1):
        a = values[ends[i] : ends[i + 1]]
        for j in range(i):
            size = ends[j + 1] - ends[j]
            if min(size, len(a)) >= least * max(size, len(a)) and size:
                value = jaccard(a, values[ends[j] : ends[j + 1]])
                if value >= least:
                    found.append((float(j), float(i), value))
    return np.array(found).reshape(-1, 3)


def all_pairs(sets: list[np.ndarray], least: float) -> dict[Pair, float]:
    """Each pair of rows of at least this Jaccard."""
    ends = np.concatenate([[0], np.cumsum([len(one) for one in sets])]).astype(np.int64)
    found = _above(np.concatenate(sets) if sets else np.zeros(0, np.uint32), ends, least)
    return {(int(a), int(b)): float(value) for a, b, value in found}


def links(stage: NearDuplicates, rows: pa.Table) -> dict[Pair, float]:
    """The links that the stage's rounds find, conflicts or not."""
    found = _found(stage, rows, "compare")
    left, right, similarity = (found[name].to_pylist() for name in (DOCUMENT.name, "other", "similarity"))
    return {(a, b): s for a, b, s in zip(left, right, similarity, strict=True) if b is not None}


def nominated(stage: NearDuplicates, rows: pa.Table) -> set[Pair]:
    """The pairs that are compared."""
    found = _found(stage, rows, "bands")
    each = zip(found[DOCUMENT.name].to_pylist(), found["others"].to_pylist(), strict=True)
    return {(one, other) for one, others in each for other in others}


def _found(stage: NearDuplicates, rows: pa.Table, last: str) -> pa.Table:
    """What the round of that name finds."""
    found: list[pa.Table] = []
    rounds = stage.rounds()
    for number, each in enumerate(rounds):
        given = rows if not number or not rounds[number - 1].by_row else _those(rows, found[-1])
        records = each.send(given.select([ROW.name, *sorted(each.reads())]).combine_chunks(), found)
        found.append(each.find(records))
        if each.name == last:
            break
    return found[-1]


def _those(rows: pa.Table, found: pa.Table) -> pa.Table:
    return rows.take(pa.array(np.unique(found[ROW.name].to_numpy())))


def groups(stage: NearDuplicates, rows: pa.Table, reducers: int = 1) -> dict[str, list[str]]:
    """Kept id -> the ids of its group, sorted."""
    ids = rows["conversation_id"].to_pylist()
    found: dict[str, list[str]] = {}
    for one in decide(stage, rows, reducers).to_pylist():
        if one["dedup_group"]:
            found.setdefault(one["dedup_group"], []).append(ids[one[ROW.name]])
    return {kept: sorted(members) for kept, members in found.items()}


def together(found: dict[str, list[str]]) -> set[tuple[str, str]]:
    """Pairs of ids that stand in one group."""
    return {pair for members in found.values() for pair in combinations(members, 2)}
