"""What a person wants to know when a run has ended: rows in, live, set aside by reason, findings, samples, seconds."""

import sys
from typing import Any

import duckdb
from rich.console import Console, Group, RenderableType
from rich.table import Table

_READ = "SELECT source, sum(num_rows) AS n FROM ledger WHERE run_id = ? AND fate = ? GROUP BY ALL"
_ASIDE = """SELECT stage, reason, sum(num_rows) FROM ledger WHERE run_id = ? AND fate = 'set_aside'
            GROUP BY ALL ORDER BY min(step), 3 DESC"""
_LIVE = """SELECT source, sum(num_rows) FROM ledger WHERE run_id = $1 AND fate = 'live'
           AND step = (SELECT max(step) FROM ledger WHERE run_id = $1) GROUP BY ALL"""
_QUARANTINED = "SELECT reason, count(*) FROM quarantine WHERE run_id = ? GROUP BY ALL ORDER BY 2 DESC, 1"
_FINDINGS = "SELECT item, severity, count(*) FROM findings WHERE run_id = ? GROUP BY ALL ORDER BY 3 DESC, 1"
_NEAR = """SELECT source, round(min(dedup_similarity) FILTER (set_aside_why = 'near_duplicate'), 3),
               count(*) FILTER (set_aside_why = 'near_duplicate'), count(*) FILTER (dedup_entity_conflict),
               count(*) FILTER (dedup_entity_conflict AND dedup_group IS NULL AND dedup_similarity = 1)
           FROM conversations WHERE run_id = ? GROUP BY ALL HAVING count(dedup_similarity) > 0 ORDER BY 1"""
_APART = ("source", "lowest similarity", "set aside", "kept apart", "alike but for facts")
_SAMPLES = "SELECT kind, split, count(*) FROM samples WHERE run_id = ? GROUP BY ALL ORDER BY ALL"
_MODELS = """SELECT stage, name, num_asked, num_replayed, num_failed, prompt_tokens, completion_tokens,
             coalesce(format('{:.2f} {}', cost, currency), '-') FROM models WHERE run_id = ? ORDER BY step"""


def summarise(con: duckdb.DuckDBPyConnection, run_id: str, seconds: float, lake: str) -> RenderableType:
    """The summary of one run, read from what was published."""

    def rows(query: str, *more: str) -> list[tuple[Any, ...]]:
        return con.execute(query, [run_id, *more]).fetchall()

    read, live = dict(rows(_READ, "read")), dict(rows(_LIVE))
    bad = dict(rows(_READ, "quarantined"))
    sources = _table("source", "records", "quarantined", "read", "set aside", "live")
    for name in sorted(set(read) | set(bad)):
        n, b, alive = int(read.get(name, 0)), int(bad.get(name, 0)), int(live.get(name, 0))
        sources.add_row(name, *(f"{x:,}" for x in (n + b, b, n, n - alive, alive)))
    parts: list[RenderableType] = [sources]
    compared = "dedup_similarity" in (name for name, *_ in con.execute("DESCRIBE conversations").fetchall())
    for title, query, names in (
        ("set aside", _ASIDE, ("stage", "reason", "rows")),
        *((("near duplicates", _NEAR, _APART),) if compared else ()),
        ("quarantined", _QUARANTINED, ("reason", "lines")),
        ("findings", _FINDINGS, ("item", "severity", "turns")),
        ("samples", _SAMPLES, ("kind", "split", "rows")),
    ):
        table = _table(*names, title=title)
        for found in rows(query):
            table.add_row(*(f"{int(x):,}" if i == len(found) - 1 else str(x) for i, x in enumerate(found)))
        parts.append(table if table.row_count else f"{title}: none")
    asked = _table("stage", "model", "asked", "replayed", "failed", "tokens in", "tokens out", "cost", title="models")
    for stage, model, *numbers, cost in rows(_MODELS):
        asked.add_row(stage, model, *(f"{int(n):,}" for n in numbers), cost)
    if asked.row_count:
        parts.append(asked)
    total = sum(read.values())
    pace = f", {total / seconds:,.0f} conversations/s" if seconds else ""
    parts.append(f"run {run_id}: {seconds:.1f} s{pace}")
    parts.append(_next(lake))
    return Group(*parts)


def _table(*names: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(names):
        numeric = i == len(names) - 1 or (names[0] == "source" and i) or (names[1] == "model" and i > 1)
        table.add_column(name, justify="right" if numeric else "left")
    return table


def _next(lake: str) -> str:
    said = f"""look next:
  why is a conversation missing?  refinery sql "SELECT set_aside_by, set_aside_why, count(*) FROM conversations GROUP BY ALL" --lake {lake}
  what did the rules find?        refinery sql "SELECT item, message, conversation_id, turn_idx FROM findings LIMIT 10" --lake {lake}
  rows for training:              refinery export --lake {lake} --format trl --out training"""  # noqa: E501 (one line a command, to be copied)
    return said if "://" in lake else f"{said}\n  with DuckDB:                    duckdb {lake}/catalog.duckdb"


def console() -> Console:
    """Standard error: standard output is for data. A log file has no width, so nothing is cut there."""
    return Console(stderr=True, width=None if sys.stderr.isatty() else 160)
