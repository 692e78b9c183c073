"""Masks personal data in every text of a conversation, before anything else sees it.

    {"turns": [{"content": "我的电话13812345678"}], "signals": [{"user": {"phone": "+86 13812345678"}}]}
    -> "我的电话[PHONE_1]", "phone": "[PHONE_1]"

One value has one placeholder in all of a conversation, whatever its column and spelling. Only texts that the Arrow
prefilter picks go through Python, and the texts of conversations whose names are known.
"""

from collections import defaultdict
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.records.conversation import CONVERSATION
from refinery.records.leaves import Leaf, Path, replace_leaves, string_leaves
from refinery.stage import Stage, Transform, array
from refinery.text.personal import PHONE, candidates
from refinery.text.placeholders import NAME, PLACEHOLDER, Placeholders

_KEPT: dict[str, set[Path]] = {
    "turns": {("role",), ("tool_call_id",), ("tool_calls", "id"), ("tool_calls", "name"), ("source_label",)},
    "signals": {("user", "id_hash"), ("order", "id")},
    "outbound_calls": set(),
    "sub_agents": {("name",), ("call_id",), ("mode",)},
    "attachments": {("type",), ("sha256",)},
    "participants": {("role",), ("id_hash",)},
    "metadata": set(),
    "scenario": set(),
    "agent_name": set(),
}
"""Column -> leaves never touched: ids, hashes, roles. Placeholders are numbered in the order of these columns."""

_JSON: set[tuple[str, Path]] = {
    ("turns", ("tool_calls", "arguments")),
    ("signals", ("other",)),
    ("outbound_calls", ("parameters",)),
    ("sub_agents", ("signals",)),
    ("metadata", ()),
}
_PERSONAL: dict[tuple[str, Path], str] = {
    ("signals", ("user", "name")): NAME,
    ("signals", ("user", "phone")): PHONE,
    ("participants", ("name",)): NAME,
}
"""Masked whole whenever not empty, and looked for in the other texts of the conversation."""

Mask = npt.NDArray[np.bool_]


class _Text(NamedTuple):
    column: str
    leaf: Leaf
    personal: str | None
    json_only: bool


class Redact(Stage):
    """`intake.redact`: every text-bearing column in, the same columns masked out."""

    name: ClassVar[str] = "intake.redact"
    version: ClassVar[int] = 1

    def reads(self) -> frozenset[str]:
        """All columns that hold text from the log, `source_id` left out: people trace conversations by it."""
        return frozenset(_KEPT)

    def writes(self) -> pa.Schema:
        """The same columns."""
        return pa.schema([CONVERSATION.field(column) for column in _KEPT])

    def open(self) -> Transform:
        """Nothing to load."""
        return _redact

    @classmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """One conversation with personal data in every column, one without any."""
        blank: dict[str, Any] = dict.fromkeys(_KEPT)
        call = {"id": "c1", "name": "user.find", "arguments": '{"phone": 13812345678}'}
        turns = [
            {"turn_idx": 0, "role": "user", "content": "我是张伟，电话138-1234-5678"},
            {"turn_idx": 1, "role": "assistant", "content": None, "tool_calls": [call]},
            {"turn_idx": 2, "role": "assistant", "content": "Mail ann@example.com, order 4111111111111111"},
        ]
        signals = [{"user": {"name": "张伟", "phone": "+86 13812345678"}}]
        mail = "ann@example.com"
        hit = {
            "turns": turns,
            "signals": signals,
            "outbound_calls": [{"turn_idx": 1, "request": "拨打13812345678", "parameters": '{"to": "13812345678"}'}],
            "sub_agents": [{"turn_idx": 1, "name": "pay", "signals": f'{{"notify": "{mail}"}}'}],
            "attachments": [{"turn_idx": 0, "uri": f"s3://b/{mail}.png", "caption": "张伟的名片", "transcript": mail}],
            "participants": [{"role": "rider", "name": "Li Lei"}],
            "metadata": '{"card": 4111111111111111}',
            "scenario": f"write to {mail}",
            "agent_name": f"bot of {mail}",
        }
        return [(cls(), [hit, blank | {"turns": [{"turn_idx": 0, "role": "user", "content": "hello"}]}, blank])]


