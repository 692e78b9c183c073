"""Looks for e-mails, payment cards and Chinese identity numbers in every file below a folder, decoded.

It shares no pattern and no checksum with what masks them. Arrow, Parquet and DuckDB files are read as tables, and any
other file as the bytes it is.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

_EMAIL = re.compile(r"[\w.+%-]+@[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_DIGITS = re.compile(r"(?<![0-9A-Za-z._])[0-9](?:[ -]?[0-9]){12,18}(?![0-9A-Za-z])")
_IDENTITY = re.compile(r"(?<![0-9])[1-9][0-9]{16}[0-9Xx](?![0-9])")
_CARD = re.compile(
    "4[0-9]{12}|4[0-9]{15}|4[0-9]{18}|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    "|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|35(?:2[89]|[3-8][0-9])[0-9]{12}|(?:6011|65[0-9]{2}|64[4-9][0-9])[0-9]{12}"
    "|62[0-9]{14,17}"
)


def found(text: str) -> Iterator[tuple[str, str]]:
    """(kind, value) of all that is left in a text."""
    yield from (("email", match[0]) for match in _EMAIL.finditer(text))
    for match in _DIGITS.finditer(text):
        number = re.sub("[ -]", "", match[0])
        if _CARD.fullmatch(number) and _luhn(number):
            yield "card", match[0]
    yield from (("identity", match[0]) for match in _IDENTITY.finditer(text) if _identity(match[0]))


def _luhn(number: str) -> bool:
    pairs = zip(number[-1::-2], [*number[-2::-2], "0"], strict=False)
    return sum(int(odd) + sum(map(int, str(2 * int(even)))) for odd, even in pairs) % 10 == 0


def _identity(number: str) -> bool:
    month, day = int(number[10:12]), int(number[12:14])
    if number[6:8] not in ("19", "20") or not (1 <= month <= 12 and 1 <= day <= 31):
        return False
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17].upper()


def texts(folder: Path) -> Iterator[tuple[Path, str]]:
    """All text below a folder, file by file."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        head = path.read_bytes()[:6]
        if head.startswith(b"PAR1"):
            for batch in pq.ParquetFile(path).iter_batches():
                yield path, _of_table(pa.Table.from_batches([batch]))
        elif head == b"ARROW1":
            with pa.memory_map(str(path)) as file:
                reader = pa.ipc.open_file(file)
                for number in range(reader.num_record_batches):
                    yield path, _of_table(pa.Table.from_batches([reader.get_batch(number)]))
        elif path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as con:
                for (name,) in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall():
                    yield path, _of_table(con.sql(f'SELECT * FROM "{name}"').to_arrow_table())
                yield path, str(con.execute("SELECT sql FROM duckdb_views() WHERE NOT internal").fetchall())
            yield path, path.read_bytes().decode("utf-8", "replace")
        else:
            yield path, path.read_bytes().decode("utf-8", "replace")


def _of_table(table: pa.Table) -> str:
    """All strings of a table, nested ones too."""
    return "\n".join(text for column in table.columns for text in _strings(column.combine_chunks()))


def _strings(array: pa.Array) -> Iterator[str]:
    if isinstance(array, pa.ChunkedArray):
        for chunk in array.chunks:
            yield from _strings(chunk)
    elif pa.types.is_struct(array.type):
        for child in array.flatten():
            yield from _strings(child)
    elif pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        yield from _strings(array.flatten())
    elif pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        yield from (text for text in array.to_pylist() if text)
