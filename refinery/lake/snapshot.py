"""Publishing: one small file, put if absent, names every file of every table; before it nothing is seen."""

from types import TracebackType
from typing import Any, Final, Self

import orjson
import pyarrow as pa

from refinery.errors import LakeError
from refinery.lake.tables import FIXED
from refinery.storage.shards import ShardFile, ShardWriter
from refinery.storage.store import Store

_FOLDER: Final = "snapshots"
_TRIES: Final = 100


def latest(lake: Store) -> int:
    """Number of the last snapshot; 0 where nothing is published yet."""
    paths = lake.list(_FOLDER)
    return int(paths[-1].rpartition("/")[2].removesuffix(".json")) if paths else 0


def load(lake: Store, as_of: int | None = None) -> dict[str, Any]:
    """The snapshot with a number, by default the last; raises LakeError where there is none."""
    last = latest(lake)
    number = last if as_of is None else as_of
    if not 1 <= number <= last:
        known = f"snapshots 1 to {last}" if last else "nothing is published there yet"
        raise LakeError(f"no snapshot {as_of or ''} in {lake.url}: {known}".replace("  ", " "))
    found: dict[str, Any] = orjson.loads(lake.read(_path(number)))
    return found


def published(lake: Store, run_id: str, fingerprint: str) -> int | None:
    """Number of the last snapshot if it holds this very run."""
    last = latest(lake)
    runs = load(lake)["runs"] if last else []
    return last if any(r["run_id"] == run_id and r["fingerprint"] == fingerprint for r in runs) else None


def refuse_trial_over_full(lake: Store, key: str, limit: int | None) -> None:
    """Raises LakeError before a limited run would stand beside the full run of the same plan and sources."""
    runs = load(lake)["runs"] if latest(lake) else []
    if limit is not None and any(r["key"] == key and r["limit"] is None for r in runs):
        raise LakeError(f"{lake.url} holds this plan's full run; give a trial with --limit a --target of its own")


class Publication:
    """Writes a run's small tables and publishes all its files at once, as a context."""

    def __init__(self, lake: Store, run_id: str, conversations: pa.Schema) -> None:
        self._lake, self._run_id = lake, run_id
        self._schemas = {"conversations": conversations, **FIXED}
        self._files: list[tuple[str, str, ShardFile]] = []

    def __enter__(self) -> Self:
        # An empty file a table: every view exists, with all its columns, even where a run has no row for it.
        for name in self._schemas:
            self.rows(name, self._schemas[name].empty_table(), "columns")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Nothing to undo: files that no snapshot names are not seen."""

    def rows(self, table: str, rows: pa.Table, place: str = "all") -> None:
        """Adds a small table's rows."""
        with ShardWriter(self._lake, self._schemas[table], f"runs/{self._run_id}/scratch") as out:
            out.write(rows)
            self._files.append((table, place, out.finish(f"tables/{table}/{place}/{self._run_id}", table)))

    def publish(self, key: str, fingerprint: str, limit: int | None, files: list[tuple[str, str, ShardFile]]) -> int:
        """Puts the next snapshot: the last one's runs, less what this run replaces, and this run.

        A run replaces an earlier publication of itself, and of the same plan and sources under other parameters.
        """
        run = {
            "run_id": self._run_id,
            "key": key,
            "fingerprint": fingerprint,
            "limit": limit,
            "files": sorted([table, day, *file] for table, day, file in [*self._files, *files]),
        }
        for _ in range(_TRIES):
            last = latest(self._lake)
            before = load(self._lake)["runs"] if last else []
            kept = [r for r in before if r["run_id"] != self._run_id and r["key"] != key]
            body = {"snapshot": last + 1, "runs": [*kept, run]}
            if self._lake.put_new(_path(last + 1), orjson.dumps(body)):
                return last + 1
        raise LakeError(f"{self._lake.url}: {_TRIES} others published at the same time; run again")


def _path(number: int) -> str:
    return f"{_FOLDER}/{number:08d}.json"
