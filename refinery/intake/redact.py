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
from refinery.records.leaves import Indices, Leaf, Path, replace_leaves, string_leaves
from refinery.stage import Stage, Transform, array
from refinery.text.kinds.shape import NAME, PHONE
from refinery.text.personal import PLACEHOLDER, candidates, questions
from refinery.text.placeholders import Placeholders

_OURS: dict[str, set[Path]] = {
    "turns": {("role",), ("tool_call_id",), ("tool_calls", "id")},
    "signals": {("user", "id_hash")},
    "outbound_calls": set(),
    "sub_agents": {("call_id",)},
    "attachments": set(),
    "participants": {("id_hash",)},
    "metadata": set(),
    "scenario": set(),
    "agent_name": set(),
    "model_version": set(),
    "end_reason": set(),
}
"""Column -> leaves never touched: roles of a closed set, hashes of ours, and ids, which `refinery.intake.ids` replaces
as a whole where they hold personal data. Placeholders are numbered in the order of these columns."""

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
_CALLED: dict[tuple[str, Path], str] = {("signals", ("order", "id")): "order_id", ("model_version", ()): "version"}
"""What the log form calls a value, where it tells an order number from a card, a version from an address."""

Mask = npt.NDArray[np.bool_]


class _Text(NamedTuple):
    column: str
    leaf: Leaf
    personal: str | None
    json_only: bool
    called: str


class _Job(NamedTuple):
    """One value to be masked; sorts by where it stands in its conversation."""

    row: int
    rank: int
    item: int
    which: int
    place: int
    value: str
    groups: int


class Redact(Stage):
    """`intake.redact`: every text-bearing column in, the same columns masked out."""

    name: ClassVar[str] = "intake.redact"
    version: ClassVar[int] = 4

    def reads(self) -> frozenset[str]:
        """All columns that hold text from the log but ids, which people trace by (`refinery.intake.ids`)."""
        return frozenset(_OURS)

    def writes(self) -> pa.Schema:
        """The same columns."""
        return pa.schema([CONVERSATION.field(column) for column in _OURS])

    def open(self) -> Transform:
        """Nothing to load."""
        return _redact

    @classmethod
    def examples(cls) -> list[tuple[Self, list[dict[str, Any]]]]:
        """One conversation with personal data in every column, one without any."""
        blank: dict[str, Any] = dict.fromkeys(_OURS)
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
            "model_version": "bot-1.2.3.4",
            "end_reason": f"mailed {mail}",
        }
        return [(cls(), [hit, blank | {"turns": [{"turn_idx": 0, "role": "user", "content": "hello"}]}, blank])]


def redact_text(text: str) -> str:
    """One text on its own (a quarantined line, an error's words): the same masks, numbered inside this text."""
    holders = Placeholders()
    holders.reserve(text)
    holders.learn(text)
    return holders.mask(text)


def _redact(table: pa.Table) -> pa.Table:
    columns = {name: array(table, name) for name in _OURS}
    texts = [_text(name, leaf) for name, column in columns.items() for leaf in string_leaves(column)]
    roles = next(text.leaf.values for text in texts if (text.column, text.leaf.path) == ("turns", ("role",)))
    texts = [text for text in texts if text.leaf.path not in _OURS[text.column] and not _is_empty(text.leaf.values)]
    if not texts:
        return table.select(list(_OURS))
    groups = _groups(texts)
    _answers(texts, groups, roles)
    flags = [
        _numpy(pc.not_equal(text.leaf.values, "")) if text.personal else bits > 0
        for text, bits in zip(texts, groups, strict=True)
    ]
    holders = _holders(texts, flags, len(table))
    jobs = _jobs(texts, flags, groups)
    _learn(texts, jobs, holders)
    mentioned = _mentioned(texts, flags, holders)
    changed: dict[str, dict[Path, pa.Array]] = defaultdict(dict)
    for text, new in zip(texts, _masked(texts, sorted([*jobs, *mentioned]), holders), strict=True):
        if new is not None:
            changed[text.column][text.leaf.path] = new
    return pa.table({name: replace_leaves(column, changed[name]) for name, column in columns.items()})


def _is_empty(values: pa.Array) -> bool:
    return bool(len(values) == values.null_count)


def _groups(texts: list[_Text]) -> list[npt.NDArray[np.uint16]]:
    """Per text leaf the groups of patterns that the prefilter gives each value."""
    found = candidates(pa.concat_arrays([text.leaf.values for text in texts]))
    return np.split(found, np.cumsum([len(text.leaf.values) for text in texts])[:-1])


def _answers(texts: list[_Text], groups: list[npt.NDArray[np.uint16]], roles: pa.Array) -> None:
    """Puts on what customers say next the bits of what the agent asked them for."""
    for which, (column, leaf, *_) in enumerate(texts):
        if (column, leaf.path) == ("turns", ("content",)):
            customer, agent = (_numpy(pc.equal(roles, role)) for role in ("user", "assistant"))
            said = np.flatnonzero(agent)
            asked = questions(leaf.values.take(pa.array(said)))
            for place, bits in zip(said[asked > 0].tolist(), asked[asked > 0], strict=True):
                groups[which][_next(customer, leaf.rows, place)] |= bits


