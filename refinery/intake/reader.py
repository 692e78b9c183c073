"""Reads the records of one file: what each holds in the native form, or what is bad about it.

JSON lines are read by byte range, so that one large file is many tasks; compressed files and archives in order; a JSON
document is read whole. What is bad costs a line, or, where the file itself is at fault, what stands behind the fault.
"""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple, cast

import orjson
from pydantic import BaseModel, ConfigDict, Field

from refinery.errors import ParseError
from refinery.intake.formats import Adapter, Lines, Told, adapter, detect
from refinery.intake.rows import Origin
from refinery.intake.source import ARCHIVE_SUFFIXES, LINE_SUFFIXES, File, Source, open_file

_RAW_BYTES: Final = 4_000
_TRUNCATED: Final = (EOFError, zlib.error, gzip.BadGzipFile, tarfile.ReadError)


class Bad(NamedTuple):
    """A line, or a file where `line` is null, that could not be parsed."""

    origin: Origin
    reason: str
    detail: str
    raw: bytes  # the beginning of the line, as it stood
    source_id: str | None = None  # where the line parsed and says it


class Limits(BaseModel):
    """What one record or document may weigh before it is refused unread."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    max_line_bytes: int = Field(64 * 2**20, gt=0)
    max_document_bytes: int = Field(512 * 2**20, gt=0)


def read(
    source: Source, file: File, limits: Limits, span: tuple[int, int, int] | None = None
) -> Iterator[tuple[Origin, dict[str, Any]] | Bad]:
    """Records in the native form, or what is bad, in file order.

    `span` is (first byte, end byte, number of the first line that starts in it) of a splittable file: a line belongs
    to the span in which it starts.
    """
    whole = Origin(source.name, file.name, None, None)
    try:
        with open_file(file) as handle:
            yield from _Reader(source, limits).file(whole, handle, span)
    except _TRUNCATED as error:
        yield Bad(whole, "truncated_file", f"{type(error).__name__}: the records before this point were read", b"")
    except PermissionError:
        yield Bad(whole, "unreadable_file", "permission denied", b"")


class _Reader:
    """Reads one file; the format, unless stated, is detected on the first record of each file or member."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self._limits = limits
        self._stated: Adapter | None = None if source.format == "auto" else adapter(source.format)

    def file(
        self, at: Origin, handle: BinaryIO, span: tuple[int, int, int] | None
    ) -> Iterator[tuple[Origin, dict[str, Any]] | Bad]:
        name = at.file
        if name.endswith(ARCHIVE_SUFFIXES):
            yield from self._archive(at, handle)
            return
        if name.endswith(".gz"):
            handle, name = cast(BinaryIO, io.BufferedReader(gzip.GzipFile(fileobj=handle))), name[:-3]
        yield from self._content(at, name, handle, span)

    def _archive(self, at: Origin, handle: BinaryIO) -> Iterator[tuple[Origin, dict[str, Any]] | Bad]:
        with tarfile.open(fileobj=handle, mode="r|*") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content is not None:
                    yield from self._content(
                        at._replace(member=member.name), member.name, cast(BinaryIO, content), None
                    )

    def _content(
        self, at: Origin, name: str, handle: BinaryIO, span: tuple[int, int, int] | None
    ) -> Iterator[tuple[Origin, dict[str, Any]] | Bad]:
        if name.endswith(LINE_SUFFIXES):
            yield from self._lines(at, handle, span or (0, 2**63, 1))
        else:
            yield from self._document(at, handle)

    def _lines(
        self, at: Origin, handle: BinaryIO, span: tuple[int, int, int]
    ) -> Iterator[tuple[Origin, dict[str, Any]] | Bad]:
        lines = Lines[Origin](self._stated)
        try:
            yield from self._each_line(at, handle, span, lines)
        except Exception:  # of the file: what it held before that is told first
            yield from map(_judged, lines.rest())
            raise
        yield from map(_judged, lines.rest())

    def _each_line(
        self, at: Origin, handle: BinaryIO, span: tuple[int, int, int], lines: Lines[Origin]
    ) -> Iterator[tuple[Origin, dict[str, Any]] | Bad]:
        start, end, number = span
        if start:
            handle.seek(start - 1)
            start += _skip_line(handle, end - start + 1) - 1
        limit = self._limits.max_line_bytes
        while start < end and (line := _line(handle, limit)):
            here, number = at._replace(line=number), number + 1
            start += len(line)
            if len(line) > limit:
                start += 0 if line.endswith(b"\n") else _skip_line(handle)
                error = ParseError("line_too_long", f"over {limit} bytes")
                yield from map(_judged, lines.refuse(here, line[:_RAW_BYTES], _RAW_BYTES, error))
                continue
            line = line.removeprefix(b"\xef\xbb\xbf") if here.line == 1 else line
            if line.isspace():
                continue
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError as fault:
                error = ParseError("not_json", f"at character {fault.pos}")
                yield from map(_judged, lines.refuse(here, line[:_RAW_BYTES], _RAW_BYTES, error))
                continue
            yield from map(_judged, lines.read(here, record, len(line)))

    def _document(self, at: Origin, handle: BinaryIO) -> Iterator[tuple[Origin, dict[str, Any]] | Bad]:
        data = _whole(handle, self._limits.max_document_bytes)
        if len(data) > self._limits.max_document_bytes:
            yield Bad(
                at,
                "document_too_long",
                f"over {self._limits.max_document_bytes} bytes; write JSON lines",
                data[:_RAW_BYTES],
            )
            return
        try:
            document = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError as error:
            if _looks_like_lines(data):
                yield from self._lines(at, cast(BinaryIO, io.BytesIO(data)), (0, 2**63, 1))
            else:
                yield Bad(at, "not_json", f"at character {error.pos}", data[:_RAW_BYTES])
            return
        yield from self._records(at, document)

    def _records(self, at: Origin, document: object) -> Iterator[tuple[Origin, dict[str, Any]] | Bad]:
        try:
            use = self._stated or detect(document)
            found = use.records(document)
            for number, record in enumerate(found, 1):
                here = at._replace(line=number)
                try:
                    yield here, use.native(record)
                except ParseError as error:
                    yield refused(here, error, record)
        except ParseError as error:
            yield refused(at, error, document)


def _whole(handle: BinaryIO, limit: int) -> bytes:
    """All bytes, or a little more than `limit` of them; block by block, since one large read allocates its limit."""
    blocks, size = list[bytes](), 0
    while size <= limit and (block := handle.read(2**20)):
        blocks.append(block)
        size += len(block)
    return b"".join(blocks)


def _line(handle: BinaryIO, limit: int) -> bytes:
    return handle.readline(limit + 1)


def _skip_line(handle: BinaryIO, most: int = 2**63) -> int:
    """Passes to the end of the line, or `most` bytes and a little on; in pieces, so that no line fills the memory."""
    skipped = 0
    while skipped < most and (piece := handle.readline(2**20)):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped


def _looks_like_lines(data: bytes) -> bool:
    first = data.partition(b"\n")[0]
    try:
        return isinstance(orjson.loads(first), dict)
    except orjson.JSONDecodeError:
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
