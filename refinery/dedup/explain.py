"""Why conversations are one group: who is in it, who is kept and why, and the pairs that were least alike.

Read from a lake's `conversations`, whose text is masked; what `dedup.exact`, `dedup.near` and `dedup.semantic` wrote.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from refinery.errors import LakeError

if TYPE_CHECKING:
    import duckdb

_COLUMNS: Final = {
    "conversation_id": "VARCHAR",
    "source": "VARCHAR",
    "source_id": "VARCHAR",
    "source_file": "VARCHAR",
    "source_line": "BIGINT",
    "created_at": "TIMESTAMPTZ",
    "dedup_kept_id": "VARCHAR",
    "dedup_similarity": "DOUBLE",
    "dedup_entity_conflict": "BOOLEAN",
    "set_aside_by": "VARCHAR",
    "turns": "VARCHAR",
}
_MOST: Final = 10
"""Members that are shown, those least like the kept one first."""
_STEPS: Final = 64
"""From one kept conversation to the next; a stage makes one step at most."""


class Turn(NamedTuple):
    """What somebody said, or the calls of an agent as text."""

    role: str
    text: str


class Member(NamedTuple):
    """A conversation of a group. `place`: where its log line stands; `similarity`: null where contents are equal."""

    conversation_id: str
    place: str
    created_at: datetime | None
    kept_id: str | None
    similarity: float | None
    apart: bool
    by: str | None
    turns: tuple[Turn, ...]


class Pair(NamedTuple):
    """A conversation that was set aside, and the one it was set aside for; why that one is kept."""

    kept: Member
    other: Member
    why: str


class Explained(NamedTuple):
    """A conversation, the one that its group keeps, the pairs to look at, and how many members there are in all."""

    asked: Member
    kept: Member
    pairs: tuple[Pair, ...]
    num_members: int


def explain(con: "duckdb.DuckDBPyConnection", name: str) -> Explained:
    """The group of a conversation, by its id or by the id that the log gave it; raises LakeError where there is none.

    A conversation without duplicates is a group of its own.
    """
    known = _known(con)
    asked = _find(con, name)
    kept = _last_kept(con, asked)
    counted = con.execute(f"{_GROUP} SELECT count(*) FROM members", [kept]).fetchall()[0][0]
    alike = "dedup_similarity" if "dedup_similarity" in known else "NULL::DOUBLE"
    listed = con.execute(
        f"{_GROUP} SELECT id FROM members JOIN conversations ON id = conversation_id WHERE id <> $1 "
        f"ORDER BY {alike} NULLS LAST, id LIMIT {_MOST}",
        [kept],
    ).fetchall()
    ids = list(dict.fromkeys([asked, *(one for (one,) in listed)]))
    found = _members(con, known, [kept, *ids])
    found |= _members(con, known, [m.kept_id for m in found.values() if m.kept_id and m.kept_id not in found])
    pairs = tuple(_pair(found[one], found) for one in ids if found[one].kept_id not in (None, one))
    return Explained(found[asked], found[kept], pairs, int(counted))


def weakest(con: "duckdb.DuckDBPyConnection", num: int) -> tuple[Pair, ...]:
    """Of each stage the pairs that are least alike among those it set aside: where its threshold is judged."""
    known = _known(con)
    if "dedup_similarity" not in known:
        raise LakeError("no stage of this lake measures how alike conversations are (dedup.near, dedup.semantic)")
    rows = con.execute(
        """SELECT conversation_id, dedup_kept_id FROM conversations
           WHERE dedup_kept_id <> conversation_id AND dedup_similarity IS NOT NULL AND set_aside_by LIKE 'dedup.%'
           QUALIFY row_number() OVER (PARTITION BY set_aside_by ORDER BY dedup_similarity, conversation_id) <= $1
           ORDER BY set_aside_by, dedup_similarity, conversation_id""",
        [num],
    ).fetchall()
    found = _members(con, known, list({one for row in rows for one in row}))
    return tuple(_pair(found[other], found) for other, kept in rows if kept in found)


def why(kept: Member, other: Member) -> str:
    """Why of the two the kept one won: score, then recency, then the smaller id, as every stage has it."""
    if kept.created_at == other.created_at:
        if kept.conversation_id < other.conversation_id:
            return "no later than the other, and of the smaller id"
    elif other.created_at is None:
        return f"dated ({_day(kept)}), and the other is not"
    elif kept.created_at is not None and kept.created_at > other.created_at:
        return f"more recent: {_day(kept)} against {_day(other)}"
    return "of the higher score in the column that the plan names, which counts before recency"


def _pair(other: Member, found: dict[str, Member]) -> Pair:
    kept = found.get(other.kept_id or "")
    if kept is None:
        raise LakeError(f"{other.conversation_id} was set aside for {other.kept_id}, which this snapshot does not hold")
    return Pair(kept, other, why(kept, other))


def _day(one: Member) -> str:
    return one.created_at.isoformat(sep=" ", timespec="seconds") if one.created_at else "undated"


_GROUP: Final = """WITH RECURSIVE members(id) AS (
    SELECT $1 UNION SELECT conversation_id FROM conversations JOIN members ON dedup_kept_id = id
)"""


def _known(con: "duckdb.DuckDBPyConnection") -> set[str]:
    known = {name for name, *_ in con.execute("DESCRIBE conversations").fetchall()}
    if "dedup_kept_id" not in known:
        raise LakeError("no stage of this lake looks for duplicates (dedup.exact, dedup.near, dedup.semantic)")
    return known


def _find(con: "duckdb.DuckDBPyConnection", name: str) -> str:
    """The conversation's id, by it or by the log's own."""
    query = "SELECT conversation_id FROM conversations WHERE {} = ? ORDER BY 1 LIMIT 6"
    for column in ("conversation_id", "source_id"):
        ids = [one for (one,) in con.execute(query.format(column), [name]).fetchall()]
        if len(set(ids)) > 1:
            raise LakeError(
                f"several conversations have that id in their logs: {', '.join(ids[:5])}; name one of these"
            )
        if ids:
            return str(ids[0])
    raise LakeError("the lake holds no conversation of that id, neither its own (32 hex digits) nor the log's")


def _last_kept(con: "duckdb.DuckDBPyConnection", one: str) -> str:
    """The one that is kept in the end: a stage may set aside what an earlier one had kept."""
    for _ in range(_STEPS):
        rows = con.execute("SELECT dedup_kept_id FROM conversations WHERE conversation_id = ?", [one]).fetchall()
        kept = rows[0][0] if rows else None
        if kept is None or kept == one:
            return one
        one = kept
    raise LakeError(f"{one} is kept for one that is kept for another, and so on without end")


def _members(con: "duckdb.DuckDBPyConnection", known: set[str], ids: list[str]) -> dict[str, Member]:
    wanted = ", ".join(name if name in known else f"NULL::{kind}" for name, kind in _COLUMNS.items())
    rows = con.execute(f"SELECT {wanted} FROM conversations WHERE list_contains($1, conversation_id)", [ids]).fetchall()
    return {row[0]: _member(dict(zip(_COLUMNS, row, strict=True))) for row in rows}


def _member(row: dict[str, Any]) -> Member:
    line, name = row["source_line"], row["source_id"]
    place = f"{row['source']}, {row['source_file']}{f':{line}' if line else ''}{f', id {name}' if name else ''}"
    said = tuple(Turn(turn["role"] or "", _said(turn)) for turn in row["turns"] or ())
    dedup = (row["dedup_kept_id"], row["dedup_similarity"], bool(row["dedup_entity_conflict"]), row["set_aside_by"])
    return Member(row["conversation_id"], place, row["created_at"], *dedup, said)


def _said(turn: dict[str, Any]) -> str:
    calls = [f"{call['name']}({call['arguments'] or ''})" for call in turn["tool_calls"] or ()]
    return " ".join([*([turn["content"]] if turn["content"] else []), *calls])
