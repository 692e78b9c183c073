"""Who spoke in which order, and whether calls and their results belong together; over flat turns."""

from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.quality.units import Ints, Mask
from refinery.records.leaves import list_parents


class Calls(NamedTuple):
    """Keys (equal where conversation and id are, -1: no id) and turns (flat numbers) of tool calls or tool messages."""

    keys: Ints
    turns: Ints


MIN_TURNS: Final = 10
"""A shorter conversation may well be one question in several messages and one answer in several."""


def switch_share(rows: Ints, agent: Mask, num_rows: int) -> pa.Array:
    """Of the places between two speaking turns, those where the side changes; null below MIN_TURNS turns.

    `agent`: false is the customer. Strict turns give 1.0, messages in threes 0.33; a log sorted by sender, or one side
    that talks on alone, next to nothing.
    """
    same = rows[1:] == rows[:-1]
    places = np.bincount(rows[1:][same], minlength=num_rows)
    switches = np.bincount(rows[1:][same & (agent[1:] != agent[:-1])], minlength=num_rows)
    return pa.array(switches / np.maximum(places, 1), mask=places < MIN_TURNS - 1)


def unmatched(flat: pa.Array, rows: Ints, calls: Mask, tool: Mask, num_rows: int) -> tuple[Ints, Ints]:
    """Tool messages that answer no call before them, and calls without result, but for those that end a conversation.

    Where either has no id, place decides: a result follows its call, other results between them at most.
    """
    called, answered = _pairs(flat, rows, tool)
    first, last = _sorted_first(called), _sorted_first(Calls(answered.keys[::-1], answered.turns[::-1]))
    orphan = ~_meets(answered, first, before=True)
    orphan &= ~((answered.keys < 0) & _chained(rows, calls, tool)[answered.turns])
    ends = np.diff(rows, append=num_rows) != 0
    next_tool = np.append(tool[1:], False) & ~ends
    alone = ~_meets(called, last, before=False)
    alone &= ~((called.keys < 0) & next_tool[called.turns]) & ~ends[called.turns]
    return (
        np.bincount(rows[answered.turns[orphan]], minlength=num_rows),
        np.bincount(rows[called.turns[alone]], minlength=num_rows),
    )


def _pairs(flat: pa.Array, rows: Ints, tool: Mask) -> tuple[Calls, Calls]:
    """The calls, and the tool messages."""
    lists = pc.struct_field(flat, "tool_calls")
    call_turns, result_turns = list_parents(lists), np.flatnonzero(tool)
    ids = pa.concat_arrays(
        [
            pc.struct_field(lists.flatten(), "id"),
            pc.struct_field(flat, "tool_call_id").filter(pa.array(tool)),
        ]
    )
    codes = pc.dictionary_encode(ids)
    known = pc.is_valid(ids).to_numpy(zero_copy_only=False)
    turns = np.concatenate([call_turns, result_turns])
    keys = rows[turns] * (len(codes.dictionary) + 1) + pc.fill_null(codes.indices, 0).to_numpy().astype(np.int64)
    keys = np.where(known, keys, -1)
    num = len(call_turns)
    return Calls(keys[:num], turns[:num]), Calls(keys[num:], turns[num:])


def _sorted_first(calls: Calls) -> Calls:
    """Each key once, sorted, with the turn it stands in first."""
    keys, where = np.unique(calls.keys, return_index=True)
    return Calls(keys, calls.turns[where])


def _meets(ones: Calls, others: Calls, *, before: bool) -> Mask:
    """Which of these have a counterpart with their key, in an earlier or in a later turn."""
    if not len(others.keys):
        return np.zeros(len(ones.keys), bool)
    at = np.minimum(np.searchsorted(others.keys, ones.keys), len(others.keys) - 1)
    order = others.turns[at] < ones.turns if before else others.turns[at] > ones.turns
    met: Mask = (others.keys[at] == ones.keys) & (ones.keys >= 0) & order
    return met


def _chained(rows: Ints, calls: Mask, tool: Mask) -> Mask:
    """Tool messages that follow a turn with calls, other tool messages between them at most."""
    number = np.arange(len(rows))
    anchor = np.maximum.accumulate(np.where(tool, -1, number)) if len(rows) else number
    found = anchor >= 0
    found[found] &= calls[anchor[found]] & (rows[anchor[found]] == rows[found])
    return found & tool
