"""Ids by which people trace rows: one that holds personal data is replaced, as a whole, by its keyed hash.

    source_id "wx_13812345678" -> "9a1f…", 32 hex characters, the same in every run and table under one key

All other text is masked by `intake.redact`; an id must stay one value across rows, tables and nights, which a
placeholder numbered inside its conversation is not. Whoever has the id and the key finds the row: `hashed(id, key)`.
"""

import re
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from refinery.intake.rows import digest
from refinery.records.leaves import Path, replace_leaves, string_leaves
from refinery.stage import array
from refinery.text.personal import SHAPES, candidates, spans

_PLACES: Final = ("source_file", "source_member")
_OWN: Final = ("source_id", *_PLACES)
_OTHERS: Final = ("parent_id", "parent_call_id")
_NESTED: Final[dict[str, tuple[Path, ...]]] = {
    "turns": (("tool_call_id",), ("tool_calls", "id")),
    "sub_agents": (("call_id",),),
}


_ENDING = re.compile(r"(?i)(?:[.](?:jsonl?|ndjson|csv|tsv|parquet|txt|gz|tgz|tar|zip|zst|bz2|xz))+$")


def hashed(value: str, key: bytes) -> str:
    """The keyed hash that stands for an id or a part of a path."""
    return digest("id", value, key=key)


def traceable(table: pa.Table, key: bytes) -> pa.Table:
    """Rows of conversations or of quarantine, just read -> the same rows without personal data in any id.

    A row whose own id or place changed gets another `conversation_id` too: made of a number that people have, it would
    tell that number to whoever tries them all.
    """
    changed = np.zeros(table.num_rows, bool)
    for name in (*_OWN, *_OTHERS):
        if name in table.column_names:
            new, touched = _replaced(array(table, name), key, name in _PLACES)
            where = table.schema.get_field_index(name)
            table = table.set_column(where, table.schema.field(name), new) if touched.any() else table
            changed |= touched & (name in _OWN)
    for name, paths in _NESTED.items():
        table = _nested(table, name, paths, key) if name in table.column_names else table
    return _renamed(table, changed, key) if changed.any() and "conversation_id" in table.column_names else table


def _replaced(values: pa.Array, key: bytes, place: bool = False) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """The values with hashes in place of those that hold personal data, and which these are."""
    touched = np.zeros(len(values), bool)
    maybe = np.flatnonzero(candidates(values, SHAPES))
    new = list[str]()
    for index, value in zip(maybe.tolist(), values.take(pa.array(maybe)).to_pylist(), strict=True):
        if spans(value, SHAPES):
            touched[index] = True
            new.append(_path(value, key) if place else hashed(value, key))
    if not new:
        return values, touched
    return pc.replace_with_mask(values, pa.array(touched), pa.array(new, values.type)), touched


def _path(path: str, key: bytes) -> str:
    """The path with hashes for its parts that hold personal data, or as a whole where only all of it does."""
    parts = path.split("/")
    changed = [_part(part, key) if spans(part, SHAPES) else part for part in parts]
    return "/".join(changed) if changed != parts else _part(path, key)


def _part(part: str, key: bytes) -> str:
    """Its endings stay (.jsonl.gz): they say how the file is read, and nothing of a person."""
    ending = _ENDING.search(part)
    return hashed(part, key) + (ending[0] if ending else "")


def _nested(table: pa.Table, name: str, paths: tuple[Path, ...], key: bytes) -> pa.Table:
    column = array(table, name)
    changed = dict[Path, pa.Array]()
    for leaf in string_leaves(column):
        if leaf.path in paths:
            new, touched = _replaced(leaf.values, key)
            changed |= {leaf.path: new} if touched.any() else {}
    where = table.schema.get_field_index(name)
    return table.set_column(where, table.schema.field(name), replace_leaves(column, changed)) if changed else table


def _renamed(table: pa.Table, changed: npt.NDArray[np.bool_], key: bytes) -> pa.Table:
    ids = array(table, "conversation_id")
    old = ids.filter(pa.array(changed)).to_pylist()
    new = pc.replace_with_mask(ids, pa.array(changed), pa.array([hashed(one, key) for one in old], ids.type))
    where = table.schema.get_field_index("conversation_id")
    return table.set_column(where, table.schema.field("conversation_id"), new)