def redact_text(text: str) -> str:
    """One text on its own (a quarantined line, an error's words): the same masks, numbered inside this text."""
    holders = Placeholders()
    holders.reserve(text)
    return holders.mask(text)


def _redact(table: pa.Table) -> pa.Table:
    columns = {name: array(table, name) for name in _KEPT}
    texts = [
        _Text(name, leaf, _PERSONAL.get((name, leaf.path)), (name, leaf.path) in _JSON)
        for name, column in columns.items()
        for leaf in string_leaves(column)
        if leaf.path not in _KEPT[name]
    ]
    flags, holders = _wanted(texts, len(table))
    changed: dict[str, dict[Path, pa.Array]] = defaultdict(dict)
    for (text, flag), new in zip(zip(texts, flags, strict=True), _masked(texts, flags, holders), strict=True):
        if new is not None:
            changed[text.column][text.leaf.path] = pc.replace_with_mask(text.leaf.values, flag, new)
    return pa.table({name: replace_leaves(column, changed[name]) for name, column in columns.items()})


def _wanted(texts: list[_Text], num_rows: int) -> tuple[list[Mask], dict[int, Placeholders]]:
    """Per text leaf which values go through Python, and the placeholders of the conversations they are in."""
    flags = [_numpy(pc.not_equal(t.leaf.values, "") if t.personal else candidates(t.leaf.values)) for t in texts]
    known: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for text, flag in zip(texts, flags, strict=True):
        if text.personal:
            for row, value in zip(text.leaf.rows[flag], _strings(text.leaf, flag), strict=True):
                known[int(row)].append((text.personal, value))
    named, hit = np.zeros(num_rows, bool), np.zeros(num_rows, bool)
    named[list(known)] = True
    for i, text in enumerate(texts):
        if not text.personal:
            flags[i] |= named[text.leaf.rows] & _numpy(text.leaf.values.is_valid())
        hit[text.leaf.rows[flags[i]]] = True
    holders = {int(row): Placeholders(known.get(int(row), ())) for row in np.flatnonzero(hit)}
    _reserve(texts, hit, holders)
    return flags, holders


def _reserve(texts: list[_Text], hit: Mask, holders: dict[int, Placeholders]) -> None:
    for text in texts:
        inside = hit[text.leaf.rows]
        held = inside.copy()
        held[inside] = _numpy(pc.match_substring_regex(text.leaf.values.filter(pa.array(inside)), PLACEHOLDER))
        for row, value in zip(text.leaf.rows[held], _strings(text.leaf, held), strict=True):
            holders[int(row)].reserve(value)


def _masked(texts: list[_Text], flags: list[Mask], holders: dict[int, Placeholders]) -> list[pa.Array | None]:
    """Per text leaf its flagged values masked, or None where all stayed as they were."""
    ranks = {name: rank for rank, name in enumerate(_KEPT)}
    old = [_strings(text.leaf, flag) for text, flag in zip(texts, flags, strict=True)]
    new = [list(values) for values in old]
    keys = [
        (text.leaf.rows[flag], np.full(flag.sum(), ranks[text.column]), text.leaf.items[flag], np.full(flag.sum(), i))
        for i, (text, flag) in enumerate(zip(texts, flags, strict=True))
    ]
    rows, column_ranks, items, which = (np.concatenate(part) for part in zip(*keys, strict=True))
    position = np.concatenate([np.arange(len(values)) for values in old])
    for job in np.lexsort((position, which, items, column_ranks, rows)).tolist():
        i, at = int(which[job]), int(position[job])
        text, holder = texts[i], holders[int(rows[job])]
        value = old[i][at]
        new[i][at] = holder.field(value, text.personal) if text.personal else holder.mask(value, "", text.json_only)
    pairs = zip(texts, old, new, strict=True)
    return [None if after == before else pa.array(after, t.leaf.values.type) for t, before, after in pairs]


def _strings(leaf: Leaf, flag: Mask) -> list[str]:
    strings: list[str] = leaf.values.filter(pa.array(flag)).to_pylist()
    return strings


def _numpy(flags: pa.BooleanArray) -> Mask:
    mask: Mask = np.array(pc.fill_null(flags, False).to_numpy(zero_copy_only=False), dtype=bool)
    return mask
