"""Exact duplicates over all sources: equal content before masking, by keyed hash."""

from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.stage import ByKey, array


class ExactDuplicates(ByKey):
    """Keeps one conversation of each content: the most recent, then the smallest id; the others are set aside."""

    name: ClassVar[str] = "dedup.exact"
    version: ClassVar[int] = 1
    key: ClassVar[str] = "content_hash"

    def reads(self) -> frozenset[str]:
        """The content's hash, and what decides the keeper."""
        return frozenset({"content_hash", "created_at", "conversation_id"})

    def writes(self) -> pa.Schema:
        """For conversations with duplicates only: the group (its keeper's id), the keeper, the fate."""
        names = ("dedup_group", "dedup_kept_id", "set_aside_why")
        return pa.schema([(name, pa.string()) for name in names])

    @classmethod
    def examples(cls) -> list[tuple["ExactDuplicates", list[dict[str, Any]]]]:
        """Of one content two undated, of another two nights and an undated one, and one alone."""
        nights = [datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2)]
        found = [("1", None, "b"), ("2", nights[0], "c"), ("1", None, "a"), ("2", nights[1], "d"), ("2", None, "0")]
        rows = [
            {"content_hash": c * 32, "created_at": at, "conversation_id": i * 32}
            for c, at, i in [*found, ("3", None, "e")]
        ]
        return [(cls(), rows)]

    def reduce(self, table: pa.Table) -> pa.Table:
        """All live rows of some contents -> keeper and fate of each row whose content came more than once."""
        codes = array(table, "content_hash").dictionary_encode().indices.to_numpy()
        repeated = np.flatnonzero(np.bincount(codes)[codes] > 1) if len(codes) else np.array([], np.int64)
        few = table.take(pa.array(repeated))
        order = [
            ("content_hash", "ascending"),
            ("created_at", "descending", "at_end"),
            ("conversation_id", "ascending"),
        ]
        few = few.take(pc.sort_indices(few, sort_keys=order))
        groups = array(few.combine_chunks(), "content_hash").dictionary_encode().indices.to_numpy()
        first = np.searchsorted(groups, groups)
        kept = few["conversation_id"].combine_chunks().take(pa.array(first))
        why = pc.if_else(pa.array(first == np.arange(len(first))), None, pa.scalar("exact_duplicate"))
        return pa.table({"_row": few["_row"], "dedup_group": kept, "dedup_kept_id": kept, "set_aside_why": why})
