"""Says what lies at a path before a plan reads it: files, format and why, roles, what is refused, a few masked turns.

Reads at most `_FILES` files, a given number of records, and 64 MiB of each file. All text of a log that is shown went
through `intake.redact` first, and no control character reaches the terminal.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import yaml
from rich.text import Text

from refinery.errors import InputError, ParseError
from refinery.intake.formats import noted
from refinery.intake.reader import Bad, Limits, read, refused
from refinery.intake.redact import Redact, redact_text
from refinery.intake.rows import Origin, Reading, row, table, zone_of
from refinery.intake.source import KNOWN_SUFFIXES, TABLE_SUFFIXES, File, Listing, Source, shown, splittable
from refinery.intake.turn_tables import described, tables

_FILES: Final = 20
_BYTES: Final = 64 * 2**20
_LIMITS: Final = Limits(max_line_bytes=8 * 2**20, max_document_bytes=_BYTES)
_SHOWN_CONVERSATIONS, _SHOWN_TURNS, _SHOWN_REASONS = 3, 12, 8
_KNOWN_ENDING: Final = re.compile("(" + "|".join(map(re.escape, (*KNOWN_SUFFIXES, *TABLE_SUFFIXES))) + ")+$")
_READING: Final = Reading(b"")  # no hash of these rows is kept or shown


def sniff(path: str, form: str = "auto", records: int = 200, width: int = 100) -> Iterator[str]:
    """Lines for a terminal of `width` columns. Raises InputError where nothing is there to read."""
    path = path if "://" in path else os.path.abspath(path)  # a plan may lie elsewhere
    source = Source(name=source_name(path), path=path, format="auto" if form == "turns" else form)
    seen, there = _Seen(), Listing([], {})
    nothing: InputError | None = None
    if form != "turns":
        try:
            there = source.listing()
        except InputError as error:
            nothing = error
        seen.read(source, there.files, records)
    only_tables = not seen.rows and all(file.name.lower().endswith(TABLE_SUFFIXES) for file in there.files)
    if only_tables and (found := tables(path)) is not None:
        yield from map(_clean, described(found, {"name": source.name, "path": path}))
        return
    if nothing or form == "turns":
        raise nothing or InputError(f"no table at {path}; endings of tables: {', '.join(TABLE_SUFFIXES)}")
    yield from map(_clean, _summary(source, there, seen))
    yield from _cut(_conversations(seen.rows, width), width)
    yield from _advice(source, seen)


def source_name(path: str) -> str:
    """A name for a source: the last part of its path that makes one, without its ending."""
    parts = [_KNOWN_ENDING.sub("", part.lower()) for part in path.split("/")]
    words = [re.sub("[^a-z0-9_-]+", "-", part).strip("-_") for part in parts]
    return next((word for word in reversed(words) if word), "logs")


class _Seen:
    """What the files gave."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.bad: list[Bad] = []
        self.formats: list[tuple[str, object]] = []
        self.num_files = 0

    def read(self, source: Source, files: list[File], records: int) -> None:
        """Reads up to `records` records, of several files where there are several."""
        each = -(-records // min(max(len(files), 1), _FILES))
        for file in files[:_FILES]:
            span = (0, min(file.size, _BYTES), 1) if splittable(file) else None
            with noted() as formats:
                for found in islice(read(source, file, _LIMITS, span), each):
                    self._take(found)
            self.formats += formats
            self.num_files += 1

    def _take(self, found: tuple[Origin, dict[str, Any]] | Bad) -> None:
        if isinstance(found, Bad):
            self.bad.append(found)
            return
        origin, record = found
        try:
            self.rows.append(row(record, origin, _READING, zone_of(_READING)))
        except ParseError as error:
            self.bad.append(refused(origin, error, record))


def _summary(source: Source, there: Listing, seen: _Seen) -> Iterator[str]:
    files = there.files
    endings = Counter(_ending(file.name) for file in files)
    size = sum(file.size for file in files)
    yield f"files      {len(files):,} ({', '.join(f'{e} {n:,}' for e, n in sorted(endings.items()))}), {size:,} bytes"
    if there.passed_over:
        yield f"passed     over {shown(there.passed_over)}"
    if source.format != "auto":
        yield f"format     {source.format}, as stated"
    for name, record in {name: record for name, record in reversed(seen.formats)}.items():
        yield f"format     {name}, by the keys of its first record: {_keys(record)}"
    live = [one for one in seen.rows if "turns" in one]
    turns = [turn for one in live for turn in one["turns"]]
    yield f"read       {len(seen.rows):,} conversations of {seen.num_files:,} files, {len(seen.bad):,} refused"
    if live:
        lengths = sorted(len(one["turns"]) for one in live)
        roles = Counter(turn["role"] for turn in turns)
        calls = sum(len(turn["tool_calls"]) for turn in turns)
        yield f"turns      {lengths[0]} to {lengths[-1]} a conversation, {lengths[len(lengths) // 2]} in the middle"
        yield f"roles      {', '.join(f'{role} {n:,}' for role, n in roles.most_common())}; {calls:,} tool calls"
        yield f"ids        {sum(bool(one['source_id']) for one in seen.rows):,} have an id of their own"
        yield f"dated      {sum(one['created_at'] is not None for one in seen.rows):,}{_days(seen.rows)}"
    reasons = Counter(bad.reason for bad in seen.bad)
    for reason, num in reasons.most_common(_SHOWN_REASONS):
        first = next(bad for bad in seen.bad if bad.reason == reason)
        yield f"refused    {num:,} {reason}; first at {_place(first.origin)}: {first.detail}"


def _conversations(rows: list[dict[str, Any]], width: int) -> Iterator[str]:
    rows = [one for one in rows if "turns" in one][:_SHOWN_CONVERSATIONS]
    if not rows:
        return
    read_in = table(rows).combine_chunks()
    masked = Redact().open()(read_in.select([name for name in read_in.column_names if name in Redact().reads()]))
    for one, turns in zip(rows, masked["turns"].to_pylist(), strict=True):
        origin = Origin(one["source"], one["source_file"], one["source_member"], one["source_line"])
        yield ""
        yield f"{redact_text(one['source_id'] or 'no id')} ({_place(origin)}, {len(turns)} turns, masked)"
        for turn in turns[:_SHOWN_TURNS]:
            calls = "".join(f" {redact_text(c['name'])}({c['arguments'] or ''})" for c in turn["tool_calls"])
            words = (turn["content"] or "")[: 4 * width] + calls[: 4 * width]
            yield f"  {turn['turn_idx']:>3} {turn['role']:<9} {words}"
        if len(turns) > _SHOWN_TURNS:
            yield f"      … {len(turns) - _SHOWN_TURNS} more"


def _advice(source: Source, seen: _Seen) -> Iterator[str]:
    """What to do next: the lines of a plan, or what stood there where nothing is known."""
    yield ""
    names = {name for name, _ in seen.formats}
    if not seen.rows:
        shapes = [bad.raw.decode("utf-8", "replace") for bad in seen.bad if bad.reason == "unknown_format"]
        if shapes:
            yield "No format is known for these records. Keys of the first, and the type of each value:"
            yield _clean(redact_text(shapes[0]))
            yield "State `format` in the plan if it is a known one, or write an adapter (README, A new log format)."
        else:
            yield "Nothing could be read; the reasons stand above."
        return
    if len(names) > 1:
        yield f"Files of several formats ({', '.join(sorted(names))}): `format: auto` detects each file's own."
    form = names.pop() if len(names) == 1 else source.format
    yield "For a plan:"
    yield _yaml({"sources": [{"name": source.name, "path": source.path, "format": form}]})


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1000).rstrip()


def _keys(record: object) -> str:
    """The keys of a record; they are log text too, and masked."""
    keys = [str(key)[:40] for key in record] if isinstance(record, dict) else []
    return redact_text(", ".join(keys[:12]) + (", …" if len(keys) > 12 else ""))


def _place(origin: Origin) -> str:
    parts = [origin.file, origin.member, origin.line and f"line {origin.line}"]
    return redact_text(", ".join(str(part) for part in parts if part))


def _days(rows: list[dict[str, Any]]) -> str:
    days = sorted(one["event_date"] for one in rows if one["created_at"] is not None)
    return f", {days[0]} to {days[-1]}" if days else ""


def _ending(name: str) -> str:
    return max((suffix for suffix in KNOWN_SUFFIXES if name.lower().endswith(suffix)), key=len, default="other")


def _cut(lines: Iterator[str], width: int) -> Iterator[str]:
    for line in lines:
        text = Text(_clean(line))
        text.truncate(width, overflow="ellipsis")
        yield text.plain


def _clean(line: str) -> str:
    """No control character, mark of direction or invisible character of a log reaches a terminal."""
    return "".join(char if char.isprintable() else "\N{MIDDLE DOT}" for char in line)
