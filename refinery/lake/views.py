"""The lake as DuckDB sees it: one view a table over exactly the files that a snapshot names."""

import os
import uuid
from pathlib import Path
from typing import Any, Final

import duckdb

from refinery.errors import LakeError
from refinery.lake import snapshot
from refinery.storage.store import Store
from refinery.storage.streams import place

TABLES = ("conversations", "turns", "findings", "samples", "ledger", "runs", "quarantine", "models")
_BLOCK_BYTES: Final = 2**20
"""That DuckDB fetches from a bucket at least: it reads a few columns here and there."""


def connect(lake: Store, as_of: int | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory connection with the views of a snapshot (the last by default); raises LakeError if there is none."""
    lake.reach()
    con = duckdb.connect()
    if not lake.is_local:
        con.register_filesystem(place(lake.url, _BLOCK_BYTES).fs)
    _create(con, lake, snapshot.load(lake, as_of))
    return con


def write_catalog(lake: Store) -> Path | None:
    """`catalog.duckdb` in a local lake: built aside and put in place whole, so that a reader never blocks it."""
    if not lake.is_local:
        return None
    target = Path(lake.url) / "catalog.duckdb"
    aside = target.with_name(f".{uuid.uuid4().hex}.duckdb")
    try:
        with duckdb.connect(str(aside)) as con:
            _create(con, lake, snapshot.load(lake))
        os.replace(aside, target)
    finally:
        aside.unlink(missing_ok=True)
    return target


def _create(con: duckdb.DuckDBPyConnection, lake: Store, found: dict[str, Any]) -> None:
    for table in TABLES:
        # Files of one run share their columns, so only the first is opened; runs are united by column name.
        parts = [
            f"SELECT * FROM read_parquet([{', '.join(_quoted(lake.address(path)) for path in paths)}])"
            for run in found["runs"]
            if (paths := [path for name, _, path, *_ in run["files"] if name == table])
        ]
        if not parts:
            raise LakeError(f"snapshot {found['snapshot']} names no file of table {table!r}; refinery did not write it")
        try:
            con.execute(f"CREATE VIEW {table} AS {' UNION ALL BY NAME '.join(parts)}")
        except duckdb.Error as error:
            raise LakeError(f"files of snapshot {found['snapshot']} cannot be read: {error}") from None


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"
