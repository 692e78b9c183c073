"""What each finished task of a pass wrote: one small file a task, put if absent, in the pass's own folder."""

from collections import Counter
from typing import Any, NamedTuple

import orjson

from refinery.ledger import Counts, Line
from refinery.storage.shards import ShardFile
from refinery.storage.store import Store


class Output(NamedTuple):
    """A file that a task wrote: for a table of the lake and its day, or `work` for the next pass."""

    table: str
    event_date: str | None
    file: ShardFile


class Entry(NamedTuple):
    """One finished task. `num` is what the task counted, where it wrote no file (newlines of a byte range)."""

    task: int
    outputs: tuple[Output, ...] = ()
    counts: Counts = Counter()
    num: int = 0


def put_entry(store: Store, folder: str, entry: Entry) -> None:
    """Writes the entry; an earlier one of the same task stays, and names the same bytes."""
    body = {
        "task": entry.task,
        "num": entry.num,
        "outputs": [[o.table, o.event_date, *o.file] for o in entry.outputs],
        "counts": sorted(([*line, n] for line, n in entry.counts.items()), key=str),
    }
    store.put_new(f"{folder}/{entry.task:06d}.json", orjson.dumps(body))


def read_entries(store: Store, folder: str) -> dict[int, Entry]:
    """All entries of a pass by task number, in order."""
    entries = (_entry(orjson.loads(store.read(path))) for path in store.list(folder) if path.endswith(".json"))
    return {entry.task: entry for entry in entries}


def whole(store: Store, entry: Entry) -> bool:
    """Whether all files of the entry are still there (work is cleared after a run was published)."""
    return all(store.exists(o.file.path) for o in entry.outputs)


def _entry(body: dict[str, Any]) -> Entry:
    outputs = tuple(Output(table, day, ShardFile(*file)) for table, day, *file in body["outputs"])
    counts = Counter({Line(*line): n for *line, n in body["counts"]})
    return Entry(body["task"], outputs, counts, body["num"])
