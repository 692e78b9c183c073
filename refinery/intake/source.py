"""A source of logs: which files it names, listed once, when a run freezes its input."""

import fnmatch
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, NamedTuple, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem
from pydantic import BaseModel, ConfigDict, Field, field_validator

from refinery.errors import InputError, PlanError
from refinery.intake.formats import FORMATS

LINE_SUFFIXES: Final = (".jsonl", ".ndjson")
ARCHIVE_SUFFIXES: Final = (".tar.gz", ".tgz", ".tar")
PACKED_SUFFIXES: Final = (".gz", ".tgz")
KNOWN_SUFFIXES: Final = (".json", ".json.gz", *LINE_SUFFIXES, *(f"{s}.gz" for s in LINE_SUFFIXES), *ARCHIVE_SUFFIXES)
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
