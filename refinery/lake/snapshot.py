"""Publishing: one small file, put if absent, names every file of every table; before it nothing is seen."""

from typing import Any, Final, NamedTuple

import orjson
import pyarrow as pa

from refinery.errors import LakeError
from refinery.lake import index
from refinery.lake.tables import FIXED
from refinery.storage.shards import ShardFile, ShardWriter
from refinery.storage.store import Store

_FOLDER: Final = "snapshots"
_FORMAT: Final = 2
"""Of the snapshot file; raised when its form changes."""
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
    if found.get("format") != _FORMAT:
        raise LakeError(f"{lake.url} was written by another version of refinery; give another --target")
    return found


class Claim(NamedTuple):
    """What a run publishes as: its fingerprint, its sources, its limit, and the last snapshot when it started.

    `history`: what it compared with, if it is nightly (see `index`).
    """

    fingerprint: str
    sources: list[list[str]]
    limit: int | None
    base: int
    history: index.History | None = None


def settle(lake: Store, run_id: str, claim: Claim) -> tuple[int | None, list[dict[str, Any]]]:
    """Whether this very run is published (its snapshot's number), else the runs that stay beside it.

    A run replaces what was published of its sources: itself before a hotfix, the same sources under other parameters.
    Raises LakeError where it may not: a trial over a full run, half of another run's sources, or a newer publication.
    """
    last = latest(lake)
    runs = load(lake)["runs"] if last else []
    mine = {tuple(source) for source in claim.sources}
    kept = []
    for other in runs:
        theirs = {tuple(source) for source in other["sources"]}
        if other["run_id"] == run_id and other["fingerprint"] == claim.fingerprint:
            return last, runs
        if not theirs & mine:
            kept.append(other)
            continue
        _may_replace(lake, other, theirs - mine, claim)
    return None, kept


def _may_replace(lake: Store, other: dict[str, Any], left: set[tuple[str, ...]], claim: Claim) -> None:
    if left:
        raise LakeError(
            f"run {other['run_id']} in {lake.url} holds some of these sources and also {sorted(n for n, _ in left)}; "
            "run the plan with all of them, or into another --target"
        )
    if claim.limit is not None and other["limit"] is None:
        raise LakeError(f"{lake.url} holds the full run of these sources; give a trial with --limit another --target")
    if other["snapshot"] > claim.base:
        raise LakeError(
            f"run {other['run_id']} published these sources as snapshot {other['snapshot']} while this run worked; "
            "nothing is published. Run again if this one should replace it"
        )


class Publication:
    """Writes a run's small tables and publishes all its files at once; what no snapshot names is not seen."""

    def __init__(self, lake: Store, run_id: str, conversations: pa.Schema) -> None:
        self._lake, self._run_id = lake, run_id
        self._schemas = {"conversations": conversations, **FIXED}
        self._files: list[tuple[str, str, ShardFile]] = []
        # An empty file a table: every view exists, with all its columns, even where a run has no row for it.
        for name, schema in self._schemas.items():
            self.rows(name, schema.empty_table(), "columns")

    def rows(self, table: str, rows: pa.Table, place: str = "all") -> None:
        """Adds a small table's rows."""
        with ShardWriter(self._lake, self._schemas[table], f"runs/{self._run_id}/publishing") as out:
            out.write(rows)
            self._files.append((table, place, out.finish(f"tables/{table}/{place}/{self._run_id}", table)))

    def publish(self, claim: Claim, files: list[tuple[str, str, ShardFile]], segment: str | None = None) -> int:
        """Puts the next snapshot: the runs that stay, and this one; see `settle` for what it replaces or refuses.

        `segment`: of a nightly run what it adds to the index.
        """
        found = sorted([table, day, *file] for table, day, file in [*self._files, *files])
        for _ in range(_TRIES):
            last = latest(self._lake)
            there, kept = settle(self._lake, self._run_id, claim)
            if there is not None:
                return there
            seen = claim.history
            before = load(self._lake) if last else {"runs": []}
            gone = {run["run_id"] for run in before["runs"]} - {run["run_id"] for run in kept}
            night = [self._run_id, claim.fingerprint]
            changed = index.after(before.get("index"), seen, night, segment, gone)
            mine = claim._asdict() | {"history": seen and seen._asdict()}
            run = {"run_id": self._run_id, "snapshot": last + 1, **mine, "files": found}
            if put(self._lake, last + 1, [*kept, run], changed):
                return last + 1
        raise LakeError(f"{self._lake.url}: {_TRIES} others published at the same time; run again")


def put(lake: Store, number: int, runs: list[dict[str, Any]], changed: dict[str, Any] | None) -> bool:
    """Puts the snapshot of that number, with the index where there is one; whether nobody else had put it."""
    body: dict[str, Any] = {"format": _FORMAT, "snapshot": number, "runs": runs}
    return lake.put_new(_path(number), orjson.dumps(body | ({"index": changed} if changed else {})))


def _path(number: int) -> str:
    return f"{_FOLDER}/{number:08d}.json"
