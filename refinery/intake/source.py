"""A source of logs: which files it names, listed once, when a run freezes its input."""

import codecs
import fnmatch
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, NamedTuple, Self, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from refinery.errors import InputError, PlanError
from refinery.intake.formats import FORMATS
from refinery.intake.native import ROLES

LINE_SUFFIXES: Final = (".jsonl", ".ndjson")
ARCHIVE_SUFFIXES: Final = (".tar.gz", ".tgz", ".tar")
PACKED_SUFFIXES: Final = (".gz", ".tgz")
KNOWN_SUFFIXES: Final = (".json", ".json.gz", *LINE_SUFFIXES, *(f"{s}.gz" for s in LINE_SUFFIXES), *ARCHIVE_SUFFIXES)
TABLE_SUFFIXES: Final = (".csv", ".csv.gz", ".csv.zst", ".tsv", ".tsv.gz", ".tsv.zst", ".parquet")
"""Read where `format: turns` is stated."""
MESSAGE_COLUMNS: Final = ("role", "content", "created_at", "agent_name", "tool_calls", "tool_call_id", "source_label")
CONVERSATION_COLUMNS: Final = ("scenario", "model_version", "end_reason")
NEEDED: Final = ("conversation_id", "role", "content")
TARGETS: Final = (*NEEDED, "turn_idx", *MESSAGE_COLUMNS[2:], *CONVERSATION_COLUMNS)
"""What a column of a turn table can be mapped onto."""
_AFRESH: Final = "remove input.json of this run in the lake (runs/<run id>) and run again with what is there now"


class File(NamedTuple):
    """A file of the frozen input: its path below the source, where it lies, bytes, and a stamp that changes with it."""

    name: str
    url: str
    size: int
    stamp: str


class Source(BaseModel):
    """Logs under one name: `path` is a file, a folder or a glob, local or any URL that fsspec opens."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    path: str
    format: str = "auto"
    event_date: str | None = Field(None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    """The day of logs that carry no time."""
    columns: dict[str, str] = {}
    """Of `turns`: what the refinery calls it -> the table's column; columns not named become metadata."""
    roles: dict[str, str] = {}
    """Of `turns`: the table's word -> system, user, assistant or tool; those words need no entry."""
    encoding: str = "utf-8-sig"
    """Of `turns` in CSV: a Python codec, such as gb18030."""

    @field_validator("format")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in {"auto", "turns", *FORMATS}:
            raise PlanError(f"unknown log format {value!r}; known: {', '.join(['auto', *FORMATS, 'turns'])}")
        return value

    @model_validator(mode="after")
    def _mapped(self) -> Self:
        if self.format != "turns":
            if self.columns or self.roles or self.encoding != "utf-8-sig":
                raise PlanError(f"source {self.name!r}: columns, roles and encoding belong to `format: turns`")
            return self
        missing, strange = sorted(set(NEEDED) - set(self.columns)), sorted(set(self.columns) - set(TARGETS))
        if missing or strange:
            fault = f"{missing} are not mapped" if missing else f"{strange} are not known"
            raise PlanError(f"source {self.name!r}: columns: {fault}; known: {', '.join(TARGETS)}")
        if len(set(self.columns.values())) < len(self.columns):
            raise PlanError(f"source {self.name!r}: columns: one column of the table is mapped twice")
        if wrong := sorted(set(self.roles.values()) - ROLES):
            raise PlanError(f"source {self.name!r}: roles: {wrong} are none of {', '.join(sorted(ROLES))}")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise PlanError(f"source {self.name!r}: unknown encoding {self.encoding!r}; e.g. gb18030") from None
        return self

    @property
    def endings(self) -> tuple[str, ...]:
        """Of the files that are read."""
        return TABLE_SUFFIXES if self.format == "turns" else KNOWN_SUFFIXES

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
            if _is_log(path[len(base) + 1 :], self.endings) and (facts["type"] == "file" or fs.isfile(path))
        ]
        if not files:
            raise InputError(f"source {self.name!r}: no log files at {self.path}; endings read: {self.endings}")
        if strange := [file.name for file in files if not _is_text(file.name)]:
            shown = [name.encode("utf-8", "backslashreplace").decode() for name in strange]
            raise InputError(f"source {self.name!r}: names that are not UTF-8, rename the files: {shown[:5]}")
        return files


def _is_log(name: str, endings: tuple[str, ...]) -> bool:
    return name.lower().endswith(endings) and not _hidden(name)


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
    with open_file(file) as handle:
        handle.seek(start)
        while start < end and (block := handle.read(min(2**20, end - start))):
            total += block.count(b"\n")
            start += len(block)
    return total


def open_file(file: File) -> BinaryIO:
    """The file's bytes, as they are stored."""
    if file.url.startswith("file://"):  # not through fsspec, which reads `::` in a name as a chain of filesystems
        return open(file.url.removeprefix("file://"), "rb")
    return cast(BinaryIO, fsspec.open(file.url, "rb").open())
