"""What a gate's thresholds do to the conversations of a lake, from the scores that stand there: nothing runs again.

The decision is the gate's own (`Gate.fails`) over batches of score columns; distributions come from DuckDB.
"""

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.errors import LakeError
from refinery.quality.gate import CHECKS, Check, Gate
from refinery.quality.units import Mask

QUANTILES: Final = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
BINS: Final = 20
NUM_IDS: Final = 5
"""Conversations to look at that are named by id."""
_BATCH_ROWS: Final = 100_000
_TAIL: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Shares that other values of a threshold would set aside, about."""
_LANGUAGES: Final = ((), ("zh",), ("en",), ("zh", "en"))


class Spread(NamedTuple):
    """How a score lies in one group: rows with a score, rows without, its QUANTILES, rows that its check sets aside."""

    group: str  # "all", a source or a language
    num: int
    num_null: int
    quantiles: tuple[Any, ...]
    num_aside: int


class Trial(NamedTuple):
    """What a check would set aside at one value: alone, and all checks together."""

    value: Any
    alone: int
    together: int


class Tuned(NamedTuple):
    """One check: its threshold now, its score's spread and histogram, and other values tried."""

    check: Check
    value: Any
    spreads: list[Spread]
    histogram: tuple[float, float, list[int]]  # least value, greatest, rows by bin; empty for what is no number
    only: int  # set aside by no other check
    trials: list[Trial]


class Moves(NamedTuple):
    """Conversations that other thresholds move one way, by source; `ids`: a few of each."""

    num: Counter[str]
    num_live: Counter[str]  # of these, live in the lake now
    ids: dict[str, list[str]]


class Scored:
    """The conversations of some sources that reached the gate, as a view of a lake's connection.

    Raises LakeError where the lake holds none of the sources, or no scores of theirs.
    """

    def __init__(
        self, con: duckdb.DuckDBPyConnection, lake: str, sources: Sequence[str], before: Sequence[str]
    ) -> None:
        self._con = con
        missing = sorted(Gate().reads() - set(con.table("conversations").columns))
        known = dict(con.execute("SELECT source, count(*) FROM conversations GROUP BY 1 ORDER BY 1").fetchall())
        if not set(sources) & set(known):
            raise LakeError(
                f"{lake} holds no conversations of {list(sources)}; its sources: {', '.join(known) or 'none'}"
            )
        again = "run the plan again (`refinery run PLAN --target LAKE`), with quality.heuristics in it"
        if missing:
            raise LakeError(f"conversations in {lake} have no {', '.join(missing)}; {again}")
        con.execute(
            "CREATE TEMP VIEW scored AS SELECT * FROM conversations WHERE num_words IS NOT NULL "
            f"AND list_contains({_listed(sources)}, source) "
            f"AND coalesce(NOT list_contains({_listed(before)}, set_aside_by), true)"
        )
        self.num, self.num_passed = con.execute(
            "SELECT count(*), count(*) FILTER (coalesce(set_aside_by <> 'quality.gate', true)) FROM scored"
        ).fetchall()[0]
        self.num_unscored = sum(known[s] for s in set(sources) & set(known)) - self.num
        if not self.num:
            raise LakeError(f"no conversation of {list(sources)} in {lake} has scores; {again}")

    def batches(self, gate: Gate) -> Iterator[pa.Table]:
        """The gate's scores, `conversation_id`, `source`, `language` and whether the row is live in the lake."""
        columns = ", ".join(sorted({*gate.reads(), "conversation_id", "source", "language"}))
        found = self._con.sql(f"SELECT {columns}, set_aside_by IS NULL AS live FROM scored")
        for batch in found.to_arrow_reader(_BATCH_ROWS):
            yield pa.Table.from_batches([batch]).combine_chunks()

    def spread(self, check: Check, gate: Gate, of: str) -> list[tuple[Any, ...]]:
        """By value of column `of`: it, rows with and without a score, and the QUANTILES of what is a number."""
        quantiles = f"quantile_disc(score, {list(QUANTILES)})" if check.is_number else "NULL"
        query = f"SELECT {of}, count(score), count(*) - count(score), {quantiles} FROM ({self._score(check, gate, of)})"
        return self._con.execute(f"{query} GROUP BY ALL ORDER BY 1").fetchall()

    def tail(self, check: Check, gate: Gate) -> list[Any]:
        """Values of the score that cut off about the shares of _TAIL, on the side where the check fails."""
        shares = [1 - share if check.side == "above" else share for share in _TAIL]
        query = f"SELECT quantile_disc(score, {shares}) FROM ({self._score(check, gate)})"
        return list(self._con.execute(query).fetchall()[0][0] or ())

    def histogram(self, check: Check, gate: Gate) -> tuple[float, float, list[int]]:
        """Least and greatest value, and rows in BINS equal steps between them; shares go from 0 to 1."""
        score = self._score(check, gate)
        low, high = self._con.execute(f"SELECT min(score), max(score) FROM ({score})").fetchall()[0]
        if low is None:
            return 0.0, 0.0, []
        low, high = (0.0, 1.0) if "share" in check.threshold else (float(low), float(max(high, low + 1)))
        place = f"least({BINS - 1}, floor((score - {low}) / {high - low} * {BINS}))::INTEGER"
        rows = self._con.execute(f"SELECT {place}, count(score) FROM ({score}) GROUP BY 1").fetchall()
        found = {place: num for place, num in rows if place is not None}
        return low, high, [found.get(i, 0) for i in range(BINS)]

    def _score(self, check: Check, gate: Gate, of: str = "source") -> str:
        """A query of the score where the check says anything."""
        score = " + ".join(check.scores)
        if check.only:
            score = f"CASE WHEN {check.only[0]} >= {getattr(gate, check.only[1])} THEN {score} END"
        return f"SELECT {score} AS score, {of} FROM scored"


