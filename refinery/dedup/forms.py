"""Conversations as kernels read them: the Arrow buffers of their turns, and the form in which they are compared.

What is compared is what customer and agent said. System messages (one policy over thousands of conversations) and
tool results are left out; the arguments of calls count as facts. Agent turns that are known templates are dropped from
the form, but not their facts.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.text.code_points import ROOM, Bytes, Codes, fold_text, folding
from refinery.text.compiled import compiled
from refinery.text.facts import Words, kinds, masked, mix, value_facts, word_fact, words
from refinery.text.shingles import SHORTEST

Offsets = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
ASSISTANT, USER = np.uint8(ord("a")), np.uint8(ord("u"))
"""First letters of the roles that are compared; those of the others are s and t."""
_BASIS: Final = np.uint64(0x2545F4914F6CDD1D)
_PRIME: Final = np.uint64(0x9FB21C651E98DF25)
_NO_TEMPLATES: Final = np.zeros(0, np.uint64)


class Texts(NamedTuple):
    """A string array's buffers: text i is `data[offsets[i]:offsets[i + 1]]`; null is empty."""

    offsets: Offsets
    data: Bytes


class Turns(NamedTuple):
    """Turns of conversation i are `lists[i]` to `lists[i + 1]`; calls of turn t are `calls[t]` to `calls[t + 1]`."""

    lists: Offsets
    role: Texts
    content: Texts
    calls: Offsets
    call_name: Texts
    arguments: Texts


class Documents(NamedTuple):
    """What is compared: of document d the turns `turns[ends[d]:ends[d + 1]]`, whose facts count, and text if `spoken`.

    Documents of different cells are never compared. `owner` is the row of the table they are read from, `number` the
    document's own, in the order of rows.
    """

    ends: Rows
    turns: Rows
    spoken: npt.NDArray[np.bool_]
    cell: Words
    owner: Rows
    number: Rows


class Tables(NamedTuple):
    """What the kernels look up; the same in every process."""

    fold: Codes
    more: Codes
    kind: Bytes
    words: Words


class Scratch(NamedTuple):
    """Buffers that one conversation after the other is written into."""

    codes: Codes
    form: Codes
    facts: Words


def texts(array: pa.Array) -> Texts:
    """The buffers of a string array."""
    array = array.fill_null("") if array.null_count else array
    _, offsets, data = array.buffers()
    start = (
        np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1] if len(array) else _NO_OFFSETS
    )
    return Texts(start, np.frombuffer(data or b"", np.uint8))


_NO_OFFSETS: Final = np.frombuffer(bytes(4), np.int32)


def turns(column: pa.Array) -> Turns:
    """The buffers of a `turns` column."""
    values = column.flatten()
    calls = pc.struct_field(values, "tool_calls")
    each = calls.flatten()
    role, content = (texts(pc.struct_field(values, name)) for name in ("role", "content"))
    name, arguments = (texts(pc.struct_field(each, field)) for field in ("name", "arguments"))
    return Turns(_list_offsets(column), role, content, _list_offsets(calls), name, arguments)


def _list_offsets(array: pa.Array) -> Offsets:
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def roles(found: Turns) -> npt.NDArray[np.uint8]:
    """The first letter of each turn's role; 0 where it has none."""
    starts, ends = found.role.offsets[:-1], found.role.offsets[1:]
    letters = np.zeros(len(starts), np.uint8)
    letters[ends > starts] = found.role.data[starts[ends > starts]]
    return letters


def tables() -> Tables:
    """The tables of folding, kinds and words."""
    found = folding()
    return Tables(found.fold, found.more, kinds(), words())


def scratch(found: Turns, fields: int) -> Scratch:
    """Buffers for the largest of the conversations; `fields`: facts from elsewhere that one has at most."""
    text, calls = found.content.offsets[found.lists], found.calls[found.lists]
    size = int(np.diff(text).max(initial=0))
    more = int(np.diff(found.arguments.offsets[calls]).max(initial=0) + np.diff(calls).max(initial=0))
    turns = int(np.diff(found.lists).max(initial=0))
    room = ROOM * size + 2 * turns + 8
    return Scratch(np.empty(room, np.uint32), np.empty(room, np.uint32), np.empty(room + more + fields + 8, np.uint64))


