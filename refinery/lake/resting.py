"""Which rows of a lake rest on knowledge units that changed: those, and no others, are to be grounded again."""

from collections.abc import Collection
from typing import Final, NamedTuple

import duckdb

from refinery.errors import LakeError

COLUMN: Final = "knowledge"
"""Of `conversations`: the units that a conversation was given; `knowledge.retrieval` writes it."""


class Resting(NamedTuple):
    """A conversation, its source, how many training samples were made of it, and the changed units it was given."""

    conversation_id: str
    source: str
    num_samples: int
    unit_ids: list[str]


def resting(con: duckdb.DuckDBPyConnection, unit_ids: Collection[str]) -> list[Resting]:
    """The conversations that were given any of the units, by id; LakeError where the lake's plan retrieved none."""
    columns = {row[0] for row in con.execute("DESCRIBE conversations").fetchall()}
    if COLUMN not in columns:
        raise LakeError(
            f"no conversation has a column {COLUMN!r}: no plan of this lake has the stage knowledge.retrieval"
        )
    query = f"""
        WITH given AS (
            SELECT c.conversation_id, c.source, list_sort(list(DISTINCT k.unit_id)) AS unit_ids
            FROM conversations c, unnest(c.{COLUMN}) AS t(k)
            WHERE k.unit_id IN (SELECT unnest(?::VARCHAR[]))
            GROUP BY ALL
        )
        SELECT g.conversation_id, g.source, count(s.sample_id), g.unit_ids
        FROM given g LEFT JOIN samples s USING (conversation_id)
        GROUP BY ALL ORDER BY g.conversation_id
    """  # noqa: S608 (the column is ours)
    return [Resting(*row) for row in con.execute(query, [sorted(unit_ids)]).fetchall()]
