"""Flat turn tables: one row a turn, in CSV, TSV or Parquet; a conversation's rows may lie in several files.

    session,speaker,text              columns: {conversation_id: session, role: speaker, content: text}
    s1,customer,where is my order     roles: {customer: user, desk: assistant}
    s1,desk,on its way

Rows become tables of TURNS, one conversation's rows are brought together by the engine, and `conversations` makes
native records of them. Columns that the plan does not map become metadata, never a turn.
"""

import csv
import io
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any, BinaryIO, Final, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from refinery.errors import ParseError
from refinery.intake.native import ROLES, microseconds
from refinery.intake.parquet import Rows
from refinery.intake.reader import Limits
from refinery.intake.rows import Origin
from refinery.intake.source import CONVERSATION_COLUMNS, MESSAGE_COLUMNS, TARGETS, File, Source, open_file
from refinery.intake.unpack import Allowance, unpacked

TURNS: Final = pa.schema(
    [
        ("_source", pa.int32()),  # number of the source in the plan
        ("_file", pa.string()),  # name of the file below the source
        ("_row", pa.int64()),  # number of the row in its file, from 1, the header not counted
        *((name, pa.string()) for name in TARGETS),
        ("other", pa.string()),  # JSON of the columns that are not mapped
    ]
)
_READ_ROWS, _READ_BYTES = 8_192, 16 * 2**20
_TAKEN_ROWS: Final = 65_536
_RAW_CHARS: Final = 4_000
_Flags = npt.NDArray[np.bool_]


class BadRow(NamedTuple):
    """A row of a table (a file where `row` is null) that cannot be a turn."""

    row: int | None
    reason: str
    detail: str
    raw: str


class Place(NamedTuple):
    """A file of the frozen input: the number of its source, and its row groups where not all are meant."""

    source: int
    file: File
    groups: tuple[int, int] | None = None


class Conversation(NamedTuple):
    """Number of the source, place of the first row, native record; where none can be made, its id and the error."""

    source: int
    origin: Origin
    record: dict[str, Any]
    error: ParseError | None


def rows(source: Source, place: Place, limits: Limits) -> Iterator[pa.Table | BadRow]:
    """The file's rows as tables of TURNS, in order, and what cannot be one; memory by the batch, never by the file."""
    allowance = Allowance(max(limits.max_document_bytes, limits.max_expansion * place.file.size))
    try:
        with open_file(place.file) as handle:
            if ".parquet" in place.file.name.lower():
                yield from _parquet(source, place, Rows(handle, limits.max_line_bytes), allowance)
            else:
                _, plain = unpacked(place.file.name, handle, allowance, ParseError)
                yield from _csv(source, place, plain, limits.max_line_bytes)
    except PermissionError:
        yield BadRow(None, "unreadable_file", "permission denied", "")
    except ParseError as error:
        yield BadRow(None, error.reason, error.detail, "")
    except (ValueError, pa.ArrowException) as error:
        yield BadRow(None, "corrupt_file", f"{type(error).__name__}: the rows before this point were read", "")


class _Lines:
    """Lines of a text, one row's not over `limit` in all: a cell may hold line ends, and a quote be left open."""

    def __init__(self, text: io.TextIOWrapper, limit: int) -> None:
        self._text, self._limit, self._row = text, limit, 0

    def __iter__(self) -> Iterator[str]:
        while line := self._text.readline(self._limit + 1):
            self._row += len(line)
            if self._row > self._limit:
                raise csv.Error
            yield line

    def batches(self, delimiter: str) -> Iterator[list[list[str]]]:
        """The header alone, then rows by the thousand, or fewer where they are long; what stood before a fault too."""
        held, weight = list[list[str]](), 0
        try:
            for number, cells in enumerate(csv.reader(self, delimiter=delimiter)):
                held.append(cells)
                weight, self._row = weight + self._row, 0
                if not number or len(held) >= _READ_ROWS or weight >= _READ_BYTES:
                    yield held
                    held, weight = [], 0
        except (csv.Error, ParseError, ValueError):
            if held:
                yield held
            raise
        if held:
            yield held


def _csv(source: Source, place: Place, plain: BinaryIO, limit: int) -> Iterator[pa.Table | BadRow]:
    text = io.TextIOWrapper(plain, encoding=source.encoding, errors="surrogateescape", newline="")
    csv.field_size_limit(limit)
    batches = _Lines(text, limit).batches("\t" if ".tsv" in place.file.name.lower() else ",")
    try:
        (header,) = next(batches, [[]])
        if fault := _header_fault(source, header):
            yield fault
            return
        start = 1
        for batch in batches:
            yield from _cells(source, place, header, batch, start)
            start += len(batch)
    except csv.Error:
        said = f"a cell or line over {limit} bytes (a quote left open?); the rows before it were read"
        yield BadRow(None, "bad_csv", said, "")


