"""The first pass: the frozen input cut into tasks, each parsed, masked and written as shards."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from refinery.engine.batch import split, through
from refinery.engine.gather import Pieces, gathered
from refinery.engine.manifest import Entry
from refinery.engine.tasks import RowWriter, Work
from refinery.errors import ParseError
from refinery.intake.ids import traceable
from refinery.intake.reader import Bad, Limits, read, refused
from refinery.intake.redact import redact_text
from refinery.intake.rows import MAX_LABEL, Origin, Reading, row, table, zone_of
from refinery.intake.source import File, Source, count_newlines, packed, splittable, verify
from refinery.intake.turns import BadRow, Place, conversations
from refinery.intake.turns import rows as turn_rows
from refinery.ledger import Counts, Line, count, merge
from refinery.records.fate import QUARANTINE

_BATCH_ROWS, _BATCH_BYTES = 2_048, 16 * 2**20
_RAW_CHARS = 500
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_NAMED = re.compile(r'("(?:name|phone|user_name|customer_name)"\s*:\s*")[^"]+')
_CUT = re.compile(r"[\w@.+-]{1,40}$")
_FILES_A_TASK = 500
_UNPACKED = 8
"""Bytes of log in a byte of a packed file, about (STAR's archive: 9.8)."""


class Intake(NamedTuple):
    """What the intake pass needs besides the pass's own work."""

    sources: tuple[Source, ...]
    limits: Limits
    reading: Reading
    shard_rows: int
    shard_bytes: int
    input_bytes: int
    limit: int | None


Found = tuple[Origin, dict[str, Any], Source] | Bad
Piece = tuple[int, list[Any], tuple[int, int, int] | None]
"""Number of the source, its File, and (first byte, end, first line) where it is a range of one."""


def tasks(frozen: list[list[File]], span_bytes: int, first_lines: dict[tuple[str, int], int]) -> list[dict[str, Any]]:
    """The frozen files as tasks of about `span_bytes`: small files together, JSON lines by byte range."""
    found: list[list[Piece]] = [[]]
    weight = 0
    for number, files in enumerate(frozen):
        for file in files:
            for start, end in spans(file, span_bytes):
                span = (start, end, first_lines[file.url, start]) if splittable(file) else None
                size = (end - start) * (_UNPACKED if packed(file) else 1)
                if found[-1] and (weight + size > span_bytes or len(found[-1]) >= _FILES_A_TASK):
                    found.append([])
                    weight = 0
                found[-1].append((number, list(file), span))
                weight += size
    return [{"task": i, "pieces": pieces} for i, pieces in enumerate(found) if pieces]


def spans(file: File, span_bytes: int) -> list[tuple[int, int]]:
    """Byte ranges that are read apart: one, unless the file is JSON lines."""
    if not splittable(file) or file.size <= span_bytes:
        return [(0, file.size)]
    return [(start, min(start + span_bytes, file.size)) for start in range(0, file.size, span_bytes)]


def line_task(work: Work, task: dict[str, Any]) -> Entry:
    """Newlines of one byte range, so that later ranges know the number of their first line."""
    return Entry(task["task"], num=count_newlines(File(*task["file"]), task["start"], task["end"]))


def intake_task(work: Work, intake: Intake, task: dict[str, Any]) -> Entry:
    """Files to masked shards, in order; bad lines to quarantine."""
    stages, counts, num = work.stages(), list[Counts](), 0
    if "range" in task:
        turns, num = gathered(work, task["range"], intake.reading.key, intake.reading.max_turns)
        records = _conversations(intake, turns)
    else:
        records = _records(intake, task)
    with RowWriter(work, f"p00-{task['task']:06d}") as out:
        for rows, bad in _batches(intake, records):
            counts += [_quarantined(bad), count(0, "intake", "read", rows)]
            live, dead = split(traceable(rows, intake.reading.key))
            counts += [count(0, "intake", "set_aside", dead), count(0, "intake", "live", live)]
            live, more, counted = through(live, stages, work.first_step)
            out.write(live, [dead, *more])
            out.quarantine(traceable(_quarantine(bad), intake.reading.key))
            counts.append(counted)
            if not work.final and out.full(intake.shard_rows, intake.shard_bytes):
                out.roll()
        return Entry(task["task"], out.finish(), merge(counts), num)


def _batches(intake: Intake, records: Iterator[Found]) -> Iterator[tuple[pa.Table, list[Bad]]]:
    zone = zone_of(intake.reading)
    rows, bad, weight = list[dict[str, Any]](), list[Bad](), 0
    for found in records:
        if isinstance(found, Bad):
            bad.append(found)
        else:
            origin, record, source = found
            reading = intake.reading._replace(event_date=source.event_date, spanning=source.format == "turns")
            try:
                rows.append(row(record, origin, reading, zone))
                weight += rows[-1]["weight"]
            except ParseError as error:
                bad.append(refused(origin, error, record))
        if len(rows) >= min(_BATCH_ROWS, intake.shard_rows) or weight > _BATCH_BYTES or len(bad) >= _BATCH_ROWS:
            yield table(rows), bad
            rows, bad, weight = [], [], 0
    yield table(rows), bad


def _records(intake: Intake, task: dict[str, Any]) -> Iterator[Found]:
    left: dict[int, int] = {}
    for number, file, span in task["pieces"]:
        source = intake.sources[number]
        if left.get(number) == 0:
            continue
        verify(File(*file))
        for found in read(source, File(*file), intake.limits, tuple(span) if span else None):
            if intake.limit is not None:
                if left.setdefault(number, intake.limit) == 0:
                    break
                left[number] -= 1
            yield found if isinstance(found, Bad) else (*found, source)
        verify(File(*file))  # what shrank while it was read has given too few rows


def gather_task(work: Work, intake: Intake, task: dict[str, Any]) -> Entry:
    """Files of flat turn tables to sealed pieces by key range; rows that cannot be turns to quarantine."""
    pieces = Pieces(work, f"turns-{task['task']:06d}", intake.reading.key, intake.input_bytes)
    counts, left = list[Counts](), dict[int, set[str]]()
    with RowWriter(work, f"p00-turns-{task['task']:06d}") as out:
        for number, raw, groups in task["places"]:
            place, source = Place(number, File(*raw), groups and tuple(groups)), intake.sources[number]
            verify(place.file)
            begun = left.setdefault(number, set())
            if intake.limit is not None and len(begun) >= intake.limit:
                continue
            for found in turn_rows(source, place, intake.limits):
                if isinstance(found, BadRow):
                    origin = Origin(source.name, place.file.name, None, found.row)
                    bad = [Bad(origin, found.reason, found.detail, found.raw.encode("utf-8", "replace"))]
                    counts.append(_quarantined(bad))
                    out.quarantine(traceable(_quarantine(bad), intake.reading.key))
                else:
                    pieces.add(found if intake.limit is None else _first(found, begun, intake.limit))
            verify(place.file)
        pieces.flush()
        return Entry(task["task"], (*pieces.outputs, *out.finish()), merge(counts), pieces.rows)


def _first(table: pa.Table, begun: set[str], limit: int) -> pa.Table:
    """The rows of the first `limit` conversations (`begun` so far): what a trial takes."""
    for name in table["conversation_id"].unique().to_pylist():
        if len(begun) < limit:
            begun.add(name)
    return table.filter(pc.is_in(table["conversation_id"], pa.array(sorted(begun), pa.string())))


def _conversations(intake: Intake, turns: pa.Table) -> Iterator[Found]:
    for number, origin, record, error in conversations(turns, intake.sources, zone_of(intake.reading)):
        yield refused(origin, error, record) if error else (origin, record, intake.sources[number])


def _quarantined(bad: list[Bad]) -> Counts:
    counts = Counts()
    for one in bad:
        counts[Line(0, "intake", one.origin.source, "quarantined", one.reason)] += 1
    return counts


def _quarantine(bad: list[Bad]) -> pa.Table:
    rows = [
        {
            "source": b.origin.source,
            "source_file": b.origin.file,
            "source_member": b.origin.member,
            "source_line": b.origin.line,
            "reason": b.reason,
            "source_id": b.source_id if b.source_id and len(b.source_id) <= MAX_LABEL else None,
            "detail": b.detail,
            "raw": _masked(b.raw),
        }
        for b in bad
    ]
    return pa.Table.from_pylist(rows, schema=QUARANTINE)


def _masked(raw: bytes) -> str:
    """The beginning of a line, masked before it is cut; escapes are read first, and what a cut may have left goes."""
    text = raw.replace(b"\0", b"").decode("utf-8", "replace")  # as UTF-16, each digit has a null beside it
    text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    text = _NAMED.sub(r"\1[NAME_1]", _CUT.sub("", text.encode("utf-8", "replace").decode()))
    return redact_text(text)[:_RAW_CHARS]
