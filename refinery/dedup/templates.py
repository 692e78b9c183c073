"""Agent turns that stand in many conversations, whatever the customer said before them: known templates.

Greetings, closings and forms make unrelated conversations alike. A turn counts by the number of different customer
turns that it answers and not by that of conversations: a hundred copies of one conversation make no template of it.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.dedup.forms import ASSISTANT, USER, Turns, scratch, tables, turn_codes, turns
from refinery.stage import KEY
from refinery.text.facts import Words

CONTEXT = pa.field("context", pa.uint64())
CODE = pa.field("code", pa.uint64())
TEMPLATES = pa.schema([CODE, ("num_contexts", pa.int64())])
Rows = npt.NDArray[np.int64]


def answers(column: pa.Array) -> pa.Table:
    """Distinct pairs of an agent turn's hash, as the key, and the hash of the customer turn before it (or after it)."""
    found = turns(column)
    codes, said = turn_codes(found, tables(), scratch(found, 0)), _roles(found)
    owners = np.repeat(np.arange(len(column)), np.diff(found.lists))
    customer = (said == USER) & (codes != 0)
    at = np.arange(len(codes))
    before = np.maximum.accumulate(np.where(customer, at, -1)) if len(at) else at
    after = np.minimum.accumulate(np.where(customer, at, len(at))[::-1])[::-1] if len(at) else at
    near = np.where(_same(owners, at, before), before, np.where(_same(owners, at, after), after, -1))
    context = np.where(near >= 0, codes[near], np.uint64(0)) if len(at) else codes
    agent = (said == ASSISTANT) & (codes != 0)
    distinct = np.unique(np.stack([codes[agent], context[agent]], axis=1), axis=0)
    columns = [pa.array(np.ascontiguousarray(distinct[:, k])) for k in (0, 1)]
    return pa.Table.from_arrays(columns, schema=pa.schema([KEY, CONTEXT]))


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


def _roles(found: Turns) -> npt.NDArray[np.uint8]:
    """The first letter of each turn's role."""
    starts, ends = found.role.offsets[:-1], found.role.offsets[1:]
    letters = found.role.data[np.minimum(starts, max(0, len(found.role.data) - 1))] if len(found.role.data) else starts
    return np.where(ends > starts, letters, 0).astype(np.uint8)


def _same(owners: Rows, at: Rows, other: Rows) -> npt.NDArray[np.bool_]:
    """Whether `other` is a turn of the same conversation."""
    inside = (other >= 0) & (other < len(at))
    return inside & (owners[np.where(inside, other, 0)] == owners) if len(at) else np.zeros(0, bool)


def sorted_codes(found: pa.Table) -> Words:
    """The list as the kernels search it."""
    return np.sort(found[CODE.name].to_numpy())
