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
from refinery.intake.columns import REQUIRED, propose, propose_roles

TABLE_SUFFIXES: Final = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
_ROWS: Final = 1_000
_BLOCK: Final = 2**20
_DELIMITERS: Final = (",", "\t", ";", "|")


class Tables(NamedTuple):
    """Tables at a path: how many, the name of the first, and its first rows."""

    num_files: int
    name: str
    head: pa.Table


def tables(path: str) -> Tables | None:
    """The first rows of the first table at a path, or None where there is none. Raises InputError if it is broken."""
    fs, root = fsspec.core.url_to_fs(path)
    names = fs.glob(root) if any(c in root for c in "*?[") else fs.find(root)
    found = sorted(name for name in names if name.lower().endswith(TABLE_SUFFIXES))
    if not found:
        return None
    first = found[0]
    try:
        with fs.open(first, "rb", compression="gzip" if first.endswith(".gz") else None) as handle:
            head = _parquet(handle) if first.lower().endswith(".parquet") else _csv(handle)
    except (pa.ArrowException, EOFError) as error:  # what Arrow says quotes the row
        said = "is it UTF-8, with one line of column names and as many cells in each line?"
        raise InputError(
            f"{first.rpartition('/')[2]} cannot be read as a table ({type(error).__name__}); {said}"
        ) from None
    return Tables(len(found), first.rpartition("/")[2], head)


def described(found: Tables, source: dict[str, Any]) -> Iterator[str]:
    """Columns with their types and what each could be, and the lines of a plan for the source."""
    columns = propose(found.head.column_names)
    targets = {column: target for target, column in columns.items()}
    yield f"tables     {found.num_files:,}; the first, {found.name}, has {found.head.num_columns} columns"
    for field in found.head.schema:
        yield f"  {field.name[:40]:<40} {str(field.type)[:30]:<30} {targets.get(field.name, 'metadata')}"
    if missing := [target for target in REQUIRED if target not in columns]:
        yield f"No column has a name that is known for: {', '.join(missing)}. Fill these in below."
    roles, num_others = _roles(found.head, columns.get("role"))
    if num_others:
        yield f"{num_others:,} values of the role column are no known word; map each to system, user, assistant, tool."
    yield ""
    yield "For a plan:"
    asked = {target: columns.get(target, "?") for target in (*REQUIRED, *columns)}
    plan = {"sources": [source | {"format": "turns", "columns": asked} | ({"roles": roles} if roles else {})]}
    yield from yaml.safe_dump(plan, sort_keys=False, allow_unicode=True, width=1000).splitlines()


def _roles(head: pa.Table, column: str | None) -> tuple[dict[str, str], int]:
    """The values of the role column that are known words, and how many are not: may be names, and are not shown."""
    if column is None:
        return {}, 0
    values = pc.unique(head[column]).drop_null().to_pylist()
    roles = propose_roles(values)
    return roles, len(values) - len(roles)


def _csv(handle: IO[bytes]) -> pa.Table:
    header = handle.read(_BLOCK).partition(b"\n")[0].decode("utf-8", "replace")
    handle.seek(0)
    delimiter = max(_DELIMITERS, key=header.count)
    reader = pa_csv.open_csv(
        handle,
        read_options=pa_csv.ReadOptions(block_size=_BLOCK),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
    )
    return pa.Table.from_batches([reader.read_next_batch().slice(0, _ROWS)])


def _parquet(handle: IO[bytes]) -> pa.Table:
    file = pq.ParquetFile(handle)
    batches = list(islice(file.iter_batches(_ROWS), 1))
    return pa.Table.from_batches(batches, file.schema_arrow)
