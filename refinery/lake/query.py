"""Answers to an analyst's SQL, as a table, JSON lines or CSV, in bounded memory."""

import csv
from datetime import date, datetime
from typing import Any, TextIO

import duckdb
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from refinery.errors import LakeError
from refinery.lake.views import connect
from refinery.storage.store import Store

FORMATS = ("table", "json", "csv")
_TABLE_ROWS = 1_000


def answer(lake: str, query: str, as_of: int | None, form: str, out: TextIO) -> None:
    """Runs the query on a snapshot's views and writes the rows; raises LakeError with DuckDB's own words."""
    if form not in FORMATS:
        raise LakeError(f"unknown format {form!r}; known: {', '.join(FORMATS)}")
    with connect(Store(lake), as_of) as con:
        try:
            con.execute(query)
            names = [column[0] for column in con.description or ()]
            writer = {"table": _table, "json": _json, "csv": _csv}[form]
            writer(con, names, out)
        except duckdb.Error as error:
            raise LakeError(f"DuckDB refused the query: {error}") from None


def _json(con: duckdb.DuckDBPyConnection, names: list[str], out: TextIO) -> None:
    while rows := con.fetchmany(1_000):
        out.writelines(orjson.dumps(dict(zip(names, r, strict=True)), default=str).decode() + "\n" for r in rows)


def _csv(con: duckdb.DuckDBPyConnection, names: list[str], out: TextIO) -> None:
    writer = csv.writer(out)
    writer.writerow(names)
    while rows := con.fetchmany(1_000):
        writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: Any) -> Any:  # noqa: ANN401
    """Text that a spreadsheet would run as a formula is quoted; lists and structs are JSON."""
    if isinstance(value, list | dict):
        return orjson.dumps(value, default=str).decode()
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value.isoformat() if isinstance(value, datetime | date) else value


def _table(con: duckdb.DuckDBPyConnection, names: list[str], out: TextIO) -> None:
    rows = con.fetchmany(_TABLE_ROWS + 1)
    table = Table(*names, box=None, header_style="bold", pad_edge=False)
    for row in rows[:_TABLE_ROWS]:
        table.add_row(*(Text(_shown(value)) for value in row))
    console = Console(file=out, width=None if out.isatty() else 200, soft_wrap=False)
    console.print(table, highlight=False)
    if len(rows) > _TABLE_ROWS:
        console.print(f"… first {_TABLE_ROWS} rows; --format json or csv gives all")


def _shown(value: Any) -> str:  # noqa: ANN401
    text = orjson.dumps(value, default=str).decode() if isinstance(value, list | dict) else str(value)
    # Control characters of a log must not reach a terminal.
    return "".join(c if c.isprintable() else "\N{MIDDLE DOT}" for c in text)