def _header_fault(source: Source, header: list[str]) -> BadRow | None:
    missing = sorted(set(source.columns.values()) - set(header))
    if not missing and len(set(header)) == len(header):
        return None
    fault = f"columns {missing} are missing" if missing else "two columns have one name"
    # A file without a header has log text in its place: it stands in `raw`, which is masked.
    return BadRow(None, "wrong_columns", f"{fault}; what the file has is in `raw`", ",".join(header)[:_RAW_CHARS])


def _cells(
    source: Source, place: Place, header: list[str], batch: list[list[str]], start: int
) -> Iterator[pa.Table | BadRow]:
    good, numbers = list[list[str]](), list[int]()
    for number, cells in enumerate(batch, start):
        if not cells:  # an empty line
            continue
        if fault := _row_fault(cells, len(header)):
            yield BadRow(number, *fault, ",".join(cells)[:_RAW_CHARS])
        else:
            good.append(cells)
            numbers.append(number)
    if good:
        found = zip(header, zip(*good, strict=True), strict=True)
        yield from _turns(source, place, numbers, {name: pa.array(cells, pa.string()) for name, cells in found})


def _row_fault(cells: list[str], expected: int) -> tuple[str, str] | None:
    if len(cells) != expected:
        return "wrong_columns", f"{len(cells)} cells where the header has {expected}"
    if not all(cell.isascii() or cell.isprintable() or _is_text(cell) for cell in cells):
        return "wrong_encoding", "bytes that are not of the stated `encoding`"
    return None


def _is_text(cell: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in cell)


def _parquet(source: Source, place: Place, file: Rows, allowance: Allowance) -> Iterator[pa.Table | BadRow]:
    if fault := _header_fault(source, file.names):
        yield fault
        return
    groups = range(*place.groups) if place.groups else file.groups()
    start = 1 + file.num_rows(range(groups.start))
    for batch in file.batches(allowance, groups):
        if isinstance(batch, ParseError):
            yield BadRow(start, batch.reason, batch.detail, "")
            start += 1
        else:
            yield from _row_batch(source, place, batch, start)
            start += batch.num_rows


def _row_batch(source: Source, place: Place, batch: pa.RecordBatch, start: int) -> Iterator[pa.Table | BadRow]:
    numbers, good = np.arange(start, start + batch.num_rows), np.ones(batch.num_rows, bool)
    columns = dict[str, pa.Array]()
    for name in batch.schema.names:
        columns[name], fine = _strings(batch.column(name))
        good &= fine
    for number in numbers[~good].tolist():
        yield BadRow(number, "wrong_encoding", "text that is not UTF-8", "")
    kept = pa.array(good)
    yield from _turns(source, place, numbers[good], {name: column.filter(kept) for name, column in columns.items()})


