"""What each finished task of a pass wrote: one small file a task, put if absent, in the pass's own folder."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import orjson

from refinery.ledger import Counts, Line
from refinery.storage.shards import ShardFile
from refinery.storage.store import Store

_AT_ONCE: Final = 32


class Output(NamedTuple):
    """A file that a task wrote: for a table of the lake and its day, or `work` for the next pass."""

    table: str
    event_date: str | None
    file: ShardFile


class Entry(NamedTuple):
    """One finished task. `num` is what the task counted, where it wrote no file (newlines of a byte range).

    `notes`: what of it is to be told when the run has ended, and of how many rows.
    """

    task: int
    outputs: tuple[Output, ...] = ()
    counts: Counts = Counter()
    num: int = 0
    notes: tuple[tuple[str, int], ...] = ()


def put_entry(store: Store, folder: str, entry: Entry) -> None:
    """Writes the entry; an earlier one of the same task stays, and names the same bytes."""
    body = {
        "task": entry.task,
        "num": entry.num,
        "notes": entry.notes,
        "outputs": [[o.table, o.event_date, *o.file] for o in entry.outputs],
        "counts": sorted(([*line, n] for line, n in entry.counts.items()), key=str),
    }
    store.put_new(f"{folder}/{entry.task:06d}.json", orjson.dumps(body))


def read_entries(store: Store, folder: str) -> dict[int, Entry]:
    """All entries of a pass by task number, in order."""
    paths = [path for path in store.list(folder) if path.endswith(".json")]
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # on an object store each read is a round trip
        return {entry.task: entry for entry in pool.map(lambda path: _entry(orjson.loads(store.read(path))), paths)}


def drop_broken(store: Store, folder: str, entries: dict[int, Entry]) -> dict[int, Entry]:
    """The entries all of whose files are there in full; the others are deleted, so that their tasks run again."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        flags = pool.map(lambda e: all(store.size(o.file.path) == o.file.bytes for o in e.outputs), entries.values())
        whole = dict(zip(entries, flags, strict=True))
    for task in (task for task, fine in whole.items() if not fine):
        store.delete(f"{folder}/{task:06d}.json")
    return {task: entry for task, entry in entries.items() if whole[task]}


def _entry(body: dict[str, Any]) -> Entry:
    outputs = tuple(Output(table, day, ShardFile(*file)) for table, day, *file in body["outputs"])
    counts = Counter({Line(*line): n for *line, n in body["counts"]})
    return Entry(body["task"], outputs, counts, body["num"], tuple((what, num) for what, num in body["notes"]))
