"""What conversations state, by the same kernels as for near duplicates, made fit for pairs in two languages."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup import compared, documents, forms
from refinery.dedup.fields import field_facts
from refinery.dedup.groups import Facts
from refinery.stage import array
from refinery.text.facts import WORD, Words

_KIND: Final = np.uint64(56)
_LANGUAGE, _ZH_WORD = np.uint64(30), np.uint64(31)
"""Kinds of facts that stand here alone: the conversation's language, and listed words of a Chinese one."""
_NONE: Final = np.zeros(0, np.uint64)


def facts(rows: pa.Table) -> pa.Array:
    """The facts of each row, sorted: of turns, signals and outcome."""
    found, (offsets, beside) = forms.turns(array(rows, "turns")), field_facts(rows)
    room = forms.scratch(found, int(np.diff(offsets).max(initial=0)))
    every = documents.conversations(rows, found)
    sets = compared.Sets(*compared.sets(every, found, forms.tables(), _NONE, room, offsets, beside))
    return pa.ListArray.from_arrays(pa.array(sets.fact_ends, pa.int32()), pa.array(sets.facts))


def stated(nodes: pa.Table, count: bool, merge: bool) -> Facts:
    """What keeps nodes apart: facts, distinct, if they count, and the language unless translations merge.

    Where they merge, listed words (refused, 拒绝) count within a language only: in Chinese they are a kind apart.
    """
    ends, values = compared.lists(array(nodes, "facts"))
    owner = np.repeat(np.arange(nodes.num_rows), np.diff(ends))
    values, owner = (values, owner) if count else (values[:0], owner[:0])
    languages = nodes["language"].combine_chunks()
    if merge:
        zh = pc.fill_null(pc.equal(languages, "zh"), False).to_numpy(zero_copy_only=False)
        moved = (values >> _KIND == WORD) & zh[owner]
        values = np.where(moved, values & ~(np.uint64(255) << _KIND) | _ZH_WORD << _KIND, values)
    else:
        told = tongues(languages)
        values = np.concatenate([values, (_LANGUAGE << _KIND | told)[told > 0]])
        owner = np.concatenate([owner, np.flatnonzero(told)])
    order = np.lexsort((values, owner))
    values, owner = values[order], owner[order]
    new = np.ones(len(values), bool)  # in other words a thing may be said twice
    new[1:] = (values[1:] != values[:-1]) | (owner[1:] != owner[:-1])
    counts = np.bincount(owner[new], minlength=nodes.num_rows)
    return Facts(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), values[new])


def tongues(languages: pa.Array) -> Words:
    """1 for Chinese, 2 for English, 0 for what is mixed, other or unknown and so no translation of anything."""
    found = pc.index_in(languages, pa.array(["zh", "en"]))
    return np.asarray(pc.fill_null(pc.add(found, 1), 0).to_numpy(zero_copy_only=False)).astype(np.uint64)