@compiled
def form(
    d: int, documents: Documents, turns: Turns, tables: Tables, templates: Words, scratch: Scratch, num_facts: int
) -> Any:  # noqa: ANN401 (length, number of facts, hash)
    """Writes the form and facts of document d into `scratch`, after the `num_facts` that stand there already.

    Returns the form's length, the number of facts (sorted, repeats too), and a hash of the whole: equal where the turns
    read the same, templates counted, and state the same; 0 where nothing was said.
    """
    num, full, size, whole = 0, 0, 0, _BASIS
    for k in range(documents.ends[d], documents.ends[d + 1]):
        t = documents.turns[k]
        role = role_of(turns, t)
        if role == ASSISTANT:
            num_facts = _call_facts(turns, t, scratch.facts, num_facts)
        elif role != USER:
            continue
        end, num_facts, code = _turn(t, turns, tables, scratch, num, num_facts)
        if not documents.spoken[k]:
            continue
        size += turns.content.offsets[t + 1] - turns.content.offsets[t]
        if end > num:
            whole = (mix(whole ^ code) + np.uint64(role)) * _PRIME
            full += end - num
            num = num if role == ASSISTANT and listed(code, templates) else end
    if full < SHORTEST:
        whole = _spelled(d, documents, turns, whole)
    _sort(scratch.facts, num_facts)
    for k in range(num_facts):
        whole = (whole ^ scratch.facts[k]) * _PRIME
    return num, num_facts, mix(whole) if size else np.uint64(0)


@compiled
def turn_codes(turns: Turns, tables: Tables, scratch: Scratch) -> Words:
    """The hash of each turn's form; 0 for turns that are not compared or say nothing."""
    found = np.zeros(len(turns.content.offsets) - 1, np.uint64)
    for t in range(len(found)):
        if role_of(turns, t) in (USER, ASSISTANT):
            end, _, code = _turn(t, turns, tables, scratch, 0, 0)
            found[t] = code if end else np.uint64(0)
    return found


@compiled
def role_of(turns: Turns, t: int) -> Any:  # noqa: ANN401 (uint8)
    """The first letter of a turn's role."""
    start = turns.role.offsets[t]
    return turns.role.data[start] if turns.role.offsets[t + 1] > start else np.uint8(0)


@compiled
def _turn(t: int, turns: Turns, tables: Tables, scratch: Scratch, num: int, num_facts: int) -> Any:  # noqa: ANN401
    """Appends one turn's form and facts: where they end, and the hash of the form."""
    offsets = turns.content.offsets
    codes = fold_text(turns.content.data, offsets[t], offsets[t + 1], tables.fold, tables.more, scratch.codes, 0)
    end, num_facts = masked(
        scratch.codes, 0, codes, tables.kind, tables.words, scratch.form, num, scratch.facts, num_facts
    )
    code = _BASIS
    for k in range(num + int(end > num and scratch.form[num] == 32), end):
        code = (code ^ np.uint64(scratch.form[k])) * _PRIME
    return end, num_facts, mix(code)


@compiled
def _call_facts(turns: Turns, t: int, facts: Words, num_facts: int) -> int:
    for c in range(turns.calls[t], turns.calls[t + 1]):
        names, texts = turns.call_name, turns.arguments
        num_facts = word_fact(names.data, names.offsets[c], names.offsets[c + 1], facts, num_facts)
        num_facts = value_facts(texts.data, texts.offsets[c], texts.offsets[c + 1], facts, num_facts)
    return num_facts


@compiled
def listed(code: Any, templates: Words) -> bool:  # noqa: ANN401 (uint64)
    """Whether a sorted list holds the hash."""
    start, end = 0, len(templates)
    while start < end:
        middle = (start + end) // 2
        if templates[middle] < code:
            start = middle + 1
        else:
            end = middle
    return bool(start < len(templates) and templates[start] == code)


@compiled
def _spelled(d: int, documents: Documents, turns: Turns, whole: Any) -> Any:  # noqa: ANN401 (uint64)
    """Takes in the bytes of all that was said: of a text that has next to no letters its marks are what it says."""
    for k in range(documents.ends[d], documents.ends[d + 1]):
        t = documents.turns[k]
        role = role_of(turns, t)
        if documents.spoken[k] and role in (USER, ASSISTANT):
            for at in range(turns.content.offsets[t], turns.content.offsets[t + 1]):
                whole = (whole ^ np.uint64(turns.content.data[at])) * _PRIME
            whole = mix(whole) + np.uint64(role)
    return whole


@compiled
def _sort(facts: Words, num: int) -> None:
    """Sorts the facts, taking a wider step first; what is stated twice counts twice."""
    gap = 1
    while gap < num:
        gap = 3 * gap + 1
    while gap > 1:
        gap //= 3
        for k in range(gap, num):
            value, at = facts[k], k
            while at >= gap and facts[at - gap] > value:
                facts[at] = facts[at - gap]
                at -= gap
            facts[at] = value
