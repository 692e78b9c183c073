"""Conversations in a Parquet file, as the JSON records they stand for, a bounded batch at a time.

A value that is null is absent: Parquet has no other way to leave a key out. Times become ISO 8601; decimals, intervals
and bytes become text.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from refinery.errors import ParseError
from refinery.intake.unpack import Allowance

_BATCH_BYTES: Final = 8 * 2**20
_BATCH_ROWS: Final = 8_192
_SHOWN: Final = 40


class Rows:
    """The rows of one file. Raises ParseError, when made or read, where the file is broken or holds too much."""

    def __init__(self, handle: BinaryIO, max_row_bytes: int) -> None:
        self._max_row_bytes = max_row_bytes
        try:
            self._file = _opened(handle, [])
            # Texts stay as numbers into their dictionary: a file of 5 kB may hold 2 GB of one text, 20,000 times.
            self._file = _opened(handle, _texts(self._file.schema))
            self.names: list[str] = self._file.schema_arrow.names
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _broken(error) from None
        if len(set(self.names)) < len(self.names):
            raise ParseError("duplicate_key", f"two columns have one name; {self.columns()}")

    def columns(self) -> str:
        """The names of the columns, cut short, for a report."""
        names = (name[:_SHOWN] for name in self.names[:_SHOWN])
        return f"columns: {', '.join(''.join(c if c.isprintable() else '?' for c in name) for name in names)}"

    def groups(self) -> range:
        """The numbers of its row groups."""
        return range(self._file.metadata.num_row_groups)

    def num_rows(self, groups: range) -> int:
        """Rows that row groups have."""
        return sum(self._file.metadata.row_group(group).num_rows for group in groups)

    def records(self, allowance: Allowance) -> Iterator[dict[str, Any] | ParseError]:
        """Each row as a record, or what is bad about it; may be asked for again."""
        for batch in self.batches(allowance):
            if isinstance(batch, ParseError):
                yield batch
            else:
                yield from _records(batch)

    def batches(self, allowance: Allowance, groups: range | None = None) -> Iterator[pa.RecordBatch | ParseError]:
        """Rows of some row groups in batches of a few mebibytes, or a row that is too long; texts are dictionaries."""
        for group in self.groups() if groups is None else groups:
            # Nothing is asked of its columns: where the footer is broken, pyarrow ends the process on that.
            facts = self._file.metadata.row_group(group)
            rows = _BATCH_BYTES * max(1, facts.num_rows) // max(1, facts.total_byte_size)
            try:
                for batch in self._file.iter_batches(min(max(rows, 1), _BATCH_ROWS), row_groups=[group]):
                    yield from self._bounded(batch, allowance)
            except (pa.ArrowException, OSError, ValueError) as error:
                raise _broken(error) from None

    def _bounded(self, batch: pa.RecordBatch, allowance: Allowance) -> Iterator[pa.RecordBatch | ParseError]:
        size = sum(_num_bytes(column) for column in batch.columns)
        if batch.num_rows == 1 and size > self._max_row_bytes:
            yield ParseError("line_too_long", f"over {self._max_row_bytes} bytes in one row")
        elif batch.num_rows == 1 or size <= _BATCH_BYTES:
            allowance.spend(size)
            yield batch
        else:
            for part in _halves(batch):
                yield from self._bounded(part, allowance)


def _records(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | ParseError]:
    try:
        rows = batch.to_pylist()
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            yield ParseError("not_utf8", "a text of the row is not UTF-8")
            return
        for part in _halves(batch):
            yield from _records(part)
    else:
        yield from map(_plain, rows)


def _halves(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    half = batch.num_rows // 2
    return batch.slice(0, half), batch.slice(half)


def _opened(handle: BinaryIO, dictionaries: list[str]) -> pq.ParquetFile:
    handle.seek(0)
    # Columns are read in pieces of a mebibyte, not whole; extension types stay what they are stored as.
    return pq.ParquetFile(
        pa.PythonFile(handle, mode="r"),
        read_dictionary=dictionaries,
        buffer_size=2**20,
        pre_buffer=False,
        arrow_extensions_enabled=False,
    )


def _broken(error: Exception) -> Exception:
    """Arrow's words may quote the file: only their kind is kept. An error of the machine stays as it is."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    return ParseError("corrupt_file", f"{type(error).__name__}: no whole Parquet file; what stood before was read")


def _texts(schema: pq.ParquetSchema) -> list[str]:
    """Paths of all columns of texts."""
    columns = [schema.column(i) for i in range(len(schema))]
    return sorted({column.path for column in columns if column.physical_type == "BYTE_ARRAY"})


def _num_bytes(values: pa.Array) -> int:
    """Bytes of the values with each text written out."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        lengths = pc.binary_length(values.dictionary).take(values.indices)
        return int(pc.sum(lengths).as_py() or 0)
    if pa.types.is_map(kind):
        start, end = values.offsets[0].as_py(), values.offsets[-1].as_py()
        return sum(_num_bytes(part.slice(start, end - start)) for part in (values.keys, values.items))
    if pa.types.is_nested(kind):
        flat = values.flatten()
        return sum(map(_num_bytes, flat)) if isinstance(flat, list) else 8 * len(values) + _num_bytes(flat)
    return int(values.nbytes)


def _plain(row: dict[str, Any]) -> dict[str, Any] | ParseError:
    """The row as JSON would hold it: adapters know no other types."""
    try:
        record = orjson.loads(orjson.dumps(row, default=_text))
    except (orjson.JSONEncodeError, orjson.JSONDecodeError):
        return ParseError("wrong_type", "a value of the row has no form in JSON")
    return {key: value for key, value in record.items() if value is not None}


def _text(value: object) -> str:
    """What JSON has no form for (decimals, intervals) as it prints; bytes as text, where they are none as escapes."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
