"""Reads the records of one file: what each holds in the native form, or what is bad about it.

JSON lines are read by byte range, so that one large file is many tasks; compressed files, archives and Parquet in
order; a JSON document is read whole. What is bad costs a line, or, where the file itself is at fault, what stands
behind the fault.
"""

import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO, Final, NamedTuple, cast

import orjson
from pydantic import BaseModel, ConfigDict, Field

from refinery.errors import ParseError
from refinery.intake.formats import Adapter, Lines, Told, adapter, detect
from refinery.intake.parquet import Rows
from refinery.intake.parse import parsed, repeated
from refinery.intake.rows import Origin
from refinery.intake.source import (
    LINE_SUFFIXES,
    MEMBER_SUFFIXES,
    File,
    Source,
    ending,
    is_hidden,
    open_file,
    shown,
)
from refinery.intake.unpack import Allowance, Member, WholeFile, tar_members, unpacked, zip_members

_RAW_BYTES: Final = 4_000
_BOM: Final = b"\xef\xbb\xbf"
_FIRST_LINES: Final = 5
_FIRST_ROWS: Final = 100


class Bad(NamedTuple):
    """A line, or a file or member where `line` is null, that could not be parsed."""

    origin: Origin
    reason: str
    detail: str
    raw: bytes  # the beginning of the line, as it stood
    source_id: str | None = None  # where the line parsed and says it


Found = Iterator[tuple[Origin, dict[str, Any]] | Bad]


