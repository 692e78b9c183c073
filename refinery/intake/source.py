"""A source of logs: which files it names, listed once, when a run freezes its input, and which it passes over."""

import codecs
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, NamedTuple, Self

from fsspec.implementations.local import LocalFileSystem
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from refinery.errors import InputError, PlanError, StorageError
from refinery.intake.formats import FORMATS
from refinery.intake.native import ROLES
from refinery.storage.remote import checked
from refinery.storage.streams import place, read_stream, told

LINE_SUFFIXES: Final = (".jsonl", ".ndjson")
CONTENT_SUFFIXES: Final = (".json", ".parquet", *LINE_SUFFIXES)
"""What holds records; a member of an archive is read if it ends so, or so and packed."""
STREAM_SUFFIXES: Final = (".gz", ".zst")
ARCHIVE_SUFFIXES: Final = (".tar.gz", ".tgz", ".tar.zst", ".tar", ".zip")
PACKED_SUFFIXES: Final = (*STREAM_SUFFIXES, ".tgz", ".zip", ".parquet")
_PACKED_CONTENT: Final = tuple(c + s for c in (".json", *LINE_SUFFIXES) for s in STREAM_SUFFIXES)
MEMBER_SUFFIXES: Final = (*CONTENT_SUFFIXES, *_PACKED_CONTENT)
KNOWN_SUFFIXES: Final = (*MEMBER_SUFFIXES, *ARCHIVE_SUFFIXES)
TABLE_SUFFIXES: Final = (".csv", ".csv.gz", ".csv.zst", ".tsv", ".tsv.gz", ".tsv.zst", ".parquet")
"""Read where `format: turns` is stated."""
MESSAGE_COLUMNS: Final = ("role", "content", "created_at", "agent_name", "tool_calls", "tool_call_id", "source_label")
CONVERSATION_COLUMNS: Final = ("scenario", "model_version", "end_reason")
NEEDED: Final = ("conversation_id", "role", "content")
TARGETS: Final = (*NEEDED, "turn_idx", *MESSAGE_COLUMNS[2:], *CONVERSATION_COLUMNS)
"""What a column of a turn table can be mapped onto."""
_AFRESH: Final = "remove input.json of this run in the lake (runs/<run id>) and run again with what is there now"
_ENDING: Final = re.compile(r"\.[a-z][a-z0-9]{0,7}$")


class File(NamedTuple):
    """A file of the frozen input: its path below the source, where it lies, bytes, and a stamp that changes with it."""

    name: str
    url: str
    size: int
    stamp: str


class Listing(NamedTuple):
    """The files of a source, sorted by name, and how many were passed over, by ending or by what else they are."""

    files: list[File]
    passed_over: dict[str, int]


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

    @field_validator("path")
    @classmethod
    def _no_password(cls, value: str) -> str:
        try:
            return checked(value)
        except StorageError as error:
            raise PlanError(str(error)) from None

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
        return self.listing().files

    def listing(self) -> Listing:
        """All files of the source, and what is passed over; raises InputError when there is no file to read."""
        if "://" not in self.path.removeprefix("file://"):
            return self._listed(LocalFileSystem(), os.path.abspath(self.path.removeprefix("file://")))
        with told(f"source {self.name!r}: cannot list {self.path}"):
            return self._listed(*place(self.path))

    def _listed(self, fs: Any, root: str) -> Listing:  # noqa: ANN401 (an fsspec filesystem)
        if fs.isdir(root):
            base, found = root.rstrip("/"), _below(fs, root)
        elif fs.exists(root):
            base, found = root.rpartition("/")[0], iter([(root, fs.info(root))])
        elif any(c in root for c in "*?["):
            base = re.split(r"[*?[]", root, maxsplit=1)[0].rpartition("/")[0]
            found = iter(sorted(fs.glob(root, detail=True).items()))
        else:
            raise InputError(f"source {self.name!r}: nothing is at {self.path}; give a file, a folder or a glob")
        files, passed = list[File](), Counter[str]()
        for path, facts in found:
            name = path[len(base) + 1 :]
            if why := _passed_over(name, facts, self.endings):
                passed[why] += 1
            else:
                files.append(File(name, fs.unstrip_protocol(path), facts["size"], _stamp(facts)))
        if not files:
            seen = f" ({shown(passed)} passed over)" if passed else ""
            raise InputError(f"source {self.name!r}: no log files at {self.path}{seen}; endings read: {self.endings}")
        return Listing(sorted(files), dict(sorted(passed.items())))


