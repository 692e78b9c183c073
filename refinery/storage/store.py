"""A folder or bucket prefix in which files appear whole, once, and are never changed.

Every writer is harmless: it writes under a unique temporary name and puts the finished file under its final name only
if nothing is there. A second writer of the same name (an orphan of a killed run, say) changes nothing.
"""

import os
import shutil
import uuid
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import obstore
import obstore.store
import pyarrow as pa
from obstore.exceptions import AlreadyExistsError, BaseError

from refinery.errors import StorageError
from refinery.storage import remote
from refinery.storage.streams import arrow_file

_PART_BYTES: Final = 8 * 2**20
_PARTS_AT_ONCE: Final = 4
"""Of a file on its way to a bucket, in memory: 32 MiB, however large the file is."""


class Store:
    """Files below `url`: a local folder (made when missing), or `s3://`, `gs://`, `az://` through obstore.

    Credentials of remote stores come from the environment (see `remote`). Pickles by its url.
    Raises StorageError, naming the path, when the store refuses.
    """

    def __init__(self, url: str | Path) -> None:
        text = str(url)
        self.is_local = "://" not in text or text.startswith("file://")
        self.url = (
            str(Path(text.removeprefix("file://")).absolute()) if self.is_local else remote.checked(text.rstrip("/"))
        )

    def __reduce__(self) -> tuple[type["Store"], tuple[str]]:
        return Store, (self.url,)

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    @cached_property
    def _store(self) -> Any:  # noqa: ANN401 (obstore's union of store classes)
        return obstore.store.LocalStore(self.url, mkdir=True) if self.is_local else remote.client(self.url)

    def reach(self) -> None:
        """Raises StorageError, within seconds, where a remote store does not answer or refuses; asked before work."""
        if not self.is_local:
            remote.reach(self.url)

    def address(self, path: str) -> str:
        """The full path or URL of `path`, as DuckDB and people read it."""
        return f"{self.url}/{path}"

    def put_new(self, path: str, data: bytes) -> bool:
        """Puts `data` at `path` unless something is there already; says whether it did."""
        try:
            obstore.put(self._store, path, data, mode="create")
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as error:
            raise StorageError(f"cannot write {self.address(path)}: {self._why(error)}") from error
        return True

    def put_file_new(self, path: str, file: Path, *, durable: bool = True) -> bool:
        """Moves the finished local `file` to `path` unless it is there already in full; the file is gone after.

        `durable` files are on disk, and not in its cache only, before they have their name. `path` must follow from
        the file's content: to a bucket it goes in parts, which no store puts if absent, so that of two writers the
        later one writes the same bytes again.
        """
        if not self.is_local:
            return self._upload(path, file)
        target = Path(self.url) / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if durable:
                with file.open("rb") as handle:
                    os.fsync(handle.fileno())
            os.link(file, target)
        except FileExistsError:
            if target.stat().st_size != file.stat().st_size:  # cut short by a crash of the machine
                os.replace(file, target)
                return True
            return False
        except OSError as error:
            raise StorageError(f"cannot write {target}: {error.strerror}") from error
        finally:
            file.unlink(missing_ok=True)
        return True

    def _upload(self, path: str, file: Path) -> bool:
        try:
            if self.size(path) == file.stat().st_size:
                return False
            obstore.put(self._store, path, file, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)
        except (BaseError, OSError) as error:
            raise StorageError(f"cannot write {self.address(path)}: {self._why(error)}") from error
        finally:
            file.unlink(missing_ok=True)
        return True

    def temporary(self, folder: str) -> Path:
        """A unique local path to write to; on a local store below `folder`, so that it can be linked into place."""
        base = Path(self.url) / folder if self.is_local else remote.scratch()
        base.mkdir(parents=True, exist_ok=True)
        return base / uuid.uuid4().hex

    def read(self, path: str) -> bytes:
        """All bytes of `path`."""
        try:
            return bytes(obstore.get(self._store, path).bytes())
        except (BaseError, OSError) as error:
            raise StorageError(f"cannot read {self.address(path)}: {self._why(error)}") from error

    def size(self, path: str) -> int | None:
        """Bytes of the file at `path`, or None where there is none."""
        try:
            return int(obstore.head(self._store, path)["size"])
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise StorageError(f"cannot look at {self.address(path)}: {self._why(error)}") from error

    def delete(self, path: str) -> None:
        """Removes one file."""
        self._delete(path, path)

    def list(self, prefix: str) -> list[str]:
        """Paths of all files below `prefix`, sorted."""
        if self.is_local and not (Path(self.url) / prefix).is_dir():
            return []
        try:
            return sorted(item["path"] for batch in obstore.list(self._store, prefix) for item in batch)
        except (BaseError, OSError) as error:
            raise StorageError(f"cannot list {self.address(prefix)}: {self._why(error)}") from error

    def open(self, path: str) -> Any:  # noqa: ANN401 (a native or a Python file)
        """A seekable binary file for pyarrow to read."""
        try:
            if self.is_local:
                return pa.memory_map(f"{self.url}/{path}")
            return arrow_file(self._store, path, self.address(path))
        except (BaseError, OSError) as error:
            raise StorageError(f"cannot open {self.address(path)}: {self._why(error)}") from error

    def remove_folder(self, folder: str) -> None:
        """Removes all below `folder`; for what no snapshot names."""
        if self.is_local:
            shutil.rmtree(Path(self.url) / folder, ignore_errors=True)
            return
        if paths := self.list(folder):
            self._delete(folder, paths)

    def _delete(self, named: str, paths: str | Sequence[str]) -> None:
        try:
            obstore.delete(self._store, paths)
        except (BaseError, OSError) as error:
            raise StorageError(f"cannot remove {self.address(named)}: {self._why(error)}") from error

    def _why(self, error: Exception) -> str:
        """The disk's own words, a line of them (obstore's go on with a dump of their source); a server's are chosen."""
        if not self.is_local:
            return remote.why(error)
        return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
