"""What holds for any bytes that the intake reads, whatever their name: for property tests and for the fuzzer."""

import io
from collections.abc import Callable
from typing import Any
from unittest import mock

import pyarrow as pa

from refinery.engine.intake import _quarantine
from refinery.errors import ParseError
from refinery.intake import reader
from refinery.intake.reader import Bad, Limits
from refinery.intake.rows import ROWS, Reading, row, table, zone_of
from refinery.intake.source import File, Source
from refinery.records.fate import QUARANTINE
from tests.intake.hostile.archives import talks
from tests.intake.hostile.case import good, lines
from tests.intake.hostile.packing import gz, tar, zipped, zst

LIMITS = Limits(max_line_bytes=2**16, max_document_bytes=2**18, max_expansion=20)
READING = Reading(b"k" * 32, "Asia/Shanghai")
_REASONS = """
    bad_time corrupt_file document_too_long duplicate_key empty_file encrypted_member expands_too_much label_too_long
    line_too_long lone_surrogate members_passed_over nested_too_deep no_messages no_tool_name not_an_object not_json
    not_utf8 too_many_items too_many_members truncated_file unknown_format unknown_packing unknown_role wrong_shape
    wrong_type
"""
REASONS = frozenset(_REASONS.split())
"""All that a record, a member or a file may be refused for."""


def read_all(name: str, data: bytes, limits: Limits = LIMITS) -> tuple[list[dict[str, Any]], list[Bad]]:
    """Rows and what is bad about a file of these bytes, all that must hold asserted."""
    source, zone = Source(name="s", path="/unused"), zone_of(READING)
    file = File(name, "file:///unused", len(data), "")
    rows, bad = list[dict[str, Any]](), list[Bad]()
    with mock.patch.object(reader, "open_file", lambda _: io.BufferedReader(io.BytesIO(data))):
        for found in reader.read(source, file, limits):
            if isinstance(found, Bad):
                bad.append(found)
                continue
            origin, record = found
            try:
                rows.append(row(record, origin, READING, zone))
            except ParseError as error:
                bad.append(reader.refused(origin, error, record))
    _check(rows, bad, name)
    return rows, bad


def _check(rows: list[dict[str, Any]], bad: list[Bad], name: str) -> None:
    assert {one.reason for one in bad} <= REASONS
    assert table(rows).schema == ROWS
    table(rows).validate(full=True)
    kept: pa.Table = _quarantine(bad)
    assert kept.schema == QUARANTINE and kept.num_rows == len(bad)
    assert all(len(raw) <= 500 for raw in kept["raw"].to_pylist())
    assert all(len(detail) < 2_000 and "\n" not in detail for detail in kept["detail"].to_pylist())
    places = [(r["source_member"], r["source_line"]) for r in rows] + [(b.origin.member, b.origin.line) for b in bad]
    assert {one.origin.file for one in bad} <= {name}
    whole = [place for place in places if place[1] is not None]
    if not name.endswith((".tar", ".zip", ".tar.gz", ".tar.zst")):  # there members may share a name
        assert len(set(whole)) == len(whole), "one line twice"


def packed(name: str, content: bytes) -> bytes:
    """JSON lines in the container that a name says; Parquet holds conversations of its own."""
    members = (("a.jsonl", content), ("b/c.jsonl.gz", gz(content)), ("d.txt", b"x"))
    makers: dict[str, Callable[[], bytes]] = {
        "a.jsonl": lambda: content,
        "a.json": lambda: b"[" + b",".join(content.splitlines()) + b"]",
        "a.jsonl.gz": lambda: gz(content),
        "a.jsonl.zst": lambda: zst(content),
        "a.zip": lambda: zipped(*members),
        "a.tar": lambda: tar(*members),
        "a.tar.gz": lambda: gz(tar(*members)),
        "a.tar.zst": lambda: zst(tar(*members)),
        "a.parquet": lambda: talks(3),
    }
    return makers[name]()


NAMES = ("a.jsonl", "a.json", "a.jsonl.gz", "a.jsonl.zst", "a.zip", "a.tar", "a.tar.gz", "a.tar.zst", "a.parquet")
"""A name for each way of reading."""
CONTENT = lines(good(1), b"{bad", good(2), good(3, signals={"order": {"amount": "1.5"}}))
