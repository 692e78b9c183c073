"""The index of a lake: what its nightly runs have kept for later ones, in segments of immutable sorted files.

A segment is what one run kept, or what several did, merged. The snapshot names the runs, in order, and the segments
that hold their rows, oldest first; a run and its segment appear in one step or not at all.

    {"epoch": "5f…", "nights": [["<run_id>", "<fingerprint>"], …], "segments": [["index/segments/….json", 4], …]}
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import orjson
import pyarrow as pa

from refinery.errors import LakeError
from refinery.stage import Kept, Keys
from refinery.storage.sorted import Part, part_of, plain, rows_of_keys
from refinery.storage.store import Store


class Table(NamedTuple):
    """Parts whose keys do not overlap; `newest`: of a key the row of the newest segment counts alone."""

    newest: bool
    parts: tuple[Part, ...]


Tables = dict[str, Table]
"""By exchange and table: `dedup.near/bands`."""
EMPTY: Final[dict[str, Any]] = {"epoch": None, "nights": [], "segments": []}


class History(NamedTuple):
    """What a run compares with: the epoch, how many runs and a hash of them, and the segments that hold their rows."""

    epoch: str
    num: int
    nights: str
    segments: tuple[str, ...]
    sizes: tuple[int, ...]

    def identity(self) -> list[Any]:
        """What counts for the fingerprint of a run: not how the rows are cut into segments."""
        return [self.epoch, self.num, self.nights]


def put_segment(lake: Store, tables: Tables) -> str:
    """Writes a segment's list of parts; its path."""
    body = {
        name: {"newest": one.newest, "parts": [plain(part) for part in one.parts]}
        for name, one in sorted(tables.items())
    }
    data = orjson.dumps(body)
    path = f"index/segments/{hashlib.blake2b(data, digest_size=16).hexdigest()}.json"
    lake.put_new(path, data)
    return path


def segment(lake: Store, path: str) -> Tables:
    """The parts of a segment."""
    body = orjson.loads(lake.read(path))
    return {name: Table(one["newest"], tuple(part_of(part) for part in one["parts"])) for name, one in body.items()}


_NO_TABLE: Final = Table(False, ())


class Reader:
    """The rows that earlier runs of an exchange have kept, by key; counts the bytes that it reads."""

    def __init__(self, lake: Store, exchange: str, keeps: Mapping[str, Kept], segments: Sequence[str]) -> None:
        self._lake, self._exchange, self._keeps, self._paths = lake, exchange, keeps, segments
        self.read = Counter[str]()

    @cached_property
    def _segments(self) -> list[Tables]:
        return [segment(self._lake, path) for path in self._paths]

    def rows(self, table: str, keys: Keys) -> pa.Table:
        """Rows whose key is among `keys` (sorted, distinct), those of older segments first."""
        found = [
            rows
            for tables in self._segments
            for part in tables.get(f"{self._exchange}/{table}", _NO_TABLE).parts
            if (rows := rows_of_keys(self._lake, part, keys, self.read)) is not None
        ]
        schema = self._keeps[table].schema
        return pa.concat_tables([schema.empty_table(), *(rows.cast(schema) for rows in found)]).combine_chunks()


def history(found: dict[str, Any], run_id: str, sources: Sequence[Sequence[str]], epoch: str) -> History:
    """What a nightly run compares with, by the last snapshot: all nights; for one done again, those before it.

    Raises LakeError where the lake's index is of another epoch, or later nights have been compared with this one.
    """
    index = found.get("index") or EMPTY
    if index["epoch"] not in (None, epoch):
        raise LakeError(
            "the index of this lake is of another epoch: other templates, parameters or versions of its dedup stages. "
            "Run with those, or begin a new epoch: run the nights again, in order, into another --target"
        )
    mine = {tuple(source) for source in sources}
    same = [run for run in found.get("runs", []) if run["run_id"] == run_id or mine & _places(run)]
    places = [place for run in same if (place := _night(index, run["run_id"])) is not None]
    if not places:
        return _history(epoch, index["nights"], index["segments"])
    before = next(run["history"] for run in same if _night(index, run["run_id"]) == min(places))
    if len(places) > 1 or (min(places) != len(index["nights"]) - 1 and run_id not in [run["run_id"] for run in same]):
        raise LakeError(_JOINED)
    return History(epoch, before["num"], before["nights"], tuple(before["segments"]), tuple(before["sizes"]))


_JOINED: Final = (
    "later nights have been compared with the run that published these sources before, so it cannot be replaced any "
    "more; run the nights again, in order, into another --target"
)


def _places(run: dict[str, Any]) -> set[tuple[str, ...]]:
    return {tuple(source) for source in run["sources"]}


def _night(index: dict[str, Any], run_id: str) -> int | None:
    return next((place for place, (name, _) in enumerate(index["nights"]) if name == run_id), None)


def _history(epoch: str, nights: list[list[str]], segments: list[list[Any]]) -> History:
    names, sizes = tuple(path for path, _ in segments), tuple(size for _, size in segments)
    return History(epoch, len(nights), digest_of(nights), names, sizes)


def digest_of(nights: list[list[str]]) -> str:
    """A hash of runs in their order."""
    return hashlib.blake2b(orjson.dumps(nights), digest_size=16).hexdigest()


def after(
    index: dict[str, Any] | None, seen: History | None, night: list[str], path: str | None, gone: set[str]
) -> dict[str, Any] | None:
    """The index once a run (`night`: its id and fingerprint) is published, with its segment where it is nightly.

    `gone`: runs that it replaces. Raises LakeError where another night was published since it looked at the index, or
    where it would take a night away that others were compared with.
    """
    index = index or EMPTY
    nights, segments = index["nights"], index["segments"]
    if seen is None or path is None:
        if any(name in gone for name, _ in nights):
            raise LakeError("this plan is not nightly, and would replace a night of the index; give another --target")
        return index if nights else None
    if digest_of(nights[: seen.num]) != seen.nights or [name for name, _ in nights[seen.num :] if name not in gone]:
        if any(name in gone for name, _ in nights):
            raise LakeError(_JOINED)
        raise LakeError("another night was published while this run worked; nothing is published. Run it again")
    if len(nights) > seen.num:
        segments = [list(one) for one in zip(seen.segments, seen.sizes, strict=True)]
    nights = [*nights[: seen.num], night]
    return {"epoch": seen.epoch, "nights": nights, "segments": [*segments, [path, 1]]}
