"""The one writer of files of rows: equal rows give equal tables, byte for byte, and a file is named by its content.

Explicit schema, fixed codec and level, row groups by rows and bytes, no Arrow schema or pandas metadata, and nothing
of clock, process or host. Equal bytes for one version of pyarrow; equal rows across versions.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from refinery.storage.store import Store

MAX_GROUP_ROWS = 8_192
MAX_GROUP_BYTES = 64 * 2**20
"""Row groups are bounded by bytes too: the reader of nested data fails on 8,192 giant conversations in one group."""

Kind = Literal["table", "narrow", "wide", "heads", "blocks"]
_ARROW: Final = ("wide", "blocks")
_PASSING: Final = ("wide", "narrow")
"""Read by the next passes only: a crash of the machine may lose them."""
_MAX_HELD_BYTES = 8 * 2**20
"""Held back by an open writer before a group is written: a task may have dozens of them open."""


class ShardFile(NamedTuple):
    """A finished file: where it lies, how many rows and bytes it has, and the hash of its bytes."""

    path: str
    rows: int
    bytes: int
    sha256: str


def groups(table: pa.Table) -> Iterator[pa.Table]:
    """Slices of at most MAX_GROUP_ROWS rows and about MAX_GROUP_BYTES bytes, one row at least."""
    if not table.num_rows:
        return
    row_bytes = max(1, table.nbytes // table.num_rows)
    step = max(1, min(MAX_GROUP_ROWS, MAX_GROUP_BYTES // row_bytes))
    for start in range(0, table.num_rows, step):
        yield table.slice(start, step)


class ShardWriter:
    """Writes one Parquet file as a context; `finish` puts it at `folder/stem-<hash>.parquet` if absent.

    A `table` is packed for readers (Parquet, zstd). What only the next passes read is packed for speed: `narrow` as
    Parquet with lz4, whose statistics let a reader pass over groups; `wide`, the shards themselves, as Arrow's own
    file, read without decoding. `heads` (sorted numbers, packed by their differences) and `blocks` (as wide) are what
    `storage.sorted` keeps for good. Leaving without `finish` leaves nothing behind.
    """

    def __init__(self, store: Store, schema: pa.Schema, scratch: str, kind: Kind = "table") -> None:
        self._store, self._schema, self._kind = store, schema, kind
        self._file: Path = store.temporary(scratch)
        if kind in _ARROW:
            # On a local disk it is mapped into memory as it stands; over a network fewer bytes count for more.
            packed = pa.ipc.IpcWriteOptions(compression=None if store.is_local else "lz4")
            self._writer = pa.ipc.new_file(str(self._file), schema, options=packed)
        else:
            self._writer = pq.ParquetWriter(
                self._file,
                schema,
                compression="lz4" if kind == "narrow" else "zstd",
                compression_level=None if kind == "narrow" else 3,
                use_dictionary=kind == "table",
                column_encoding={"head": "DELTA_BINARY_PACKED"} if kind == "heads" else None,
                write_statistics=True,
                store_schema=False,
            )
        self._held: list[pa.Table] = []
        self._held_rows = self._held_bytes = 0
        self.rows = 0
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()
        self._file.unlink(missing_ok=True)

    def _close(self) -> None:
        """Once: Arrow's writer would append a second footer, to a file that has its name already."""
        if not self._closed:
            self._writer.close()
        self._closed = True

    def write(self, table: pa.Table) -> None:
        """Appends rows; columns are put in the schema's order, missing ones are null. Small tables share a group."""
        self._held.append(conform(table, self._schema))
        self.rows += table.num_rows
        self._held_rows += table.num_rows
        self._held_bytes += table.nbytes
        if self._held_rows >= MAX_GROUP_ROWS or self._held_bytes >= _MAX_HELD_BYTES:
            self._flush()

    def _flush(self) -> None:
        for group in groups(pa.concat_tables(self._held)) if self._held else ():
            self._put(group)
        self._held, self._held_rows, self._held_bytes = [], 0, 0

    def write_group(self, table: pa.Table) -> None:
        """Appends rows as exactly one row group, an empty one too (a key range that nobody falls into)."""
        self._flush()
        self._put(conform(table, self._schema))
        self.rows += table.num_rows

    def _put(self, group: pa.Table) -> None:
        if self._kind in _ARROW:
            none = pa.RecordBatch.from_pylist([], schema=self._schema)
            for batch in group.combine_chunks().to_batches() or [none]:
                self._writer.write_batch(batch)
        else:
            self._writer.write_table(group, row_group_size=max(1, group.num_rows))

    def finish(self, folder: str, stem: str) -> ShardFile:
        """Closes the file and puts it under its name."""
        self._flush()
        self._close()
        with self._file.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        size = self._file.stat().st_size
        path = f"{folder}/{stem}-{digest[:16]}.{'arrow' if self._kind in _ARROW else 'parquet'}"
        self._store.put_file_new(path, self._file, durable=self._kind not in _PASSING)
        return ShardFile(path, self.rows, size, digest)


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with exactly the schema's columns, in its order; missing columns are null."""
    columns = [
        table.column(f.name) if f.name in table.column_names else pa.nulls(table.num_rows, f.type) for f in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def parquet(store: Store, path: str) -> pq.ParquetFile:
    """A narrow file to read groups of; from a bucket the columns of a group come in few requests."""
    return pq.ParquetFile(store.open(path), pre_buffer=not store.is_local)


class WideFile:
    """Reads a `wide` file group by group, of the columns that are asked for."""

    def __init__(self, store: Store, path: str, columns: list[str] | None = None) -> None:
        source = store.open(path)
        names = pa.ipc.open_file(source).schema.names
        wanted = [names.index(c) for c in columns if c in names] if columns is not None else None
        self._reader = pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=wanted))

    def group(self, number: int) -> pa.Table:
        """One group as a table."""
        return pa.Table.from_batches([self._reader.get_batch(number)])

    def groups(self) -> Iterator[pa.Table]:
        """Each group as a table."""
        for i in range(self._reader.num_record_batches):
            yield pa.Table.from_batches([self._reader.get_batch(i)])
