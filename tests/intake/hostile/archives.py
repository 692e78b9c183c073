"""Containers that are cut, broken, nested, encrypted, or that hold far more than they weigh."""
# ruff: noqa: E501 (cases read best a line each)

import tarfile
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.intake.hostile.case import MAIL, PHONE, Case, good, lines, said
from tests.intake.hostile.packing import (
    encrypted,
    flipped,
    gz,
    header,
    odd_tar,
    overlapping,
    tar,
    zeros_gz,
    zeros_zst,
    zipped,
    zst,
)
from tests.logs import conversation

_TWO = lines(good(1), good(2))
_A, _B = ("a.jsonl", _TWO), ("b.jsonl", lines(good(3)))
_LONG = lines(said("x" * 4_000))
_START = tar(_A, end=False)
"""An archive that goes on. What is cut is cut between members and frames: how many bytes a line packs to is zlib's."""


def parquet(table: pa.Table, **more: Any) -> bytes:
    """The table's bytes as Parquet."""
    out = BytesIO()
    pq.write_table(table, out, **more)
    return out.getvalue()


def _talks(num: int = 2, **more: Any) -> pa.Table:
    return pa.Table.from_pylist([conversation(n, **more) for n in range(1, num + 1)])


def talks(num: int) -> bytes:
    """Conversations as Parquet."""
    return parquet(_talks(num))


def _invalid_text() -> bytes:
    """Two conversations, between them one with a text that is not UTF-8: written as bytes, then said to be text."""
    data = parquet(_talks(3), compression="none", use_dictionary=False)
    return data.replace("正在为您查询第3号订单".encode(), "正在为您查询第3号订单".encode()[:-1] + b"\xff")


def _typed() -> bytes:
    """Types that JSON has not."""
    rows = [
        {
            "conversation_id": n,
            "created_at": datetime(2026, 5, n, tzinfo=UTC),
            "messages": [{"role": "user", "content": f"call {PHONE}"}],
            "signals": {"order": {"amount": Decimal("1.50")}},
            "raw": b"\xff\0bytes",
        }
        for n in (1, 2)
    ]
    table = pa.Table.from_pylist(rows)
    tags = pa.array([[("a", "x"), ("b", None)], None], pa.map_(pa.string(), pa.string()))
    return parquet(table.append_column("tags", tags).append_column("for", pa.array([60, None], pa.duration("s"))))


def _partly_null() -> bytes:
    rows = [conversation(1), {"conversation_id": PHONE, "messages": None}, conversation(2)]
    return parquet(pa.Table.from_pylist(rows, schema=_talks(1).schema))


def _names_twice() -> bytes:
    names = ["messages", "messages"]
    return parquet(pa.table([pa.array(["x"]), pa.array(["y"])], names=names))


def _one_text_many_times() -> bytes:
    """Two gigabytes in some kilobytes: one text of 100,000 characters, 20,000 times, by its number in a dictionary."""
    message = pa.array([{"role": "user", "content": "字" * 30_000}])
    messages = pa.ListArray.from_arrays(pa.array(range(20_001), pa.int32()), message.take(pa.array([0] * 20_000)))
    return parquet(pa.table({"messages": messages}), row_group_size=20_000)


def _long_row() -> bytes:
    """One row of 30 MB in some kilobytes, between two others."""
    kind = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    long = [{"role": "user", "content": "x" * 100_000}] * 300
    talks = [[{"role": "user", "content": "a"}], long, [{"role": "user", "content": "b"}]]
    return parquet(pa.table({"messages": pa.array(talks, kind)}))


_ODD = ("../../etc/passwd.jsonl", "/etc/cron.d/x.jsonl", "..\\..\\x.jsonl", "a/../../b.jsonl", "'; DROP TABLE x; --.jsonl",
        "<script>.jsonl", "=1+1.jsonl", "\u202elnosj.jsonl", "C:\\x.jsonl", "x" * 200 + ".jsonl")  # fmt: skip
_README = (("README.md", b"x"), (".DS_Store", b"x"), ("__MACOSX/._a.jsonl", b"x"), ("t.csv", b"a,b"), (PHONE, b"x"))

