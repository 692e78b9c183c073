"""A local folder in which a state lives: events appended to a segment, and a snapshot before each segment.

    00000003.snapshot   the state before the first event of segment 3, on disk before that segment begins
    00000003.journal    a checksum and an event as JSON, a line each

An event is in the operating system's hands before `append` returns: killing the process loses none of them, and a
machine that loses its power those since the last `sync`. Of segments, the newest `keep` stay, of `segment_bytes` and
one line each, so the folder is bounded.
"""

import contextlib
import fcntl
import os
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from refinery.errors import StorageError

Event = dict[str, Any]
_HEX: Final = 8
_RETRY: Final = 0.05


class Journal:
    """One process holds the folder at a time; another one waits `patience` seconds for it, then raises StorageError."""

    def __init__(self, folder: Path, segment_bytes: int = 4 * 2**20, keep: int = 64, patience: float = 30.0) -> None:
        self.folder, self._segment_bytes, self._keep = folder, segment_bytes, keep
        self._turn = threading.Lock()
        self._fd = self._size = -1
        self._lock = _locked(folder, patience)
        self._number = max((number for number, _ in _files(folder, "*")), default=0)
        self.num_unreadable = 0
        """Lines without their checksum that `recover` left out: an event cut short by a kill was never answered."""

    def recover(self) -> tuple[Any, Iterator[Event]]:
        """The newest readable snapshot (None: there is none) and the events since; then `rotate` begins to write."""
        found = [(number, _snapshot(path)) for number, path in _files(self.folder, "snapshot")]
        first, state = next(((n, state) for n, state in reversed(found) if state is not None), (0, None))
        return state, self._events(first)

    def _events(self, first: int) -> Iterator[Event]:
        for number, path in _files(self.folder, "journal"):
            if number >= first:
                for line in path.read_bytes().splitlines():
                    event = _read(line)
                    if event is None:
                        self.num_unreadable += 1
                    else:
                        yield event

    def rotate(self, state: object) -> None:
        """Puts a snapshot on disk, begins a segment behind it, and forgets the oldest."""
        number = self._number + 1
        try:
            self.sync()
            _written(self.folder / f"{number:08}.snapshot", _line(state))
            path = self.folder / f"{number:08}.journal"
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            _sync_folder(self.folder)
        except OSError as error:
            raise self._refused("write a snapshot to", error) from error
        with self._turn:
            old, self._fd, self._number, self._size = self._fd, fd, number, 0
        if old >= 0:
            os.close(old)
        for past, path in _files(self.folder, "*"):
            if past <= number - self._keep or (path.suffix == ".snapshot" and past < number - 1):
                path.unlink(missing_ok=True)

    @property
    def full(self) -> bool:
        """Whether it is time to `rotate`."""
        return self._size >= self._segment_bytes

    def append(self, *events: Event) -> None:
        """Writes the events, all of them or (StorageError) none; they outlive this process from here on."""
        data = b"".join(_line(event) for event in events)
        try:
            written = os.write(self._fd, data)
            if written < len(data):
                raise OSError(28, "no space left for a whole line")
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise self._refused("write to", error) from error
        self._size += written

    def sync(self) -> None:
        """Waits until what was appended is on the disk itself; may be called from another thread."""
        with self._turn:
            fd = os.dup(self._fd) if self._fd >= 0 else -1
        if fd >= 0:
            try:
                os.fdatasync(fd)
            except OSError as error:
                raise self._refused("sync", error) from error
            finally:
                os.close(fd)

    def close(self) -> None:
        """Syncs, and lets another process in."""
        self.sync()
        for fd in (self._fd, self._lock):
            if fd >= 0:
                os.close(fd)
        self._fd = self._lock = -1

    def _refused(self, what: str, error: OSError) -> StorageError:
        return StorageError(f"cannot {what} {self.folder}: {error.strerror}; make room there or mend the disk")


def events(folder: Path) -> Iterator[Event]:
    """Every event that the folder still holds, oldest first, while another process may be writing to it."""
    for _, path in _files(folder, "journal"):
        yield from filter(None, map(_read, path.read_bytes().splitlines()))


def _locked(folder: Path, patience: float) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(f"cannot open {folder}: {error.strerror}; give a folder that can be written") from error
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(fd)
                raise StorageError(
                    f"another process holds {folder}; end it, or give each a folder of its own"
                ) from None
            time.sleep(_RETRY)


def _files(folder: Path, suffix: str) -> list[tuple[int, Path]]:
    return sorted((int(path.stem), path) for path in folder.glob(f"*.{suffix}") if path.stem.isdecimal())


def _line(value: object) -> bytes:
    data = orjson.dumps(value)
    return f"{zlib.crc32(data):0{_HEX}x} ".encode() + data + b"\n"


def _read(line: bytes) -> Any:  # noqa: ANN401 (any JSON value)
    """The value of a line, or None where it is not whole."""
    data = line[_HEX + 1 :]
    return orjson.loads(data) if data and line[: _HEX + 1] == f"{zlib.crc32(data):0{_HEX}x} ".encode() else None


def _snapshot(path: Path) -> Any:  # noqa: ANN401 (any JSON value)
    return _read(path.read_bytes().rstrip(b"\n"))


def _written(path: Path, data: bytes) -> None:
    """Whole and on disk under its name, or not at all."""
    aside = path.with_suffix(".new")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
