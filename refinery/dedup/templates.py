"""Agent turns that stand in many conversations, whatever the customer said before them: known templates.

Greetings, closings and forms make unrelated conversations alike. A turn counts by the number of different customer
turns that it answers and not by that of conversations: a hundred copies of one conversation make no template of it.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.dedup.forms import ASSISTANT, USER, Offsets, Rows, roles, scratch, tables, turn_codes, turns
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
