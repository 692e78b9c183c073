"""The response store: every answer that came, in append-only files named by content, over all runs of a lake.

    responses/<model>/model.json                    name and parameters of the model
    responses/<model>/0a31…-0aff…-<hash>.parquet    answers whose keys lie between the two

A file says by its name which keys it may hold, so a look-up opens few. Nothing is written twice and nothing is changed:
a run asks what no file answers. Where two runs asked one thing at the same time, the answer that sorts first counts.
"""

import hashlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from refinery.models.answer import masked
from refinery.models.chat import Keyed, Reply
from refinery.stage import Request
from refinery.storage.shards import ShardWriter
from refinery.storage.store import Store

STORED: Final = pa.schema(
    [
        ("key", pa.string()),  # Request.key
        ("answer", pa.string()),  # masked
        ("finish", pa.string()),
        ("prompt_tokens", pa.int32()),
        ("completion_tokens", pa.int32()),
        ("seconds", pa.float32()),
        ("retries", pa.int32()),
        ("asked_by", pa.string()),  # run and stage that paid for it
    ]
)
REQUESTS: Final = pa.schema([("key", pa.string()), ("repair", pa.bool_()), ("request", pa.binary())])
"""Requests in work files; `request` is the Request as JSON."""
FAILED: Final = pa.schema([("key", pa.string()), ("fault", pa.string()), ("retries", pa.int32())])
FLUSH_ANSWERS: Final = 1_000
FLUSH_SECONDS: Final = 30.0
"""The most answers, and the longest time, that a crash can lose."""
_TICK_SECONDS: Final = 1.0
_HEAD: Final = 8
"""Characters of a key in a file's name."""


class Responses(NamedTuple):
    """The answers of one model under one set of parameters."""

    store: Store
    identity: str

    @property
    def folder(self) -> str:
        """Where they lie."""
        return f"responses/{hashlib.blake2b(self.identity.encode(), digest_size=8).hexdigest()}"

    def files(self) -> list[str]:
        """All files now, to be looked up in together."""
        return [path for path in self.store.list(self.folder) if path.endswith(".parquet")]

    def find(self, keys: pa.Array, files: Sequence[str], columns: Sequence[str] = STORED.names) -> pa.Table:
        """The stored rows of the keys (sorted, distinct), one a key, sorted by key."""
        if not len(keys):
            return STORED.empty_table().select(list(columns))
        parts = [self._hits(path, keys) for path in files if overlaps(path, keys[0].as_py(), keys[-1].as_py())]
        table = pa.concat_tables([STORED.empty_table(), *parts]).sort_by(
            [("key", "ascending"), ("answer", "ascending")]
        )
        return first_of_each(table).select(list(columns))

    def _hits(self, path: str, keys: pa.Array) -> pa.Table:
        file = pq.ParquetFile(self.store.open(path))
        found = []
        for group in range(file.num_row_groups):
            here = file.read_row_group(group, ["key"])["key"].combine_chunks()
            if pc.any(hit := pc.is_in(here, _between(keys, here[0].as_py(), here[-1].as_py()))).as_py():
                found.append(file.read_row_group(group).filter(hit))
        return pa.concat_tables(found).cast(STORED) if found else STORED.empty_table()

    def describe(self) -> None:
        """Says beside the answers, once, whose they are."""
        self.store.put_new(f"{self.folder}/model.json", self.identity.encode())


def overlaps(path: str, low: str, high: str) -> bool:
    """Whether a file may hold keys from `low` to `high`, by its name."""
    first, last, _ = path.rpartition("/")[2].split("-")
    return low[:_HEAD] <= last and high[:_HEAD] >= first


def first_of_each(table: pa.Table) -> pa.Table:
    """The first row of each key of a table sorted by key."""
    keys = table["key"].combine_chunks()
    if len(keys) < 2:
        return table
    return table.filter(pa.concat_arrays([pa.array([True]), pc.not_equal(keys[1:], keys[:-1])]))


def _between(keys: pa.Array, low: str, high: str) -> pa.Array:
    """The stretch of sorted keys that a sorted stretch of a file can share."""
    start, stop = pc.search_sorted(keys, low), pc.search_sorted(keys, high, side="right")
    return keys.slice(start.as_py(), stop.as_py() - start.as_py())


@dataclass(frozen=True)
class MissingPart:
    """One row group of a file of requests, less those that the given files answer; pickles to workers."""

    responses: Responses
    path: str
    group: int
    files: tuple[str, ...]

    def __call__(self) -> list[Keyed]:
        """Key and request of those that are to be asked."""
        table = pq.ParquetFile(self.responses.store.open(self.path)).read_row_group(self.group)
        have = self.responses.find(table["key"].combine_chunks(), self.files, ["key"])["key"].combine_chunks()
        rows = table.filter(pc.invert(pc.is_in(table["key"], have))).to_pylist()
        return [(row["key"], Request(*orjson.loads(row["request"]))) for row in rows]


class Book:
    """Writes replies down as they come, every FLUSH_ANSWERS or FLUSH_SECONDS: a context for one process.

    What failed goes to the round's own folder, so that another run asks it again.
    """

    def __init__(self, responses: Responses, asked_by: str, failed: str, scratch: str) -> None:
        self._responses, self._asked_by, self._failed, self._scratch = responses, asked_by, failed, scratch
        self._answers, self._faults = list[dict[str, Any]](), list[dict[str, Any]]()
        self._since = time.monotonic()
        self._lock, self._over = threading.Lock(), threading.Event()
        self._error: Exception | None = None
        self._clock = threading.Thread(target=self._watch, name="answers are flushed", daemon=True)

    def __enter__(self) -> Self:
        self._responses.describe()
        self._clock.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._clock.join()
        if error is None or isinstance(error, Exception | KeyboardInterrupt):
            with self._lock:
                self._flush()
        if error is None and self._error is not None:
            raise self._error

    def add(self, key: str, reply: Reply) -> None:
        """Takes one reply; raises StorageError where an earlier one could not be written."""
        with self._lock:
            if self._error is not None:
                raise self._error
            if reply.text is None:
                self._faults.append({"key": key, "fault": reply.fault, "retries": reply.retries})
            else:
                facts = reply._asdict() | {"key": key, "answer": masked(reply.text), "asked_by": self._asked_by}
                self._answers.append({name: facts[name] for name in STORED.names})
            if len(self._answers) + len(self._faults) >= FLUSH_ANSWERS:
                self._flush()

    def _watch(self) -> None:
        while not self._over.wait(_TICK_SECONDS):
            with self._lock:
                if time.monotonic() - self._since >= FLUSH_SECONDS:
                    try:
                        self._flush()
                    except Exception as error:  # noqa: BLE001 (raised again in the thread that asks)
                        self._error = error
                        return

    def _flush(self) -> None:
        self._since = time.monotonic()
        for rows, schema, folder in (
            (self._answers, STORED, self._responses.folder),
            (self._faults, FAILED, self._failed),
        ):
            if rows:
                _append(self._responses.store, pa.Table.from_pylist(rows, schema=schema), folder, self._scratch)
                rows.clear()


def _append(store: Store, table: pa.Table, folder: str, scratch: str) -> None:
    table = table.sort_by("key")
    low, high = table["key"][0].as_py(), table["key"][-1].as_py()
    with ShardWriter(store, table.schema, scratch) as out:
        out.write(table)
        out.finish(folder, f"{low[:_HEAD]}-{high[:_HEAD]}")
