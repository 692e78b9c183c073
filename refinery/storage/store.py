"""A folder or bucket prefix in which files appear whole, once, and are never changed.

Every writer is harmless: it writes under a unique temporary name and puts the finished file under its final name only
if nothing is there. A second writer of the same name (an orphan of a killed run, say) changes nothing.
"""

import os
import shutil
import uuid
from functools import cached_property
from pathlib import Path
from typing import Any

import obstore
import obstore.store
import pyarrow as pa
from obstore.exceptions import AlreadyExistsError, BaseError

from refinery.errors import StorageError


class Store:
    """Files below `url`: a local folder (made when missing), or `s3://`, `gs://`, `az://` through obstore.

    Credentials of remote stores come from the environment, as obstore documents. Pickles by its url.
    Raises StorageError, naming the path, when the store refuses.
    """

    def __init__(self, url: str | Path) -> None:
        text = str(url)
        self.is_local = "://" not in text or text.startswith("file://")
        self.url = str(Path(text.removeprefix("file://")).absolute()) if self.is_local else text.rstrip("/")

    def __reduce__(self) -> tuple[type["Store"], tuple[str]]:
        return Store, (self.url,)

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    @cached_property
    def _store(self) -> Any:  # noqa: ANN401 (obstore's union of store classes)
        if self.is_local:
            return obstore.store.LocalStore(self.url, mkdir=True)
        return obstore.store.from_url(self.url)

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
            raise StorageError(f"cannot write {self.address(path)}: {_why(error)}") from error
        return True

    def put_file_new(self, path: str, file: Path, *, durable: bool = True) -> bool:
        """Moves the finished local `file` to `path` unless something is there already; the file is gone after.

        `durable` files are on disk, and not in its cache only, before they have their name.
        """
        if not self.is_local:
            put = self.put_new(path, file.read_bytes())
            file.unlink()
            return put
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

    def temporary(self, folder: str) -> Path:
        """A unique local path to write to; on a local store below `folder`, so that it can be linked into place."""
        base = Path(self.url) / folder if self.is_local else Path(os.environ.get("TMPDIR", "/tmp")) / "refinery"  # noqa: S108
        base.mkdir(parents=True, exist_ok=True)
        return base / uuid.uuid4().hex

    def read(self, path: str) -> bytes:
        """All bytes of `path`."""
        try:
            return bytes(obstore.get(self._store, path).bytes())
        except (BaseError, OSError) as error:
            raise StorageError(f"cannot read {self.address(path)}: {_why(error)}") from error

    def size(self, path: str) -> int | None:
        """Bytes of the file at `path`, or None where there is none."""
        try:
            return int(obstore.head(self._store, path)["size"])
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise StorageError(f"cannot look at {self.address(path)}: {_why(error)}") from error

    def delete(self, path: str) -> None:
        """Removes one file."""
        obstore.delete(self._store, path)

    def list(self, prefix: str) -> list[str]:
        """Paths of all files below `prefix`, sorted."""
        if self.is_local and not (Path(self.url) / prefix).is_dir():
            return []
        try:
            return sorted(item["path"] for batch in obstore.list(self._store, prefix) for item in batch)
        except (BaseError, OSError) as error:
            raise StorageError(f"cannot list {self.address(prefix)}: {_why(error)}") from error

    def open(self, path: str) -> Any:  # noqa: ANN401 (a native or a Python file)
        """A seekable binary file for pyarrow to read."""
        try:
            if self.is_local:
                return pa.memory_map(f"{self.url}/{path}")
            return pa.PythonFile(obstore.open_reader(self._store, path), mode="r")
        except (BaseError, OSError) as error:
            raise StorageError(f"cannot open {self.address(path)}: {_why(error)}") from error

    def remove_folder(self, folder: str) -> None:
        """Removes all below `folder`; for what no snapshot names."""
        if self.is_local:
            shutil.rmtree(Path(self.url) / folder, ignore_errors=True)
            return
        paths = self.list(folder)
        if paths:
            obstore.delete(self._store, paths)


def _why(error: Exception) -> str:
    """The store's own words, a line of them (obstore's go on with a dump of their source)."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
