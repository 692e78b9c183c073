"""Flat tables of turns (CSV, Parquet) as `refinery sniff` shows them: columns, types, a mapping to put in a plan."""

from collections.abc import Iterator
from itertools import islice
from typing import IO, Any, Final, NamedTuple

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import yaml

from refinery.errors import InputError
from refinery.intake.columns import propose, propose_roles
from refinery.intake.source import NEEDED, TABLE_SUFFIXES

_ROWS: Final = 1_000
_BLOCK: Final = 2**20
_ENCODINGS: Final = ("utf-8-sig", "gb18030")
_PACKED: Final = {".gz": "gzip", ".zst": "zstd"}


class Tables(NamedTuple):
    """Tables at a path: how many, the name of the first, how it is encoded, and its first rows."""

    num_files: int
    name: str
    encoding: str
    head: pa.Table


def tables(path: str) -> Tables | None:
    """The first rows of the first table at a path, or None where there is none. Raises InputError if it is broken."""
    fs, root = fsspec.core.url_to_fs(path)
    names = fs.glob(root) if any(c in root for c in "*?[") else fs.find(root)
    found = sorted(name for name in names if name.lower().endswith(TABLE_SUFFIXES))
    if not found:
        return None
    name = found[0].rpartition("/")[2]
    try:
        with fs.open(found[0], "rb") as handle:
            if name.lower().endswith(".parquet"):
                return Tables(len(found), name, _ENCODINGS[0], _parquet(handle))
            packed = _PACKED.get(name[name.rfind(".") :].lower())
            block = (pa.CompressedInputStream(handle, packed) if packed else handle).read(_BLOCK)
            return Tables(len(found), name, *_csv(block, "\t" if ".tsv" in name.lower() else ","))
    except (pa.ArrowException, OSError, UnicodeError) as error:  # what Arrow says may quote the row
        said = "is it whole, in UTF-8 or GB 18030, with one line of column names and as many cells in each line?"
        raise InputError(f"{name} cannot be read as a table ({type(error).__name__}); {said}") from None


def described(found: Tables, source: dict[str, Any]) -> Iterator[str]:
    """Columns with their types and what each could be, and the lines of a plan for the source."""
    columns = propose(found.head.column_names)
    targets = {column: target for target, column in columns.items()}
    yield f"tables     {found.num_files:,}; the first, {found.name}, has {found.head.num_columns} columns"
    for field in found.head.schema:
        yield f"  {field.name[:40]:<40} {str(field.type)[:30]:<30} {targets.get(field.name, 'metadata')}"
    if found.head.num_columns == 1:
        yield "One column: cells are told apart by commas in .csv and by tabs in .tsv, and by nothing else."
    if missing := [target for target in NEEDED if target not in columns]:
        yield f"No column has a name that is known for: {', '.join(missing)}. Fill these in below."
    roles, num_others = _roles(found.head, columns.get("role"))
    if num_others:
        yield f"{num_others:,} values of the role column are no known word; map each to system, user, assistant, tool."
    yield ""
    yield "For a plan:"
    asked = {target: columns.get(target, "?") for target in dict.fromkeys((*NEEDED, *columns))}
    plan = source | {"format": "turns", "columns": asked} | ({"roles": roles} if roles else {})
    plan |= {"encoding": found.encoding} if found.encoding != _ENCODINGS[0] else {}
    yield from yaml.safe_dump({"sources": [plan]}, sort_keys=False, allow_unicode=True, width=1000).splitlines()


def _roles(head: pa.Table, column: str | None) -> tuple[dict[str, str], int]:
    """The values of the role column that are known words, and how many are not: may be names, and are not shown."""
    if column is None:
        return {}, 0
    values = pc.unique(head[column]).drop_null().to_pylist()
    roles = propose_roles(values)
    return roles, len(values) - len(roles)


def _csv(block: bytes, delimiter: str) -> tuple[str, pa.Table]:
    """Encoding and first rows, of the whole lines among the first bytes."""
    whole = block if len(block) < _BLOCK else block[: block.rfind(b"\n") + 1]
    encoding = next(name for name in _ENCODINGS if name == _ENCODINGS[-1] or _decodes(whole, name))
    table = pa_csv.read_csv(
        pa.BufferReader(whole.decode(encoding).encode()),
        parse_options=pa_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=lambda _: "skip"
        ),
    )
    return encoding, table.slice(0, _ROWS)


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _parquet(handle: IO[bytes]) -> pa.Table:
    file = pq.ParquetFile(handle)
    return pa.Table.from_batches(list(islice(file.iter_batches(_ROWS), 1)), file.schema_arrow)
