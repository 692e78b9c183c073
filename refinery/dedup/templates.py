"""Agent turns that stand in many conversations, whatever the customer said before them: known templates.

Greetings, closings and forms make unrelated conversations alike. A turn counts by the number of different customer
turns that it answers and not by that of conversations: a hundred copies of one conversation make no template of it.

A run makes its own list, or takes one that was frozen: runs of one epoch of an index must agree on what is compared.

    {"text": "Is there anything else that I can do for you?", "num_contexts": 1830}
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from refinery.dedup.forms import ASSISTANT, USER, Offsets, Rows, roles, scratch, tables, turn_codes, turns
from refinery.errors import StageError
from refinery.records.conversation import TURN
from refinery.stage import KEY
from refinery.text.facts import Words

CONTEXT = pa.field("context", pa.uint64())
CODE = pa.field("code", pa.uint64())
TEMPLATES = pa.schema([CODE, ("num_contexts", pa.int64())])
Mask = npt.NDArray[np.bool_]


def answers(column: pa.Array) -> pa.Table:
    """Distinct pairs of an agent turn's hash, as the key, and the hash of the customer turn before it (or after it)."""
    found = turns(column)
    codes, said = turn_codes(found, tables(), scratch(found, 0)), roles(found)
    customer = (said == USER) & (codes != 0)
    before, after = nearest_before(customer, found.lists), _nearest_after(customer, found.lists)
    near = np.where(before >= 0, before, after)
    context = np.where(near >= 0, codes[near], np.uint64(0)) if len(codes) else codes
    agent = (said == ASSISTANT) & (codes != 0)
    distinct = np.unique(np.stack([codes[agent], context[agent]], axis=1), axis=0)
    columns = [pa.array(np.ascontiguousarray(distinct[:, k])) for k in (0, 1)]
    return pa.Table.from_arrays(columns, schema=pa.schema([KEY, CONTEXT]))


def nearest_before(some: Mask, lists: Offsets) -> Rows:
    """For each turn the last one of `some` up to it in its conversation, or -1; turns of i are `lists[i:i + 2]`."""
    last = np.maximum.accumulate(np.where(some, np.arange(len(some)), -1)) if len(some) else np.zeros(0, np.int64)
    found: Rows = np.where(last >= np.repeat(lists[:-1], np.diff(lists)), last, -1)
    return found


def _nearest_after(some: Mask, lists: Offsets) -> Rows:
    found = nearest_before(some[::-1], (len(some) - lists[::-1]).astype(np.int32))[::-1]
    return np.where(found >= 0, len(some) - 1 - found, -1)


def frequent(pairs: pa.Table, at_least: int) -> pa.Table:
    """The turns that answer at least so many different customer turns, sorted."""
    codes, contexts = pairs[KEY.name].to_numpy(), pairs[CONTEXT.name].to_numpy()
    order = np.lexsort((contexts, codes))
    codes, contexts = codes[order], contexts[order]
    new = np.ones(len(codes), bool)
    new[1:] = (codes[1:] != codes[:-1]) | (contexts[1:] != contexts[:-1])
    found, num = np.unique(codes[new], return_counts=True)
    often = num >= at_least
    return pa.Table.from_arrays([pa.array(found[often]), pa.array(num[often].astype(np.int64))], schema=TEMPLATES)


def sorted_codes(found: pa.Table) -> Words:
    """The list as the kernels search it."""
    return np.sort(found[CODE.name].to_numpy())


def listing(batches: Iterable[pa.Array], again: Iterable[pa.Array], at_least: int) -> list[bytes]:
    """Lines of a frozen list, most frequent first, from all `turns` columns given twice; as one spelling a template."""
    pairs = pa.concat_tables([_NONE, *(answers(column) for column in batches)])
    num = dict(zip(*(column.to_pylist() for column in frequent(pairs, at_least).columns), strict=True))
    spelled: dict[int, str] = {}
    for code, text in _spelled(again, num):
        spelled[code] = min(text, spelled.get(code, text))
    found = sorted((-num[code], text) for code, text in spelled.items())
    return [orjson.dumps({"text": text, "num_contexts": -less}) + b"\n" for less, text in found]


_NONE = pa.Table.from_arrays([pa.nulls(0, pa.uint64())] * 2, schema=pa.schema([KEY, CONTEXT]))


def _spelled(batches: Iterable[pa.Array], wanted: dict[int, int]) -> Iterator[tuple[int, str]]:
    """The hash and text of each agent turn whose hash is wanted."""
    listed = np.array(sorted(wanted), np.uint64)
    for column in batches:
        found = turns(column)
        codes = turn_codes(found, tables(), scratch(found, 0))
        here = np.flatnonzero((roles(found) == ASSISTANT) & np.isin(codes, listed))
        texts = pc.struct_field(column.flatten(), "content").take(pa.array(here))
        yield from zip(codes[here].tolist(), texts.to_pylist(), strict=True)


def frozen(path: Path) -> Words:
    """The hashes of a frozen list, sorted; raises StageError where a line is none."""
    said = [_text(path, number, line) for number, line in enumerate(path.read_bytes().splitlines(), 1) if line.strip()]
    turn = pa.array([[{"role": "assistant", "content": text}] for text in said], pa.list_(TURN))
    found = turns(turn)
    return np.unique(turn_codes(found, tables(), scratch(found, 0)))


def _text(path: Path, number: int, line: bytes) -> str:
    try:
        return str(orjson.loads(line)["text"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise StageError(f'{path.name}, line {number} is no template; a line is {{"text": "…"}}') from None