def _strings(column: pa.Array) -> tuple[pa.Array, _Flags]:
    """Any column as text (numbers and times as they print, nested values as JSON), and which values are."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    fine: _Flags = np.ones(len(column), bool)
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        try:
            return pc.cast(pc.cast(column, pa.binary()), pa.string()), fine  # this way its encoding is looked at
        except pa.ArrowInvalid:
            texts = [_decoded(value) for value in pc.cast(column, pa.binary()).to_pylist()]
            fine = np.array([text is not False for text in texts])
            return pa.array([text or None for text in texts], pa.string()), fine
    if pa.types.is_primitive(kind):
        return pc.cast(column, pa.string()), fine
    return pa.array([_json(value) for value in column.to_pylist()], pa.string()), fine


def _decoded(value: bytes | None) -> str | None | Literal[False]:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return False


def _json(value: object) -> str | None:
    return None if value is None else orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()


def _turns(source: Source, place: Place, numbers: Any, columns: dict[str, pa.Array]) -> Iterator[pa.Table | BadRow]:  # noqa: ANN401
    """One batch as TURNS; rows that name no conversation are bad."""
    num = len(numbers)
    mapped = {target: columns[name] for target, name in source.columns.items()}
    rest = {name: column for name, column in columns.items() if name not in source.columns.values()}
    facts: dict[str, Any] = {
        "_source": pa.array(np.full(num, place.source, np.int32)),
        "_file": pa.array([place.file.name] * num, pa.string()),
        "_row": pa.array(np.asarray(numbers, np.int64)),
        "other": _other(rest, num),
    }
    table = pa.table([facts.get(f.name, mapped.get(f.name, pa.nulls(num, f.type))) for f in TURNS], schema=TURNS)
    named = pc.not_equal(pc.fill_null(table["conversation_id"], ""), "")
    for row in table.filter(pc.invert(named))["_row"].to_pylist():
        yield BadRow(row, "no_conversation_id", f"column {source.columns['conversation_id']!r} is empty", "")
    yield table.filter(named)


def _other(columns: dict[str, pa.Array], num: int) -> pa.Array:
    if not columns:
        return pa.nulls(num, pa.string())
    rows = pa.table(columns).to_pylist()
    return pa.array([orjson.dumps({k: v for k, v in row.items() if v}).decode() for row in rows], pa.string())


def conversations(table: pa.Table, sources: tuple[Source, ...], zone: tzinfo) -> Iterator[Conversation]:
    """All rows of some conversations, files in order -> the conversations.

    Conversations come in the order of their first rows; their turns go by
    `turn_idx` where it is mapped, else by `created_at` where that is, else as they stand.
    """
    if not table.num_rows:
        return
    table = table.combine_chunks()
    source = pc.cast(table["_source"], pa.string())
    codes = pc.dictionary_encode(pc.binary_join_element_wise(source, table["conversation_id"], "/")).combine_chunks()
    order = np.argsort(codes.indices.to_numpy(), kind="stable")
    held = list[dict[str, Any]]()
    for start in range(0, len(order), _TAKEN_ROWS):
        for row in table.take(pa.array(order[start : start + _TAKEN_ROWS])).to_pylist():
            if held and (row["_source"], row["conversation_id"]) != (held[0]["_source"], held[0]["conversation_id"]):
                yield _conversation(held, sources, zone)
                held = []
            held.append(row)
    yield _conversation(held, sources, zone)


def _conversation(held: list[dict[str, Any]], sources: tuple[Source, ...], zone: tzinfo) -> Conversation:
    number, name = held[0]["_source"], held[0]["conversation_id"]
    origin = Origin(sources[number].name, held[0]["_file"], None, held[0]["_row"])
    try:
        return Conversation(number, origin, _native(held, sources[number], zone), None)
    except ParseError as error:
        return Conversation(number, origin, {"conversation_id": name}, error)


def _native(held: list[dict[str, Any]], source: Source, zone: tzinfo) -> dict[str, Any]:
    for row in held:
        row["created_at"] = _seconds(row["created_at"], zone)
    turns = _distinct(_ordered(held, source))
    record: dict[str, Any] = {
        "conversation_id": turns[0]["conversation_id"],
        "created_at": min((row["created_at"] for row in turns if row["created_at"] is not None), default=None),
        "messages": [_message(row, source) for row in turns],
        **{key: next((row[key] for row in turns if row[key]), None) for key in CONVERSATION_COLUMNS},
        "columns": _metadata([orjson.loads(row["other"]) if row["other"] else {} for row in turns]) or None,
        "repeated_rows": len(held) - len(turns) or None,
    }
    return {key: value for key, value in record.items() if value is not None}


def _seconds(text: str | None, zone: tzinfo) -> float | None:
    """Epoch seconds of a time in ISO 8601 or epoch seconds."""
    if not text:
        return None
    try:
        value: str | float = float(text)
    except ValueError:
        value = text
    found = microseconds(value, zone, "created_at")
    return None if found is None else found / 1_000_000


def _ordered(held: list[dict[str, Any]], source: Source) -> list[dict[str, Any]]:
    if "turn_idx" in source.columns:
        return sorted(held, key=lambda row: _index(row["turn_idx"]))
    last, keys = 0.0, list[float]()
    for row in held:  # a turn without a time stays behind the one before it; without any, all stay as they stand
        last = last if row["created_at"] is None else row["created_at"]
        keys.append(last)
    return [held[i] for i in sorted(range(len(held)), key=keys.__getitem__)]


def _distinct(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that two exports both hold, once; a turn number that comes with two contents is refused."""
    seen = dict[str, tuple[Any, ...]]()
    kept = list[dict[str, Any]]()
    for row in turns:
        said = tuple(row[name] for name in MESSAGE_COLUMNS)
        if row["turn_idx"] is None or row["turn_idx"] not in seen:
            kept.append(row)
        elif seen[row["turn_idx"]] != said:
            raise ParseError("turn_twice", "one turn number stands on two rows of other content")
        seen[row["turn_idx"]] = said
    return kept


def _index(value: str | None) -> float:
    try:
        return float(value or "")
    except ValueError:
        raise ParseError("wrong_type", "turn_idx must be a number") from None


def _message(row: dict[str, Any], source: Source) -> dict[str, Any]:
    word = (row["role"] or "").strip()
    role = source.roles.get(word, word)
    if role not in ROLES:
        known = ", ".join(sorted({*ROLES, *source.roles}))
        raise ParseError("unknown_role", f"a row's role is not one of {known}; map it by `roles` of the source")
    message = {name: row[name] or None for name in MESSAGE_COLUMNS if name not in ("role", "content")}
    message |= {"tool_calls": _calls(row["tool_calls"]), "created_at": row["created_at"]}
    return {"role": role, "content": row["content"], **{k: v for k, v in message.items() if v is not None}}


def _calls(text: str | None) -> object:
    if not text:
        return None
    try:
        return cast(object, orjson.loads(text))
    except orjson.JSONDecodeError:
        raise ParseError("bad_tool_call", "tool_calls must be JSON: a list of calls") from None


def _metadata(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A column that says one thing in all rows as that, another as the list of what it says."""
    names = dict.fromkeys(name for row in rows for name in row)
    found = {name: [row.get(name) for row in rows] for name in names}
    return {name: values[0] if all(v == values[0] for v in values) else values for name, values in found.items()}
