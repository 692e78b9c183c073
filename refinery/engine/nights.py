"""The index of a lake from outside a run: a conversation looked up in it, and a new epoch of it built."""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from refinery.dedup.near import NearDuplicates
from refinery.engine.bundle import Bundle
from refinery.errors import LakeError, ParseError
from refinery.intake import native
from refinery.intake.redact import Redact
from refinery.intake.rows import Origin, Reading, row, table, zone_of
from refinery.lake import snapshot
from refinery.lake.index import Reader
from refinery.stage import Exchange
from refinery.stages import make
from refinery.storage.store import Store


def put_epoch(lake: Store, epoch: str, bundles: Sequence[Bundle]) -> None:
    """Keeps the steps that remember, with what their files hold, so that the index can be read without the plan."""
    kept = [
        {"name": step.name, "parameters": step.parameters(), "contents": _texts(contents)}
        for step, contents in bundles
        if isinstance(step, Exchange) and step.keeps()
    ]
    lake.put_new(_path(epoch), orjson.dumps(kept))


def _path(epoch: str) -> str:
    return f"index/epochs/{epoch}.json"


def _texts(contents: dict[str, dict[str, bytes]]) -> dict[str, dict[str, str]]:
    return {key: {name: data.decode() for name, data in files.items()} for key, files in contents.items()}


class Index:
    """The index of a lake's last snapshot, with the steps that made it; a context, for the files of these."""

    def __init__(self, lake: Store) -> None:
        """Raises LakeError where the lake has no index."""
        index = snapshot.load(lake).get("index")
        if index is None:
            raise LakeError(f"{lake.url} has no index: none of its runs is nightly (dedup.near: {{nightly: true}})")
        self._home = tempfile.TemporaryDirectory(prefix="refinery-epoch-")
        steps = [self._step(one) for one in orjson.loads(lake.read(_path(index["epoch"])))]
        self.steps = {step.name: step for step in steps if isinstance(step, Exchange)}
        paths = [path for path, _ in index["segments"]]
        self.readers = {name: Reader(lake, name, step.keeps(), paths) for name, step in self.steps.items()}

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *error: object) -> None:
        self._home.cleanup()

    def _step(self, kept: dict[str, Any]) -> object:
        placed = {}
        for key, files in kept["contents"].items():
            for name, text in files.items():
                placed[key] = Path(self._home.name) / hashlib.sha256(f"{key}/{name}".encode()).hexdigest()
                placed[key].write_text(text, encoding="utf-8")
        return make(kept["name"], kept["parameters"] | placed)

    def look_up(self, record: object, line: int, key: bytes) -> dict[str, Any]:
        """What is published that this conversation (native log form) repeats; raises ParseError where it cannot."""
        from refinery.dedup.lookup import exact, near

        reading = Reading(key)
        one = row(native.native(record), Origin("stdin", "-", None, line), reading, zone_of(reading))
        rows = table([one]).combine_chunks()
        masked = Redact().open()(rows.select([name for name in rows.column_names if name in Redact().reads()]))
        for name in masked.column_names:
            rows = rows.set_column(rows.schema.get_field_index(name), name, masked[name])
        found: dict[str, Any] = {"line": line, "source_id": one["source_id"]}
        if (reader := self.readers.get("dedup.exact")) is not None:
            found["exact_kept_id"] = exact(rows, reader)
        if isinstance(step := self.steps.get("dedup.near"), NearDuplicates):
            found["near"] = [match._asdict() for match in near(step, rows, self.readers[step.name])]
        return found


def look_up_lines(lines: BinaryIO, lake: Store, key: bytes) -> Iterator[str]:
    """A JSON line for each conversation; for one that cannot be read, its line number and why."""
    with Index(lake) as index:
        for number, line in enumerate(lines, 1):
            if line.isspace():
                continue
            try:
                found = index.look_up(orjson.loads(line), number, key)
            except (orjson.JSONDecodeError, ParseError) as error:
                reason = error.reason if isinstance(error, ParseError) else "not_json"
                found = {"line": number, "error": reason}
            yield orjson.dumps(found).decode()
