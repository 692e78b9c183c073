"""What intake and each step give for their examples, as hashes: an output that changes unseen is caught here."""

import hashlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from refinery.engine.exchange import decide
from refinery.engine.intake import spans, tasks
from refinery.engine.passes import INTAKE_VERSION
from refinery.errors import ParseError
from refinery.intake.reader import Bad, Limits, read
from refinery.intake.rows import Reading, row, table, zone_of
from refinery.intake.source import File, Source
from refinery.stage import Ask, Stage
from refinery.stages import STAGES, step_class
from tests.properties import tables
from tests.properties.records import DOCUMENTS

PATH = Path(__file__).parent / "golden_hashes.json"
INTAKE = "refinery.engine.passes.INTAKE_VERSION"
_EXCUSES = "examples or files they name"
_READING = Reading(b"a key for tests", "Asia/Shanghai", max_chars=500)
_RULESET = re.compile(rb'"ruleset_version":"[^"]*"')  # a hash of files, which the fingerprint holds already


def kept() -> dict[str, list[Any]]:
    """Name -> [version, hash] as last accepted."""
    return orjson.loads(PATH.read_bytes()) if PATH.exists() else {}


def found() -> dict[str, list[Any]]:
    """Name -> [version, hash] as of now."""
    steps = {name: [step_class(name).version, _hash(list(_outputs(name)))] for name in STAGES}
    return {INTAKE: [INTAKE_VERSION, _hash([list(_read(name)) for name in DOCUMENTS] + _cuts())], **steps}


def changes(old: dict[str, list[Any]], new: dict[str, list[Any]]) -> Iterator[str]:
    """A sentence for each name whose entry changed."""
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was is None or now is None:
            yield f"{name} is {'new' if was is None else 'gone'}"
        elif was[0] != now[0]:
            yield f"{name} is version {now[0]}, was {was[0]}"
        elif was != now:
            yield f"the output changed: raise the version of {name} (it is {now[0]}), unless only {_EXCUSES} changed"


def _outputs(name: str) -> Iterator[Any]:
    for step, rows in step_class(name).examples():
        given = tables.table(step, rows)
        if isinstance(step, Ask):
            yield [str(step.writes()), [tables.folded(step, row, tables.hashed) for row in given.to_pylist()]]
            continue
        result = step.open()(given) if isinstance(step, Stage) else decide(step, given)
        yield [str(result.schema), result.to_pylist()]


def _read(name: str) -> Iterator[Any]:
    """The rows and bad records of one format's document, its format detected."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{name}.json").write_bytes(orjson.dumps(DOCUMENTS[name]))
        source = Source(name="logs", path=folder)
        for record in (r for file in source.freeze() for r in read(source, file, Limits())):
            if isinstance(record, Bad):
                yield [list(record.origin), record.reason]
                continue
            try:
                rows = table([row(record[1], record[0], _READING, zone_of(_READING))])
                yield [str(rows.schema), rows.to_pylist()]
            except ParseError as error:
                yield str(error)


def _cuts() -> list[Any]:
    """How two files of 1,000 bytes are cut into tasks of 300, JSON lines and a document."""
    files = [File(f"a.{ending}", f"a.{ending}", 1000, "") for ending in ("jsonl", "json")]
    starts = {(file.url, start): 1 + start for file in files for start, _ in spans(file, 300)}
    return [spans(file, 300) for file in files] + tasks([files, files], 300, starts)


def _hash(value: Any) -> str:
    data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(_RULESET.sub(b"", data)).hexdigest()[:32]