def shown(passed_over: dict[str, int]) -> str:
    """What was passed over, in words: `5 files (.csv 3, hidden 2)`."""
    total = sum(passed_over.values())
    each = ", ".join(f"{what} {n:,}" for what, n in sorted(passed_over.items(), key=lambda item: (-item[1], item[0])))
    return f"{total:,} {'file' if total == 1 else 'files'} ({each})"


def ending(name: str) -> str:
    """The ending of a name for a report, `other ending` where it is none: a name may hold personal data."""
    found = _ENDING.search(name.lower())
    return found[0] if found else "other ending"


def is_hidden(name: str) -> bool:
    """Whether a part of the path begins with a dot or an underline: unfinished files, and what tools leave behind."""
    return any(part[0] in "._" and part[:2] != ".." for part in PurePosixPath(name).parts)


def _below(fs: Any, root: str) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401 (an fsspec filesystem)
    """Path and facts of all below a folder. Linked folders are named, never followed, so that no loop is walked."""
    if not isinstance(fs, LocalFileSystem):
        yield from sorted(fs.find(root, detail=True).items())
        return
    refused = list[OSError]()
    for folder, folders, names in os.walk(root, onerror=refused.append):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in (*links, *names):
            path = os.path.join(folder, name)
            try:
                yield path, fs.info(path) if os.path.exists(path) else {"type": "dangling link"}
            except OSError as error:
                refused.append(error)
    yield from ((str(error.filename), {"type": "unreadable folder"}) for error in refused)


def _passed_over(name: str, facts: dict[str, Any], endings: tuple[str, ...]) -> str | None:
    """Why a path is not read, in a word or two, or None where it is."""
    if facts["type"] == "directory":
        return "linked folder" if facts.get("islink") else "folder"
    if facts["type"] != "file":
        return "no regular file" if facts["type"] == "other" else str(facts["type"])
    if is_hidden(name):
        return "hidden"
    if not name.lower().endswith(endings):
        return ending(name)
    # Names of other encodings carry surrogates, which no JSON or Parquet file takes.
    return None if name.isascii() or not any("\ud800" <= c <= "\udfff" for c in name) else "name not UTF-8"


def _stamp(facts: dict[str, Any]) -> str:
    return str(facts.get("ETag") or facts.get("etag") or facts.get("mtime") or facts.get("LastModified"))


def splittable(file: File) -> bool:
    """Whether byte ranges of the file can be read apart."""
    return file.name.lower().endswith(LINE_SUFFIXES)


def packed(file: File) -> bool:
    """Whether the file holds many times its bytes."""
    return file.name.lower().endswith(PACKED_SUFFIXES)


def verify(file: File) -> None:
    """Raises InputError if the file is no longer what the run froze."""
    try:
        if not file.url.startswith("file://"):
            return  # `open_file` compares what it opens
        _same(file, LocalFileSystem().info(file.url.removeprefix("file://")))
    except FileNotFoundError:
        raise _gone(file) from None


def _same(file: File, facts: dict[str, Any]) -> None:
    if facts["size"] != file.size or _stamp(facts) != file.stamp:
        raise InputError(f"{file.name} changed since the run froze its input; restore it, or {_AFRESH}")


def _gone(file: File) -> InputError:
    return InputError(f"{file.name} was in the frozen input and is gone; put it back, or {_AFRESH}")


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
    """The file's bytes, as they are stored; a remote one as the run froze it (S3 sends no other while it is read).

    Raises InputError where it is gone, or remote and changed.
    """
    if file.url.startswith("file://"):  # not through fsspec, which reads `::` in a name as a chain of filesystems
        try:
            return open(file.url.removeprefix("file://"), "rb")
        except FileNotFoundError:
            raise _gone(file) from None
    found = read_stream(file.url)
    if found is None:
        raise _gone(file)
    _same(file, found[1])
    return found[0]
