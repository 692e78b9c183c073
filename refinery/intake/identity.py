"""Tells apart rows whose first id is the same: a source id that came twice, or equal contents without an id."""

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from refinery.intake.rows import digest
from refinery.stage import ByKey, array


class Identity(ByKey):
    """The first row by archive member and line keeps its id; the k-th after it gets an id of (first id, k).

    `id_collision` is true on every row of an id under which different contents came (house.md, Settled questions).
    """

    name: ClassVar[str] = "intake.identity"
    version: ClassVar[int] = 1
    key: ClassVar[str] = "conversation_id"
    dead_rows: ClassVar[bool] = True

    def reads(self) -> frozenset[str]:
        """The first id, the content's hash, and the place in the file (ids are of one file each)."""
        return frozenset({"conversation_id", "content_hash", "source_member", "source_line"})

    def writes(self) -> pa.Schema:
        """The final id where it differs, and the flag."""
        return pa.schema([("conversation_id", pa.string()), ("id_collision", pa.bool_())])

    @classmethod
    def examples(cls) -> list[tuple["Identity", list[dict[str, Any]]]]:
        """One id three times, with two contents."""
        a, b = digest("a"), digest("b")
        names = ("conversation_id", "content_hash", "source_member", "source_line")
        found = [(a, "x", None, 7), (b, "x", None, 1), (a, "x", None, 5), (a, "y", None, 6)]
        return [(cls(), [dict(zip(names, row, strict=True)) for row in found])]

    def reduce(self, table: pa.Table) -> pa.Table:
        """All rows of some ids -> new ids and flags for ids that came more than once."""
        codes = array(table, "conversation_id").dictionary_encode().indices.to_numpy()
        repeated = np.flatnonzero(np.bincount(codes)[codes] > 1) if len(codes) else np.array([], np.int64)
        few = table.take(pa.array(repeated)).sort_by([("source_member", "ascending"), ("source_line", "ascending")])
        ids, hashes = few["conversation_id"].to_pylist(), few["content_hash"].to_pylist()
        seen: dict[str, int] = {}
        contents: dict[str, set[str]] = {}
        new = []
        for identity, content in zip(ids, hashes, strict=True):
            turn = seen[identity] = seen.get(identity, -1) + 1
            contents.setdefault(identity, set()).add(content)
            new.append(digest(identity, str(turn)) if turn else None)
        return pa.table(
            {
                "_row": few["_row"],
                "conversation_id": pa.array(new, pa.string()),
                "id_collision": pa.array([len(contents[i]) > 1 for i in ids], pa.bool_()),
            }
        )
