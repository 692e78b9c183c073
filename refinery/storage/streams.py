"""Files in remote places as streams: of any filesystem of fsspec for sources, of a store for pyarrow.

Nothing is fetched whole but small files of a lake; a fault of the place is a StorageError, whatever class it has there.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, BinaryIO, Final, NamedTuple, cast

import fsspec
import obstore
import pyarrow as pa
from obstore.exceptions import BaseError

from refinery.errors import RefineryError, StorageError
from refinery.storage.remote import SCHEMES, checked, settings, why

_BLOCK_BYTES: Final = 8 * 2**20
_WHOLE_BYTES: Final = 4 * 2**20
"""A file up to this size is read in one request: most of a lake's are, and a round trip costs more than the bytes."""


class Place(NamedTuple):
    """A filesystem of fsspec and a path in it."""

    fs: Any
    path: str


def place(url: str, block_bytes: int = _BLOCK_BYTES) -> Place:
    """Where a URL leads, with nothing remembered of earlier listings; StorageError where a package is missing for it.

    `block_bytes` is what S3 is asked for at least, and so about what an open file holds in memory.
    """
    fs = _filesystem(checked(url).partition("://")[0], block_bytes, tuple(sorted(settings().items())))
    fs.invalidate_cache()
    return Place(fs, fs._strip_protocol(url))


@lru_cache(maxsize=8)
def _filesystem(protocol: str, block_bytes: int, _: tuple[tuple[str, str], ...]) -> Any:  # noqa: ANN401
    """One a process, made anew where the settings changed, which fsspec's own cache would not notice."""
    options = {"default_block_size": block_bytes} if protocol in ("s3", "s3a") else {}
    try:
        return fsspec.filesystem(protocol, skip_instance_cache=True, **options)
    except ImportError as error:
        raise StorageError(f"cannot read {protocol}:// yet: {error}. For S3: pip install 'refinery[s3]'") from error
    except ValueError:
        known = ", ".join(f"{name}://" for name in (*SCHEMES, "http", "https", "sftp"))
        raise StorageError(f"{protocol}:// is no place that fsspec knows; known: {known}, … or a folder") from None


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Whatever a remote filesystem raises inside, classes of its own too, becomes a StorageError: `doing` and why."""
    try:
        yield
    except (RefineryError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 (each filesystem of fsspec has error classes of its own)
        raise StorageError(f"{doing}: {why(error)}") from error


def read_stream(url: str) -> tuple[BinaryIO, dict[str, Any]] | None:
    """A remote file as a seekable stream, and what its filesystem says of it; None where there is none."""
    fs, path = place(url)
    with told(f"cannot read {url}"):
        try:
            handle = fs.open(path, "rb")
            facts = dict(getattr(handle, "details", None) or fs.info(path))
        except FileNotFoundError:
            return None
    return cast(BinaryIO, io.BufferedReader(_Stream(handle, url), 2**20)), facts


class _Stream(io.RawIOBase):
    """A file of fsspec: its own `readline` knows no limit, and its errors would pass for faults of the file."""

    def __init__(self, handle: Any, url: str) -> None:  # noqa: ANN401
        self._handle, self._url = handle, url

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._handle.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 (anything with a buffer)
        with told(f"cannot read {self._url}"):
            data = self._handle.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._handle.close()
        super().close()


def arrow_file(store: Any, path: str, url: str) -> Any:  # noqa: ANN401 (obstore's store in, a native file out)
    """A file of a lake for pyarrow: in memory where it is small, else read range by range as pyarrow asks."""
    found = obstore.get(store, path)
    size = int(found.meta["size"])
    if size <= _WHOLE_BYTES:
        return pa.BufferReader(pa.py_buffer(found.bytes()))
    return pa.PythonFile(_Ranges(store, path, size, url), mode="r")


class _Ranges(io.RawIOBase):
    """A file of a store for pyarrow, read by exactly the ranges that it asks for."""

    def __init__(self, store: Any, path: str, size: int, url: str) -> None:  # noqa: ANN401
        self._store, self._path, self._size, self._url, self._at = store, path, size, url, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int | None = -1) -> Any:  # noqa: ANN401 (a buffer, not copied)
        left = max(0, self._size - self._at)
        length = left if size is None or size < 0 else min(size, left)
        if not length:
            return b""
        try:
            found = obstore.get_range(self._store, self._path, start=self._at, length=length)
        except (BaseError, OSError) as error:
            raise StorageError(f"cannot read {self._url}: {why(error)}") from error
        self._at += length
        return found
