"""Conversations inspected as a stream: JSON lines in, findings as JSON lines out, masked, a batch at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson
import pyarrow as pa

from refinery.errors import ParseError
from refinery.inspection.inspect import open_inspection
from refinery.intake import native
from refinery.intake.redact import Redact
from refinery.intake.rows import Origin, Reading, row, table, zone_of

_BATCH: Final = 256


def inspect_lines(lines: BinaryIO, rules: Path, key: bytes) -> Iterator[str]:
    """Findings of each conversation, `line` (from 1) and `source_id` first; a line that cannot be read says why."""
    redact, inspect = Redact().open(), open_inspection(rules, rules / "policies.yaml")
    reading = Reading(key)
    batch: list[dict[str, Any]] = []

    def findings() -> Iterator[str]:
        rows = table(batch).combine_chunks()
        masked = redact(rows.select([n for n in rows.column_names if n in Redact().reads()]))
        found = inspect(_with(rows, masked))["findings"].to_pylist()
        for one, many in zip(batch, found, strict=True):
            for finding in many or ():
                yield _line({"line": one["source_line"], "source_id": one["source_id"], **finding})

    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            record = native.native(orjson.loads(line))
            batch.append(row(record, Origin("stdin", "-", None, number), reading, zone_of(reading)))
        except (orjson.JSONDecodeError, ParseError) as error:
            reason = error.reason if isinstance(error, ParseError) else "not_json"
            yield _line({"line": number, "error": reason, "detail": getattr(error, "detail", "")})
        if len(batch) >= _BATCH:
            yield from findings()
            batch = []
    if batch:
        yield from findings()


def _with(rows: pa.Table, masked: pa.Table) -> pa.Table:
    for name in masked.column_names:
        rows = rows.set_column(rows.schema.get_field_index(name), name, masked[name])
    return rows


def _line(value: dict[str, Any]) -> str:
    return orjson.dumps(value).decode()
