"""Tells apart rows whose first id is the same: a source id that came twice, or equal contents without an id."""

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from refinery.intake.rows import digest
from refinery.stage import Exchange, array


class Identity(Exchange):
    """The first row in input order keeps its id; the k-th after it gets an id of (first id, k).

    `id_collision` is true on every row of an id under which different contents came (house.md, Settled questions).
    """

    name: ClassVar[str] = "intake.identity"
    version: ClassVar[int] = 1
    key: ClassVar[str] = "conversation_id"
    dead_rows: ClassVar[bool] = True

    def reads(self) -> frozenset[str]:
        """The first id and the content's hash."""
        return frozenset({"conversation_id", "content_hash"})

    def writes(self) -> pa.Schema:
        """The final id where it differs, and the flag."""
        return pa.schema([("conversation_id", pa.string()), ("id_collision", pa.bool_())])

    @classmethod
    def examples(cls) -> list[tuple["Identity", list[dict[str, Any]]]]:
        """One id three times, with two contents."""
        a, b = digest("a"), digest("b")
        rows = [{"conversation_id": i, "content_hash": c} for i, c in ((a, "x"), (b, "x"), (a, "x"), (a, "y"))]
        return [(cls(), rows)]

    def reduce(self, table: pa.Table) -> pa.Table:
        """Rows in input order -> new ids and flags for ids that came more than once."""
        codes = array(table, "conversation_id").dictionary_encode().indices.to_numpy()
        repeated = np.flatnonzero(np.bincount(codes)[codes] > 1) if len(codes) else np.array([], np.int64)
        few = table.take(pa.array(repeated))
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
