"""Counts that need no model: how much was said, how much of it is empty or repeated, whether it was cut off.

    six turns, the customer speaks twice, the agent three times, once in words used before
    -> num_turns 6, num_customer_turns 2, num_agent_turns 3, empty_text_share 0.0, repeated_agent_share 0.33

A turn speaks if its content holds a visible character (spaces and zero-width characters are none). Customer: role user.
Agent: role assistant; a tool call alone is an act, not speech. Scores only: `quality.gate` decides.
"""

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.records.leaves import list_parents
from refinery.stage import Stage, Transform, array

SCORES = pa.schema(
    [
        pa.field("num_turns", pa.int32()),  # messages of every role
        pa.field("num_customer_turns", pa.int32()),  # user messages that speak
        pa.field("num_agent_turns", pa.int32()),  # assistant messages that speak
        pa.field("empty_text_share", pa.float64()),  # of user and assistant messages without tool call; null: none
        pa.field("repeated_agent_share", pa.float64()),  # of speaking agent turns, those said before; null: none
        pa.field("cut_off", pa.bool_()),  # by the log's end reason, or the last message is a call without result
    ]
)
_VISIBLE = r"[^\s\pZ\p{Cc}\p{Cf}]"

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


class Heuristics(Stage):
    """`quality.heuristics`: turns and end reason in, the columns of SCORES out."""

    name: ClassVar[str] = "quality.heuristics"
    version: ClassVar[int] = 1

    cut_off_reasons: tuple[str, ...] = ("early_disconnect", "disconnect", "too_many_errors", "agent_error")
    """End reasons of a conversation that stopped before its end."""

    def reads(self) -> frozenset[str]:
        """Turns and how the log says that they ended."""
        return frozenset({"turns", "end_reason"})

    def writes(self) -> pa.Schema:
        """SCORES."""
        return SCORES

    def open(self) -> Transform:
        """Nothing to load."""
        return self._score

    def _score(self, table: pa.Table) -> pa.Table:
        turns = array(table, "turns")
        rows, flat = list_parents(turns), turns.flatten()
        role, content = pc.struct_field(flat, "role"), pc.struct_field(flat, "content")
        user, agent = _mask(pc.equal(role, "user")), _mask(pc.equal(role, "assistant"))
        calls = _mask(pc.greater(pc.list_value_length(pc.struct_field(flat, "tool_calls")), 0))
        speaks = _mask(pc.match_substring_regex(content, _VISIBLE))
        textual = (user | agent) & ~calls
        repeated = _repeated(content, agent & speaks, rows)
        num = len(table)
        columns = {
            "num_turns": _count(rows, num),
            "num_customer_turns": _count(rows[user & speaks], num),
            "num_agent_turns": _count(rows[agent & speaks], num),
            "empty_text_share": _share(rows[textual & ~speaks], rows[textual], num),
            "repeated_agent_share": _share(rows[repeated], rows[agent & speaks], num),
            "cut_off": _mask(pc.is_in(array(table, "end_reason"), pa.array(self.cut_off_reasons, pa.string())))
            | _ends_on_call(rows, calls, num),
        }
        return pa.table([pa.array(columns[field.name], field.type) for field in SCORES], schema=SCORES)

    @classmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """A conversation that repeats itself, one cut off in the middle of a call, one without turns."""
        said = [("user", "hi"), ("assistant", "一样的话"), ("user", " "), ("assistant", "一样的话 ")]
        repeating = [{"turn_idx": i, "role": role, "content": text} for i, (role, text) in enumerate(said)]
        call = {"turn_idx": 0, "role": "assistant", "tool_calls": [{"id": "c1", "name": "f", "arguments": "{}"}]}
        rows: list[dict[str, Any]] = [
            {"turns": repeating, "end_reason": "complete"},
            {"turns": [call], "end_reason": None},
            {"turns": None, "end_reason": "disconnect"},
        ]
        return [(cls(), rows)]


def _repeated(content: pa.Array, spoken: Mask, rows: Indices) -> Mask:
    """Which turns say, but for space around it, what an earlier spoken turn of their conversation said."""
    texts = pc.dictionary_encode(pc.utf8_trim_whitespace(content.filter(pa.array(spoken))))
    codes = texts.indices.to_numpy().astype(np.int64)
    _, first = np.unique(rows[spoken] * len(texts.dictionary) + codes, return_index=True)
    later = np.ones(len(codes), bool)
    later[first] = False
    repeated = np.zeros(len(spoken), bool)
    repeated[spoken] = later
    return repeated


def _ends_on_call(rows: Indices, calls: Mask, num_rows: int) -> Mask:
    """Which conversations have a tool call as their last message."""
    last = np.flatnonzero(np.diff(rows, append=num_rows) != 0)
    ends = np.zeros(num_rows, bool)
    ends[rows[last]] = calls[last]
    return ends


def _count(rows: Indices, num_rows: int) -> Indices:
    return np.bincount(rows, minlength=num_rows)


def _share(part: Indices, whole: Indices, num_rows: int) -> pa.Array:
    top, bottom = _count(part, num_rows), _count(whole, num_rows)
    return pa.array(top / np.maximum(bottom, 1), mask=bottom == 0)


def _mask(flags: pa.BooleanArray) -> Mask:
    mask: Mask = np.asarray(pc.fill_null(flags, False).to_numpy(zero_copy_only=False), dtype=bool)
    return mask
