"""What each conversation sends to be compared: a key a band of its signature, one of the whole, and a sketch."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.dedup.detection import SLOTS
from refinery.dedup.documents import DOCUMENT
from refinery.dedup.forms import Documents, Offsets, Scratch, Tables, Turns, form
from refinery.dedup.signature import Slots, sign
from refinery.stage import KEY
from refinery.text.compiled import compiled
from refinery.text.facts import MIXED, NUMBER, Words, mix
from refinery.text.shingles import hashed

_KIND, _WHOLE = np.uint64(56), np.uint64(1)
_STEP = np.uint64(0x9E3779B97F4A7C15)

RECORD = pa.schema(
    [KEY, DOCUMENT, ("whole", pa.uint64()), ("low", pa.uint64()), ("high", pa.uint64()), ("anchor", pa.uint32())]
)
"""`whole`: equal where two conversations read and state the same. `low`, `high`: a bit of each of the 128 samples.
`anchor`: one of the longest numbers stated, or 0. The last bit of a key is 1 where it is the key of a whole."""


class Banded(NamedTuple):
    """A row a document: keys (0: none) of its bands and of its whole, and what goes with each of them."""

    keys: Words
    whole: Words
    low: Words
    high: Words
    anchor: npt.NDArray[np.uint32]


def records(documents: Documents, found: Banded) -> pa.Table:
    """A record for each key of each document, by its number."""
    at, _ = np.nonzero(found.keys)
    columns = (found.keys[found.keys != 0], *(each[at] for each in (documents.number, *found[1:])))
    return pa.Table.from_arrays([pa.array(column) for column in columns], schema=RECORD)


@compiled
def banded(
    documents: Documents,
    turns: Turns,
    tables: Tables,
    templates: Words,
    scratch: Scratch,
    fields: Offsets,
    facts: Words,
    bands: int,
    rows: int,
) -> Any:  # noqa: ANN401 (the fields of Banded)
    """Signs each document; `facts[fields[d]:fields[d + 1]]` are known beside the text of document d."""
    num = len(documents.number)
    keys = np.zeros((num, bands + 1), np.uint64)
    whole, low, high = np.zeros(num, np.uint64), np.zeros(num, np.uint64), np.zeros(num, np.uint64)
    anchor, slots = np.zeros(num, np.uint32), np.zeros(SLOTS, np.uint32)
    hashes = np.empty(len(scratch.form), np.uint64)
    for d in range(num):
        known = fields[d + 1] - fields[d]
        for k in range(known):
            scratch.facts[k] = facts[fields[d] + k]
        length, num_facts, whole[d] = form(d, documents, turns, tables, templates, scratch, known)
        if whole[d] == 0:
            continue
        keys[d, bands] = mix(whole[d] ^ documents.cell[d]) | _WHOLE
        anchor[d] = _anchor(scratch.facts, num_facts)
        size = hashed(scratch.form, length, hashes)
        if size:
            sign(hashes, size, slots)
            low[d], high[d] = _bits(slots, 0), _bits(slots, SLOTS // 2)
            for b in range(bands):
                keys[d, b] = mix(_band(slots, b, rows) ^ documents.cell[d]) & ~_WHOLE
    return keys, whole, low, high, anchor


@compiled
def _band(slots: Slots, band: int, rows: int) -> Any:  # noqa: ANN401 (uint64)
    state = np.uint64(band + 1) * _STEP
    for k in range(band * rows, (band + 1) * rows):
        state = mix(state ^ np.uint64(slots[k]))
    return state


@compiled
def _bits(slots: Slots, start: int) -> Any:  # noqa: ANN401 (uint64)
    """A bit of each of 64 samples."""
    bits = np.uint64(0)
    for k in range(64):
        bits |= np.uint64(slots[start + k] & np.uint32(1)) << np.uint64(k)
    return bits


@compiled
def _anchor(facts: Words, num: int) -> Any:  # noqa: ANN401 (uint32)
    """The greatest hash among the long numbers, else among the others: the same numbers give the same anchor."""
    best = np.uint64(0)
    for long in (np.uint64(1), np.uint64(0)):
        for k in range(num):
            kind = facts[k] >> _KIND
            if (kind == NUMBER or kind == MIXED) and facts[k] & np.uint64(1) == long:  # noqa: PLR1714 (slower)
                best = max(best, mix(facts[k]))
        if best:
            break
    return np.uint32(best & np.uint64(0xFFFFFFFF))