class Limits(BaseModel):
    """What one record, document or file may weigh before the rest of it is refused unread."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    max_line_bytes: int = Field(64 * 2**20, gt=0)
    max_document_bytes: int = Field(512 * 2**20, gt=0)
    max_expansion: int = Field(200, gt=0)
    """Times its own bytes that a packed file may unpack to; up to `max_document_bytes` it always may. STAR's archive
    unpacks to 9.8 times its bytes and JSON lines to 20 times or more; gz at its most, on zeros, to 1,032 times."""


def read(source: Source, file: File, limits: Limits, span: tuple[int, int, int] | None = None) -> Found:
    """Records in the native form, or what is bad, in file order.

    `span` is (first byte, end byte, number of the first line that starts in it) of a splittable file: a line belongs
    to the span in which it starts. Raises InputError where the file is gone.
    """
    whole = Origin(source.name, file.name, None, None)
    try:
        with open_file(file) as handle:
            yield from _Reader(source, limits, file.size).file(whole, handle, span)
    except ParseError as error:
        yield Bad(whole, error.reason, error.detail, b"")
    except PermissionError:
        yield Bad(whole, "unreadable_file", "permission denied", b"")


class _Reader:
    """Reads one file; the format, unless stated, is detected on the first record of each file or member."""

    def __init__(self, source: Source, limits: Limits, size: int) -> None:
        self._limits = limits
        self._stated: Adapter | None = None if source.format == "auto" else adapter(source.format)
        # A limit for each level of packing: the file's own, its members', what is packed within them, rows of Parquet.
        most = max(limits.max_document_bytes, limits.max_expansion * size)
        self._outer, self._members, self._inner, self._rows_left = (Allowance(most) for _ in range(4))

    def file(self, at: Origin, handle: BinaryIO, span: tuple[int, int, int] | None) -> Found:
        name, content = unpacked(at.file, handle, self._outer, WholeFile)
        if name.endswith(".tar"):
            yield from self._archive(at, tar_members(content, self._members))
        elif name.endswith(".zip"):
            yield from self._archive(at, zip_members(content, self._members))
        else:
            yield from self._content(at, name, content, span)

    def _archive(self, at: Origin, members: Iterator[Member]) -> Found:
        passed = Counter[str]()
        try:
            for member in members:
                if why := _passed_over(member):
                    passed[why] += 1
                else:
                    yield from self._member(at._replace(member=member.name), member)
        except WholeFile:
            yield from _told(at, passed)
            raise
        yield from _told(at, passed)

    def _member(self, at: Origin, member: Member) -> Found:
        try:
            name, content = unpacked(member.name, member.open(), self._inner, ParseError)
            yield from self._content(at, name, content, None)
        except WholeFile:
            raise
        except ParseError as error:
            yield Bad(at, error.reason, error.detail, b"")

    def _content(self, at: Origin, name: str, handle: BinaryIO, span: tuple[int, int, int] | None) -> Found:
        if name.endswith(LINE_SUFFIXES):
            yield from self._lines(at, handle, span or (0, 2**63, 1))
        elif name.endswith(".parquet"):
            # What is in an archive cannot be read from its end, as Parquet is, so it is read whole.
            yield from self._rows(at, handle if at.member is None else io.BytesIO(self._whole(handle)))
        else:
            yield from self._document(at, handle)

    def _lines(self, at: Origin, handle: BinaryIO, span: tuple[int, int, int]) -> Found:
        lines = Lines[Origin](self._stated)
        try:
            yield from self._each_line(at, handle, span, lines)
        except Exception:  # of the file: what it held before that is told first
            yield from map(_judged, lines.rest())
            raise
        yield from map(_judged, lines.rest())

    def _each_line(self, at: Origin, handle: BinaryIO, span: tuple[int, int, int], lines: Lines[Origin]) -> Found:
        start, end, number = span
        if start:
            handle.seek(start - 1)
            start += _skip_line(handle, end - start + 1) - 1
        limit = self._limits.max_line_bytes
        while start < end and (line := handle.readline(limit + 1)):
            here, number = at._replace(line=number, weight=len(line)), number + 1
            start += len(line)
            if len(line) > limit:
                start += 0 if line.endswith(b"\n") else _skip_line(handle)
                error = ParseError("line_too_long", f"over {limit} bytes")
                yield from map(_judged, lines.refuse(here, line[:_RAW_BYTES], _RAW_BYTES, error))
                continue
            line = line.removeprefix(_BOM)  # at any line: files with marks are put one behind the other
            if not line or line.isspace():
                continue
            try:
                record = parsed(line, limit, "line_too_long")
            except ParseError as error:
                yield from map(_judged, lines.refuse(here, line[:_RAW_BYTES], _RAW_BYTES, error))
                continue
            try:
                fault = _twice() if repeated(line, record) else None
            except ParseError as error:
                fault = error
            size = len(line)
            told = lines.read(here, record, size) if fault is None else lines.refuse(here, record, size, fault)
            yield from map(_judged, told)

    def _rows(self, at: Origin, handle: BinaryIO) -> Found:
        rows = Rows(handle, self._limits.max_line_bytes)
        first = islice(rows.records(Allowance(self._limits.max_document_bytes)), _FIRST_ROWS)
        use = self._stated or next(filter(None, map(_detected, first)), None)
        for number, row in enumerate(rows.records(self._rows_left), 1):
            here = at._replace(line=number)
            if use is None:
                raise ParseError("unknown_format", f"no row is a conversation; {rows.columns()}")
            if isinstance(row, ParseError):
                yield Bad(here, row.reason, row.detail, b"")
                continue
            try:
                yield here, use.native(row)
            except ParseError as error:
                yield refused(here, error, row)

    def _document(self, at: Origin, handle: BinaryIO) -> Found:
        data = self._whole(handle)
        if data.startswith(_BOM):
            del data[: len(_BOM)]
        if not data or data.isspace():
            raise ParseError("empty_file", "a JSON document without a value")
        try:
            document = parsed(data, self._limits.max_document_bytes, "document_too_long")
        except ParseError as error:
            if error.reason == "document_too_long" or not _looks_like_lines(data):
                yield Bad(at, error.reason, error.detail, bytes(data[:_RAW_BYTES]))
            else:
                yield from self._lines(at, cast(BinaryIO, io.BytesIO(data)), (0, 2**63, 1))
            return
        try:
            twice = repeated(data, document)
            del data
            yield from self._records(at, document, twice)
        except ParseError as error:
            yield refused(at, error, document)

    def _records(self, at: Origin, document: object, twice: set[int]) -> Found:
        if id(document) in twice:
            raise _twice()
        use = self._stated or detect(document)
        for number, record in enumerate(use.records(document), 1):
            here = at._replace(line=number)
            try:
                if id(record) in twice:
                    raise _twice()
                yield here, use.native(record)
            except ParseError as error:
                yield refused(here, error, record)

    def _whole(self, handle: BinaryIO) -> bytearray:
        """All bytes, or ParseError; block by block, since one large read allocates its limit."""
        limit, data = self._limits.max_document_bytes, bytearray()
        while block := handle.read(2**20):
            data += block
            if len(data) > limit:
                raise ParseError("document_too_long", f"over {limit} bytes; write JSON lines")
        return data


def _passed_over(member: Member) -> str | None:
    if member.other or is_hidden(member.name):
        return member.other or "hidden"
    return None if member.name.lower().endswith(MEMBER_SUFFIXES) else ending(member.name)


def _told(at: Origin, passed: Counter[str]) -> Iterator[Bad]:
    if passed:
        yield Bad(at, "members_passed_over", shown(passed), b"")


def _twice() -> ParseError:
    return ParseError("duplicate_key", "a key stands twice in one object; which of the two counts is not known")


def _detected(record: object) -> Adapter | None:
    try:
        return None if isinstance(record, ParseError) else detect(record)
    except ParseError:
        return None


def _skip_line(handle: BinaryIO, most: int = 2**63) -> int:
    """Passes to the end of the line, or `most` bytes and a little on; in pieces, so that no line fills the memory."""
    skipped = 0
    while skipped < most and (piece := handle.readline(2**20)):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped


def _looks_like_lines(data: bytearray) -> bool:
    """Whether one of the first lines is an object by itself."""
    start = 0
    for _ in range(_FIRST_LINES):
        end = data.find(b"\n", start) + 1 or len(data)
        try:
            if isinstance(orjson.loads(data[start:end]), dict):
                return True
        except orjson.JSONDecodeError:
            start = end
    return False


def _judged(found: Told[Origin]) -> tuple[Origin, dict[str, Any]] | Bad:
    at, record, native = found
    if not isinstance(native, ParseError):
        return at, native
    return Bad(at, native.reason, native.detail, record) if isinstance(record, bytes) else refused(at, native, record)


def refused(origin: Origin, error: ParseError, record: object) -> Bad:
    """A record that parsed and was refused: its shape is kept, and none of its text but the id."""
    found = record.get("conversation_id") if isinstance(record, dict) else None
    source_id = found if isinstance(found, str) else None
    return Bad(origin, error.reason, error.detail, orjson.dumps(_shape(record))[:_RAW_BYTES], source_id)


def _shape(value: object, depth: int = 3) -> object:
    if isinstance(value, dict) and depth:
        return {str(key)[:40]: _shape(inner, depth - 1) for key, inner in list(value.items())[:40]}
    if isinstance(value, list) and depth:
        return [_shape(inner, depth - 1) for inner in value[:3]]
    return type(value).__name__
