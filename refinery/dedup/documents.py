"""What is compared with what: whole conversations, or replies of agents to one customer turn under one policy."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.forms import ASSISTANT, USER, Documents, Rows, Scratch, Turns, roles, tables, texts, turn_codes
from refinery.dedup.templates import nearest_before
from refinery.errors import StageError
from refinery.records.leaves import list_parents
from refinery.stage import ROW, array
from refinery.text.compiled import compiled
from refinery.text.facts import Words, hash_bytes, mix

DOCUMENT: Final = pa.field("_document", pa.int64())
"""Of a conversation its `_row`; of a reply shard (23 bits), row (24) and turn_idx (16), so that both sort alike."""
_ROW_BITS, _TURN_BITS = 24, 16


def conversations(rows: pa.Table, turns: Turns) -> Documents:
    """Each row, with all its turns."""
    num = len(turns.content.offsets) - 1
    spoken, cell = np.ones(num, bool), np.zeros(rows.num_rows, np.uint64)
    owner = np.arange(rows.num_rows)
    return Documents(turns.lists.astype(np.int64), np.arange(num), spoken, cell, owner, rows[ROW.name].to_numpy())


def replies(rows: pa.Table, turns: Turns, scratch: Scratch) -> Documents:
    """Each agent turn that answers a customer turn, in the cell of that turn's form and of the reply's policies.

    The customer turn is the first part and counts for its facts alone: a reply about another order is another reply.
    """
    codes, said = turn_codes(turns, tables(), scratch), roles(turns)
    owners = np.repeat(np.arange(rows.num_rows), np.diff(turns.lists))
    asked = nearest_before((said == USER) & (codes != 0), turns.lists)
    index = pc.struct_field(array(rows, "turns").flatten(), "turn_idx").to_numpy(zero_copy_only=False)
    reply = np.flatnonzero((said == ASSISTANT) & (codes != 0) & (asked >= 0) & (index < 1 << _TURN_BITS))
    policies = _of_policies(array(rows, "policies"), len(codes), turns)
    cell = _mixed(codes[asked[reply]], policies[reply])
    number = reply_numbers(rows[ROW.name].to_numpy()[owners[reply]], index[reply].astype(np.int64))
    parts = np.stack([asked[reply], reply], axis=1).reshape(-1)
    spoken = np.tile(np.array([False, True]), len(reply))
    return Documents(np.arange(0, 2 * len(reply) + 1, 2), parts, spoken, cell, owners[reply], number)


def reply_numbers(row: Rows, turn_idx: Rows) -> Rows:
    """Rows and turns as numbers of documents; raises StageError where a shard has too many rows for that."""
    within = row & 0xFFFFFFFF
    if within.max(initial=0) >= 1 << _ROW_BITS:
        raise StageError(
            f"a shard has more than {1 << _ROW_BITS} conversations; set shards.rows below that in the plan"
        )
    return ((row >> 32 << _ROW_BITS | within) << _TURN_BITS) | turn_idx


def reply_places(number: Rows) -> tuple[Rows, Rows]:
    """The row and the turn_idx of each reply."""
    row = number >> _TURN_BITS
    return (row >> _ROW_BITS << 32) | (row & ((1 << _ROW_BITS) - 1)), number & ((1 << _TURN_BITS) - 1)


def those(documents: Documents, numbers: Rows) -> Documents:
    """The documents with these numbers, all of which are there, in order."""
    at = np.searchsorted(documents.number, numbers)
    lengths = np.diff(documents.ends)[at]
    ends = np.concatenate([[0], np.cumsum(lengths)])
    parts = np.repeat(documents.ends[at] - ends[:-1], lengths) + np.arange(ends[-1])
    each = (documents.cell[at], documents.owner[at], documents.number[at])
    return Documents(ends, documents.turns[parts], documents.spoken[parts], *each)


def _of_policies(column: pa.Array, num: int, turns: Turns) -> Words:
    """A hash of each turn's policies, in any order; 0 where it has none, or where they do not stand beside turns."""
    lists = column.flatten()
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    fits = np.repeat(lengths == np.diff(turns.lists), lengths)
    hashes, owner = _of_words(texts(lists.flatten())), list_parents(lists)
    sums = _sums(hashes[fits[owner]], owner[fits[owner]], len(lists)) if len(owner) else np.zeros(len(lists), np.uint64)
    beside = np.repeat(lengths == np.diff(turns.lists), np.diff(turns.lists))
    found = np.zeros(num, np.uint64)
    found[beside] = sums[fits]
    return found


@compiled
def _of_words(words: Any) -> Any:  # noqa: ANN401 (Texts -> Words)
    found = np.empty(len(words.offsets) - 1, np.uint64)
    for i in range(len(found)):
        found[i] = hash_bytes(words.data, words.offsets[i], words.offsets[i + 1])
    return found


@compiled
def _sums(values: Words, owner: Rows, num: int) -> Any:  # noqa: ANN401 (Words)
    found = np.zeros(num, np.uint64)
    for i in range(len(values)):
        found[owner[i]] += values[i]
    return found


@compiled
def _mixed(left: Words, right: Words) -> Any:  # noqa: ANN401 (Words)
    """One hash of two; never 0, which is the cell of conversations."""
    found = np.empty(len(left), np.uint64)
    for i in range(len(found)):
        found[i] = mix(left[i] ^ mix(right[i] + np.uint64(1))) | np.uint64(1)
    return found
