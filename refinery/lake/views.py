"""The lake as DuckDB sees it: one view a table over exactly the files that a snapshot names."""

import os
import uuid
from pathlib import Path

import duckdb

from refinery.errors import LakeError
from refinery.lake import snapshot
from refinery.storage.store import Store

TABLES = ("conversations", "turns", "findings", "samples", "ledger", "runs", "quarantine")


def connect(lake: Store, as_of: int | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory connection with the views of a snapshot (the last by default); raises LakeError if there is none."""
    con = duckdb.connect()
    if not lake.is_local:
        import fsspec

        con.register_filesystem(fsspec.filesystem(lake.url.partition("://")[0]))
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


def _create(con: duckdb.DuckDBPyConnection, lake: Store, found: dict[str, object]) -> None:
    runs = found["runs"]
    assert isinstance(runs, list)
    for table in TABLES:
        paths = [lake.address(file[2]) for run in runs for file in run["files"] if file[0] == table]
        if not paths:
            raise LakeError(
                f"snapshot {found['snapshot']} names no file of table {table!r}; it was not written by refinery"
            )
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
        con.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet([{listed}], union_by_name = true)")
