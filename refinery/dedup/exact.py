"""Exact duplicates over all sources: equal content before masking, by keyed hash."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.stage import KEY, ROW, ByKey, Earlier, Kept, Keyed, Met, Round, array

CONTENTS: Final = pa.schema([KEY, ("content_hash", pa.string()), ("conversation_id", pa.string())])
"""The conversation that is kept of a content; its key is the first digits of the hash."""
_ORDER: Final = [
    ("content_hash", "ascending"),
    ("created_at", "descending", "at_end"),
    ("conversation_id", "ascending"),
]


class ExactDuplicates(ByKey):
    """Keeps one conversation of each content: the most recent, then the smallest id; the others are set aside."""

    name: ClassVar[str] = "dedup.exact"
    version: ClassVar[int] = 1
    key: ClassVar[str] = "content_hash"

    nightly: bool = False
    """Whether contents that earlier runs of the lake published count too: those stay kept."""

    def rounds(self) -> tuple[Round, ...]:
        """The one round."""
        return (_Contents(self),)

    def keeps(self) -> Mapping[str, Kept]:
        """A row a content, where it is to remember."""
        return {"contents": Kept(CONTENTS, 512)} if self.nightly else {}

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
        few = few.take(pc.sort_indices(few, sort_keys=_ORDER))
        groups = array(few.combine_chunks(), "content_hash").dictionary_encode().indices.to_numpy()
        first = np.searchsorted(groups, groups)
        kept = few["conversation_id"].combine_chunks().take(pa.array(first))
        why = pc.if_else(pa.array(first == np.arange(len(first))), None, pa.scalar("exact_duplicate"))
        return pa.table({"_row": few["_row"], "dedup_group": kept, "dedup_kept_id": kept, "set_aside_why": why})


class _Contents(Keyed):
    """The rows of some contents, and what earlier runs kept of these."""

    def meet(self, records: pa.Table, earlier: Earlier) -> Met:
        """A content that is known keeps its published conversation, all that come now are set aside."""
        known = earlier.rows("contents", np.unique(records[KEY.name].to_numpy())).combine_chunks()
        at = pc.index_in(array(records, "content_hash"), value_set=array(known, "content_hash"))
        new = records.filter(pc.is_null(at)).combine_chunks()
        kept = array(known, "conversation_id").take(at.drop_null())
        why = pa.repeat(pa.scalar("exact_duplicate"), len(kept))
        row = records.filter(pc.is_valid(at))[ROW.name]
        decided = {ROW.name: row, "dedup_group": kept, "dedup_kept_id": kept, "set_aside_why": why}
        found = pa.concat_tables([self.find(new), pa.table(decided)]).sort_by(ROW.name)
        return Met(found, {"contents": _first(new)})


def _first(rows: pa.Table) -> pa.Table:
    """Rows of CONTENTS: of each content the conversation that is kept."""
    rows = rows.take(pc.sort_indices(rows, sort_keys=_ORDER)).combine_chunks()
    codes = array(rows, "content_hash").dictionary_encode().indices.to_numpy()
    first = rows.take(pa.array(np.unique(codes, return_index=True)[1]))
    return first.select(CONTENTS.names).cast(CONTENTS)  # in the order of hashes, and so of keys
