"""A source of logs: which files it names, and the records that each file holds.

Files are listed once, when a run freezes its input. JSON lines are read by byte range, so that one large file is many
tasks; compressed files and archives are read in order by one task; a JSON document is read whole.
"""

import fnmatch
import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, NamedTuple, cast

import fsspec
import orjson
from fsspec.implementations.local import LocalFileSystem
from pydantic import BaseModel, ConfigDict, Field, field_validator

from refinery.errors import InputError, ParseError, PlanError
from refinery.intake.formats import FORMATS, Adapter, adapter, detect
from refinery.intake.rows import Origin

LINE_SUFFIXES: Final = (".jsonl", ".ndjson")
ARCHIVE_SUFFIXES: Final = (".tar.gz", ".tgz", ".tar")
PACKED_SUFFIXES: Final = (".gz", ".tgz")
KNOWN_SUFFIXES: Final = (".json", ".json.gz", *LINE_SUFFIXES, *(f"{s}.gz" for s in LINE_SUFFIXES), *ARCHIVE_SUFFIXES)
_RAW_BYTES: Final = 4_000
_AFRESH: Final = "remove input.json of this run in the lake (runs/<run id>) and run again with what is there now"
_TRUNCATED: Final = (EOFError, zlib.error, gzip.BadGzipFile, tarfile.ReadError)


class File(NamedTuple):
    """A file of the frozen input: its path below the source, where it lies, bytes, and a stamp that changes with it."""

    name: str
    url: str
    size: int
    stamp: str


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


class Source(BaseModel):
    """Logs under one name: `path` is a file, a folder or a glob, local or any URL that fsspec opens."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    path: str
    format: str = "auto"
    event_date: str | None = Field(None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    """The day of logs that carry no time."""

    @field_validator("format")
    @classmethod
    def _known(cls, value: str) -> str:
        if value != "auto" and value not in FORMATS:
            raise PlanError(f"unknown log format {value!r}; known: {', '.join(['auto', *FORMATS])}")
        return value

    def freeze(self) -> list[File]:
        """All files of the source, sorted by name; raises InputError when there is none."""
        fs, root = fsspec.core.url_to_fs(self.path)
        if any(c in root for c in "*?["):
            base = root.split("*")[0].split("?")[0].split("[")[0].rpartition("/")[0]
            found = fs.glob(root, detail=True)
        elif fs.isdir(root):
            base, found = root.rstrip("/"), fs.find(root, detail=True)
        elif fs.exists(root):
            base, found = root.rpartition("/")[0], {root: fs.info(root)}
        else:
            raise InputError(f"source {self.name!r}: nothing is at {self.path}; give a file, a folder or a glob")
        files = [
            File(path[len(base) + 1 :], fs.unstrip_protocol(path), facts["size"], _stamp(facts))
            for path, facts in sorted(found.items())
            if _is_log(path[len(base) + 1 :]) and (facts["type"] == "file" or fs.isfile(path))
        ]
        if not files:
            raise InputError(f"source {self.name!r}: no log files at {self.path}; endings read: {KNOWN_SUFFIXES}")
        if strange := [file.name for file in files if not _is_text(file.name)]:
            shown = [name.encode("utf-8", "backslashreplace").decode() for name in strange]
            raise InputError(f"source {self.name!r}: names that are not UTF-8, rename the files: {shown[:5]}")
        return files


def _is_log(name: str) -> bool:
    return name.lower().endswith(KNOWN_SUFFIXES) and not _hidden(name)


def _is_text(name: str) -> bool:
    """Whether a name is Unicode; names of other encodings carry surrogates, which no JSON or Parquet file takes."""
    return name.isascii() or not any("\ud800" <= c <= "\udfff" for c in name)


def _stamp(facts: dict[str, Any]) -> str:
    return str(facts.get("ETag") or facts.get("etag") or facts.get("mtime") or facts.get("LastModified"))


def _hidden(name: str) -> bool:
    return any(fnmatch.fnmatch(part, "[._]*") for part in PurePosixPath(name).parts)


def splittable(file: File) -> bool:
    """Whether byte ranges of the file can be read apart."""
    return file.name.endswith(LINE_SUFFIXES)


def verify(file: File) -> None:
    """Raises InputError if the file is no longer what the run froze."""
    try:
        if file.url.startswith("file://"):
            facts = LocalFileSystem().info(file.url.removeprefix("file://"))
        else:
            fs, path = fsspec.core.url_to_fs(file.url)
            facts = fs.info(path)
    except FileNotFoundError:
        raise InputError(f"{file.name} was in the frozen input and is gone; put it back, or {_AFRESH}") from None
    if facts["size"] != file.size or _stamp(facts) != file.stamp:
        raise InputError(f"{file.name} changed since the run froze its input; restore it, or {_AFRESH}")


def count_newlines(file: File, start: int, end: int) -> int:
    """Newlines in bytes [start, end)."""
    total = 0
    with _open(file) as handle:
        handle.seek(start)
        while start < end and (block := handle.read(min(2**20, end - start))):
            total += block.count(b"\n")
            start += len(block)
    return total


def read(
    source: Source, file: File, limits: Limits, span: tuple[int, int, int] | None = None
) -> Iterator[tuple[Origin, dict[str, Any]] | Bad]:
    """Records in the native form, or what is bad, in file order.

    `span` is (first byte, end byte, number of the first line that starts in it) of a splittable file: a line belongs
    to the span in which it starts.
    """
    whole = Origin(source.name, file.name, None, None)
    try:
        with _open(file) as handle:
            yield from _Reader(source, limits).file(whole, handle, span)
    except _TRUNCATED as error:
        yield Bad(whole, "truncated_file", f"{type(error).__name__}: the records before this point were read", b"")
    except PermissionError:
        yield Bad(whole, "unreadable_file", "permission denied", b"")


def _open(file: File) -> BinaryIO:
    if file.url.startswith("file://"):  # not through fsspec, which reads `::` in a name as a chain of filesystems
        return open(file.url.removeprefix("file://"), "rb")
    return cast(BinaryIO, fsspec.open(file.url, "rb").open())


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
        start, end, number = span
        if start:
            handle.seek(start - 1)
            start += _skip_line(handle, end - start + 1) - 1
        use, limit = self._stated, self._limits.max_line_bytes
        while start < end and (line := _line(handle, limit)):
            here, number = at._replace(line=number), number + 1
            start += len(line)
            if len(line) > limit:
                start += 0 if line.endswith(b"\n") else _skip_line(handle)
                yield Bad(here, "line_too_long", f"over {limit} bytes", line[:_RAW_BYTES])
                continue
            line = line.removeprefix(b"\xef\xbb\xbf") if here.line == 1 else line
            if line.isspace():
                continue
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                yield Bad(here, "not_json", f"at character {error.pos}", line[:_RAW_BYTES])
                continue
            try:
                use = use or detect(record)
                yield here, use.native(record)
            except ParseError as error:
                yield refused(here, error, record)

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