def tuned(scored: Scored, gate: Gate) -> tuple[int, list[Tuned]]:
    """How many the gate sets aside, and each check with what it does and what other values would do."""
    values = {check: _values(check, gate, scored) for check in CHECKS}
    num = Counter[Any]()
    for batch in scored.batches(gate):
        _count(batch, gate, values, num)
    found = []
    for check in CHECKS:
        spreads = [
            Spread("no letter" if name is None else str(name), n, null, tuple(q or ()), num[check, of, name])
            for of in ("'all'", "source", "language")
            for name, n, null, q in scored.spread(check, gate, of)
        ]
        trials = [Trial(v, num[check, "alone", v], num[check, "together", v]) for v in values[check]]
        histogram = scored.histogram(check, gate) if check.is_number else (0.0, 0.0, [])
        found.append(Tuned(check, getattr(gate, check.threshold), spreads, histogram, num[check, "only"], trials))
    return num["aside"], found


def moves(scored: Scored, gate: Gate, other: Gate) -> tuple[Moves, Moves]:
    """What passes the gate and not the other, and what passes the other only."""
    aside, back = (Moves(Counter(), Counter(), {}) for _ in range(2))
    for batch in scored.batches(gate):
        before, after = (_any(list(_failed(one, batch).values())) for one in (gate, other))
        _move(aside, batch.filter(pa.array(~before & after)))
        _move(back, batch.filter(pa.array(before & ~after)))
    return aside, back


def _failed(gate: Gate, table: pa.Table) -> dict[Check, Mask]:
    return {check: _mask(gate, check, table) for check in CHECKS}


def _mask(gate: Gate, check: Check, table: pa.Table) -> Mask:
    failed: Mask = gate.fails(check, table).to_numpy(zero_copy_only=False)
    return failed


def _any(masks: list[Mask]) -> Mask:
    found: Mask = np.logical_or.reduce(masks)
    return found


def _count(batch: pa.Table, gate: Gate, values: dict[Check, list[Any]], num: Counter[Any]) -> None:
    """Adds a batch: rows aside by check and group, by check only, and at each value alone and together."""
    failed = _failed(gate, batch)
    times = np.sum(list(failed.values()), axis=0)
    num["aside"] += int(np.count_nonzero(times))
    for check, mask in failed.items():
        others = times - mask > 0
        num[check, "only"] += int(np.count_nonzero(mask & ~others))
        num[check, "'all'", "all"] += int(np.count_nonzero(mask))
        for of in ("source", "language"):
            for group in batch[of].filter(pa.array(mask)).value_counts().to_pylist():
                num[check, of, group["values"]] += group["counts"]
        for value in values[check]:
            tried = _mask(gate.model_copy(update={check.threshold: value}), check, batch)
            num[check, "alone", value] += int(np.count_nonzero(tried))
            num[check, "together", value] += int(np.count_nonzero(tried | others))


def _values(check: Check, gate: Gate, scored: Scored) -> list[Any]:
    """Today's value among a few others, in order."""
    now = getattr(gate, check.threshold)
    if check.side == "is":
        return [False, True]
    if check.side == "not_in":
        return list(dict.fromkeys([*_LANGUAGES, now]))
    tail = [round(value, 3) if isinstance(value, float) else value for value in scored.tail(check, gate)]
    return sorted({*tail, now} - {None}) + ([None] if now is None else [])


def _move(moved: Moves, rows: pa.Table) -> None:
    for source in rows["source"].unique().to_pylist():
        those = rows.filter(pc.equal(rows["source"], source))
        moved.num[source] += those.num_rows
        moved.num_live[source] += pc.sum(those["live"]).as_py()
        ids = [*moved.ids.get(source, ()), *those["conversation_id"].to_pylist()]
        moved.ids[source] = heapq.nsmallest(NUM_IDS, ids)


def _listed(words: Sequence[str]) -> str:
    return "[" + ", ".join("'" + word.replace("'", "''") + "'" for word in words) + "]::VARCHAR[]"