def _next(customer: Mask, rows: Indices, place: int) -> list[int]:
    """The customer's next turn, if it comes within three, and one more if it follows at once."""
    after = [i for i in range(place + 1, min(place + 5, len(rows))) if rows[i] == rows[place]]
    first = next((i for i in after[:3] if customer[i]), None)
    return [] if first is None else [i for i in (first, first + 1) if i in after and customer[i]]


def _text(column: str, leaf: Leaf) -> _Text:
    place = column, leaf.path
    return _Text(column, leaf, _PERSONAL.get(place), place in _JSON, _CALLED.get(place, ""))


def _holders(texts: list[_Text], flags: list[Mask], num_rows: int) -> dict[int, Placeholders]:
    """The placeholders of each conversation that has a flagged text, with what its fields tell and hold."""
    known: dict[int, list[tuple[str, str]]] = defaultdict(list)
    hit = np.zeros(num_rows, bool)
    for text, flag in zip(texts, flags, strict=True):
        hit[text.leaf.rows[flag]] = True
        if text.personal:
            for row, value in zip(text.leaf.rows[flag].tolist(), _strings(text.leaf, flag), strict=True):
                known[row].append((text.personal, value))
    holders = {row: Placeholders(known.get(row, ())) for row in np.flatnonzero(hit).tolist()}
    _reserve(texts, hit, holders)
    return holders


def _reserve(texts: list[_Text], hit: Mask, holders: dict[int, Placeholders]) -> None:
    for text in texts:
        inside = hit[text.leaf.rows]
        held = inside.copy()
        held[inside] = _numpy(pc.match_substring_regex(text.leaf.values.filter(pa.array(inside)), PLACEHOLDER))
        for row, value in zip(text.leaf.rows[held], _strings(text.leaf, held), strict=True):
            holders[int(row)].reserve(value)


def _jobs(
    texts: list[_Text],
    flags: list[Mask],
    groups: list[npt.NDArray[np.uint16]],
    holders: dict[int, Placeholders] | None = None,
) -> list[_Job]:
    """The flagged values, in the order of their conversation: column, element of its list, leaf.

    With `holders`, only those in which something may stand that their conversation is known to hold.
    """
    ranks = {name: rank for rank, name in enumerate(_OURS)}
    jobs = list[_Job]()
    for which, (text, flag, bits) in enumerate(zip(texts, flags, groups, strict=True)):
        places = np.flatnonzero(flag)
        where = (part[places].tolist() for part in (text.leaf.rows, text.leaf.items, bits))
        for row, item, looked, place, value in zip(*where, places.tolist(), _strings(text.leaf, flag), strict=True):
            if holders is None or holders[row].mentions(value):
                jobs.append(_Job(row, ranks[text.column], item, which, place, value, looked))
    return sorted(jobs)


def _learn(texts: list[_Text], jobs: list[_Job], holders: dict[int, Placeholders]) -> None:
    for job in jobs:
        text = texts[job.which]
        if not text.personal:
            holders[job.row].learn(job.value, text.called, text.json_only, job.groups)


def _mentioned(texts: list[_Text], flags: list[Mask], holders: dict[int, Placeholders]) -> list[_Job]:
    """Texts that the prefilter passed over and that may hold a value which their conversation is known to hold."""
    told = np.zeros(max(holders, default=-1) + 2, bool)
    told[[row for row, holder in holders.items() if holder.knows]] = True
    rest = [
        told[np.minimum(t.leaf.rows, len(told) - 1)] & ~flag & ~_empty(t) for t, flag in zip(texts, flags, strict=True)
    ]
    nothing = [np.zeros(len(t.leaf.values), np.uint16) for t in texts]
    return _jobs(texts, rest, nothing, holders)


def _masked(texts: list[_Text], jobs: list[_Job], holders: dict[int, Placeholders]) -> list[pa.Array | None]:
    """Per text leaf its values, masked, or None where all stayed as they were."""
    places: list[list[int]] = [[] for _ in texts]
    values: list[list[str]] = [[] for _ in texts]
    for row, _, _, which, place, value, groups in jobs:
        text, holder = texts[which], holders[row]
        new = (
            holder.field(value, text.personal)
            if text.personal
            else holder.mask(value, text.called, text.json_only, groups)
        )
        if new != value:
            places[which].append(place)
            values[which].append(new)
    return [_replaced(t.leaf.values, at, new) if at else None for t, at, new in zip(texts, places, values, strict=True)]


def _replaced(values: pa.Array, places: list[int], new: list[str]) -> pa.Array:
    order = np.argsort(places)
    flag = np.zeros(len(values), bool)
    flag[places] = True
    return pc.replace_with_mask(values, pa.array(flag), pa.array([new[i] for i in order], values.type))


def _empty(text: _Text) -> Mask:
    return _numpy(pc.equal(pc.fill_null(pc.binary_length(text.leaf.values), 0), 0))


def _strings(leaf: Leaf, flag: Mask) -> list[str]:
    strings: list[str] = leaf.values.filter(pa.array(flag)).to_pylist()
    return strings


def _numpy(flags: pa.BooleanArray) -> Mask:
    mask: Mask = np.array(pc.fill_null(flags, False).to_numpy(zero_copy_only=False), dtype=bool)
    return mask