CASES = [
    Case("cut.jsonl.gz", "the start of a gz", gz(_TWO) + gz(_TWO)[:20], 2, faults={"truncated_file": 1}),
    Case("cut.jsonl.zst", "the start of a zst", zst(_TWO) + zst(_TWO)[:20], 2, faults={"truncated_file": 1}),
    Case("cut.tar", "the start of a tar", tar(_A, ("b.jsonl", _TWO))[: len(_START) + 700], 2, faults={"truncated_file": 1}),
    Case("cut.tar.gz", "the start of a tar.gz", gz(_START) + gz(tar(_B))[:20], 2, faults={"truncated_file": 1}),
    Case("cut.tar.zst", "the start of a tar.zst", zst(_START) + zst(tar(_B))[:20], 2, faults={"truncated_file": 1}),
    Case("cut.zip", "a zip without its directory", zipped(_A, _B)[:-100], 0, faults={"corrupt_file": 1}),
    Case("cut.parquet", "a Parquet file without its footer", parquet(_talks(50))[:-100], 0, faults={"corrupt_file": 1}),
    Case("cut_header.jsonl.gz", "three bytes of a gz", gz(_TWO)[:3], 0, faults={"truncated_file": 1}),
    Case("empty.jsonl.gz", "a gz without a byte", b"", 0),
    Case("empty.tar", "a tar without a byte", b"", 0, faults={"corrupt_file": 1}),
    Case("empty.zip", "a zip without a byte", b"", 0, faults={"corrupt_file": 1}),
    Case("empty.parquet", "a Parquet file without a byte", b"", 0, faults={"corrupt_file": 1}),
    Case("sum.jsonl.gz", "a wrong check sum", gz(_TWO)[:-8] + b"\1\2\3\4" + gz(_TWO)[-4:], 2, faults={"corrupt_file": 1}),
    Case("tail.jsonl.gz", "bytes behind a gz", gz(_TWO) + b"PK\3\4 more", 2, faults={"corrupt_file": 1}),
    Case("plain.jsonl.gz", "plain text under the name of a gz", _TWO, 0, faults={"corrupt_file": 1}),
    Case("members.jsonl.gz", "three gz, one behind the other, and zeros", gz(lines(good(1))) + gz(b"") + gz(lines(good(2))) + bytes(600), 2),
    Case("frames.jsonl.zst", "two frames, between them one to be skipped", zst(lines(good(1))) + b"\x50\x2a\x4d\x18\4\0\0\0abcd" + zst(lines(good(2))), 2),
    Case("plain.jsonl.zst", "plain text under the name of a zst", _TWO, 0, faults={"corrupt_file": 1}),
    Case("flipped.jsonl.zst", "a header changed", flipped(zst(_TWO), 0.0), 0, faults={"corrupt_file": 1}),
    Case("tail.jsonl.zst", "bytes behind a zst", zst(_TWO) + b"more", 2, faults={"corrupt_file": 1}),
    Case("window.jsonl.zst", "a window of 2 GiB asked for", b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 0, faults={"corrupt_file": 1}),
    Case("zeros.jsonl.gz", "64 MB of zeros in 64 kB", zeros_gz(64), 0, faults={"expands_too_much": 1}),
    Case("zeros.jsonl.zst", "512 MB of zeros in some kB", zeros_zst(512), 0, faults={"expands_too_much": 1}),
    Case("rows.jsonl.gz", "good lines, then 6,000 equal ones, 24 MB in some kB", gz(_TWO) + gz(_LONG * 6_000), 2 + (2**24 - len(_TWO)) // len(_LONG), faults={"expands_too_much": 1}),
    Case("zeros.tar.gz", "a member of 64 MB in 64 kB", gz(_START) + gz(header(b"z.jsonl", b"%011o\0" % 2**26)) + zeros_gz(64), 2, faults={"expands_too_much": 1}),
    Case("zeros.zip", "a member of 64 MB in 64 kB", zipped(_A, ("z.jsonl", bytes(2**26))), 2, faults={"expands_too_much": 1}),
    Case("overlap.zip", "one member of 1 MB named 1,000 times", overlapping("z.jsonl", bytes(2**20), 1_000), 0, {"not_json": 16}, {"expands_too_much": 1}),
    Case("inner.tar", "a gz of 64 MB of zeros in a tar", tar(_A, ("z.jsonl.gz", zeros_gz(64)), _B), 2, faults={"expands_too_much": 1}),
    Case("nested.zip", "a zip in a zip, and a tar: not opened", zipped(_A, ("i.zip", zipped(_B)), ("i.tar", tar(_B))), 2, faults={"members_passed_over": 1}),
    Case("packed_members.tar", "gz, zst and a document in a tar", tar(("a.jsonl.gz", gz(_TWO)), ("b.jsonl.zst", zst(lines(good(3)))), ("c.json", good(4))), 4),
    Case("member_cut.tar", "a cut gz in a tar: its neighbours are read", tar(_A, ("c.jsonl.gz", gz(_TWO)[:20]), _B), 3, faults={"truncated_file": 1}),
    Case("member_empty.zip", "an empty document in a zip: its neighbours are read", zipped(_A, ("c.json", b""), _B), 3, faults={"empty_file": 1}),
    Case("member_too_long.zip", "a document over the limit in a zip: its neighbours are read", zipped(_A, ("c.json", b"[" + b"1," * 9_000_000 + b"1]"), _B, method=0), 3, faults={"document_too_long": 1}),
    Case("encrypted.zip", "an encrypted member: its neighbour is read", encrypted(zipped(_A, _B)), 1, faults={"encrypted_member": 1}),
    Case("lzma.zip", "members packed in a way that is not read", zipped(_A, _B, method=zipfile.ZIP_LZMA), 0, faults={"unknown_packing": 2}),
    Case("sum.zip", "a member whose sum is wrong: its neighbour is read", zipped(_A, _B, method=0).replace(b"order number 2 ", b"order number 9 ", 1), 1, faults={"corrupt_file": 1}),
    Case("names.zip", "names that are paths, SQL, HTML, formulas: only names", zipped(*((name, lines(good(n))) for n, name in enumerate(_ODD))), len(_ODD)),
    Case("names.tar", "the same in a tar", tar(*((name, lines(good(n))) for n, name in enumerate(_ODD))), len(_ODD)),
    Case("name_not_utf8.tar", "a name in GBK", tar(("\udcd6\udcd0.jsonl", _TWO), kind=tarfile.GNU_FORMAT), 2),
    Case("same_names.zip", "two members of one name", zipped(_A, ("a.jsonl", lines(good(3)))), 3),
    Case("other_members.zip", "a README, rubbish of a Mac, a CSV: counted", zipped(_A, *_README), 2, faults={"members_passed_over": 1}),
    Case("odd_members.tar", "links, a loop, a device, a pipe: counted", odd_tar(_A), 2, faults={"members_passed_over": 1}),
    Case("no_members.zip", "a zip of nothing", zipped(), 0),
    Case("no_end.tar", "a tar without its end mark", tar(_A, _B, end=False), 3, faults={"truncated_file": 1}),
    Case("broken_header.tar", "a header broken between two members", _START + b"x" * 512 + tar(_B), 2, faults={"corrupt_file": 1}),
    Case("two.tar", "two tars, one behind the other: the second is told of", tar(_A) + tar(_B), 2, faults={"corrupt_file": 1}),
    Case("size_below_zero.tar", "a size that leads back", _START + header(b"z.jsonl", b"\xff" * 9 + bytes(3)), 2, faults={"corrupt_file": 1}),
    Case("size_exbibyte.tar", "a member of an exbibyte, said", _START + header(b"z.jsonl", b"\x80\0\0\0" + b"\x10" + bytes(7)), 2, faults={"truncated_file": 1}),
    Case("long_name.tar", "a name of 8 GB, said", _START + header(b"././@LongLink", b"77777777777\0", b"L") + bytes(2**17), 2, faults={"corrupt_file": 1}),
    Case("digits.tar", "a header that takes old Pythons hours", _START + header(b"h", b"%011o\0" % 40_000, b"x") + b"1" * 40_960, 2, faults={"corrupt_file": 1}),
    Case("plain.tar.gz", "lines under the name of a tar.gz", gz(_TWO * 10), 0, faults={"corrupt_file": 1}),
    Case("plain.zip", "lines under the name of a zip", _TWO, 0, faults={"corrupt_file": 1}),
    Case("talks.parquet", "conversations, whole", parquet(_talks(2)), 2),
    Case("types.parquet", "times, decimals, bytes, maps, numbers as ids, an interval", _typed(), 2),
    Case("nulls.parquet", "a row without messages", _partly_null(), 2, {"no_messages": 1}),
    Case("other.parquet", "Parquet of another schema", parquet(pa.table({"ts": [1, 2], "phone": [PHONE, MAIL]})), 0, faults={"unknown_format": 1}),
    Case("flat.parquet", "a table of turns, without a plan for it", parquet(pa.table({"conversation_id": ["a"], "role": ["user"], "content": [PHONE]})), 0, faults={"unknown_format": 1}),
    Case("no_rows.parquet", "a schema without a row", parquet(_talks(1).slice(0, 0)), 0),
    Case("no_columns.parquet", "rows without a column", parquet(pa.table({})), 0),
    Case("names_twice.parquet", "two columns of one name", _names_twice(), 0, faults={"duplicate_key": 1}),
    Case("text.parquet", "lines under the name of Parquet", _TWO, 0, faults={"corrupt_file": 1}),
    Case("footer.parquet", "a footer of nothing", b"PAR1" + bytes(64) + b"\x40\0\0\0PAR1", 0, faults={"corrupt_file": 1}),
    Case("footer_long.parquet", "a footer longer than the file", parquet(_talks(2))[:-8] + b"\xff\xff\xff\x7fPAR1", 0, faults={"corrupt_file": 1}),
    Case("page.parquet", "pages overwritten", parquet(_talks(200))[:60] + b"\xa5" * 4_000 + parquet(_talks(200))[4_060:], 0, faults={"corrupt_file": 1}),
    Case("invalid_text.parquet", "one text that is not UTF-8", _invalid_text(), 2, {"not_utf8": 1}),
    Case("one_text.parquet", "2 GB in some kB, by a dictionary", _one_text_many_times(), 128, faults={"expands_too_much": 1}),
    Case("long_row.parquet", "a row of 30 MB in some kB", _long_row(), 2, {"line_too_long": 1}),
    Case("parquet.zip", "Parquet in a zip, and some that is broken", zipped(("a.parquet", parquet(_talks(2))), ("b.parquet", b"PAR1"), _B), 3, faults={"corrupt_file": 1}),
]  # fmt: skip
"""The limits of the run: 16 MiB a document and a packed file, or 200 times its bytes where that is more."""
