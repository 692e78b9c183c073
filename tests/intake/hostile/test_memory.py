"""What expands, and what is long: bounded memory under the limits as they stand by default, in a process of its own."""
# ruff: noqa: E501 (cases read best a line each)

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tests.intake.hostile.archives import parquet
from tests.intake.hostile.case import good, lines
from tests.intake.hostile.packing import gz, header, overlapping, tar, zeros_gz, zeros_zst, zst

pytestmark = pytest.mark.slow
_GOOD = lines(good(1), good(2))
_LONG = lines(good(3, note="x" * 1_000_000))


def _one_text_in_rows(path: Path) -> None:
    """20 GB of text in some kilobytes of Parquet: a text of a megabyte beside each of 20,000 conversations."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["x" * 1_000_000]))
    talk = pa.array([[{"role": "user", "content": "a"}]]).take(pa.array([0] * 20_000))
    path.write_bytes(parquet(pa.table({"messages": talk, "text": texts})))


def _long_line(path: Path) -> None:
    """200 MB of a line that would be a conversation, between two lines that are."""
    with path.open("wb") as out:
        out.write(good(1) + b'\n{"messages": [{"role": "user", "content": "')
        for _ in range(200):
            out.write(b"x" * 2**20)
        out.write(b'"}]}\n' + good(2) + b"\n")


def _sparse_line(path: Path) -> None:
    """A line of 1 GB of nulls that takes no room on the disk."""
    path.write_bytes(_GOOD)
    with path.open("r+b") as out:
        out.truncate(2**30)


def _many_members(path: Path) -> None:
    """130,000 members without a byte, in 100 kB."""
    block = header(b"x.txt", b"00000000000\0") * 2_048
    path.write_bytes(gz(tar(("a.jsonl", _GOOD), end=False)) + gz(block) * 64)


CASES: list[tuple[str, Callable[[Path], object], int, dict[str, int], int]] = [
    # Name, maker, rows, reasons, most mebibytes. A line may have 64 MiB and is copied once; a document 512 MiB.
    ("zeros.jsonl.gz", lambda p: p.write_bytes(gz(_GOOD) + zeros_gz(8_192)), 2, {"expands_too_much": 1}, 200),
    ("zeros.jsonl.zst", lambda p: p.write_bytes(zst(_GOOD) + zeros_zst(16_384)), 2, {"expands_too_much": 1}, 200),
    ("zeros.json.gz", lambda p: p.write_bytes(zeros_gz(8_192)), 0, {"document_too_long": 1}, 700),
    ("zeros.tar.gz", lambda p: p.write_bytes(gz(tar(("a.jsonl", _GOOD), end=False) + header(b"z.jsonl", b"%011o\0" % 2**32)) + zeros_gz(4_096)), 2, {"expands_too_much": 1}, 200),
    ("overlap.zip", lambda p: p.write_bytes(overlapping("z.jsonl", _LONG, 10_000)), 2**29 // len(_LONG), {"expands_too_much": 1}, 200),
    ("members.tar.gz", _many_members, 2, {"members_passed_over": 1, "truncated_file": 1}, 40),
    ("brackets.json.gz", lambda p: p.write_bytes(gz(b"[") + gz(b"{}," * 2**20) * 170 + gz(b"{}]")), 0, {"document_too_long": 1}, 700),
    ("long_line.jsonl", _long_line, 2, {"line_too_long": 1}, 200),
    ("sparse_line.jsonl", _sparse_line, 2, {"line_too_long": 1}, 200),
    ("one_text.parquet", _one_text_in_rows, 536, {"expands_too_much": 1}, 200),
]  # fmt: skip


@pytest.mark.parametrize("name, make, rows, reasons, most", CASES, ids=[case[0] for case in CASES])
def test_what_expands_or_is_long_takes_bounded_memory(tmp_path, name, make, rows, reasons, most):
    make(tmp_path / name)
    command = [sys.executable, "-m", "tests.intake.hostile.peak", str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    found = json.loads(done.stdout)
    assert (found["rows"], found["reasons"]) == (rows, reasons)
    assert found["mebibytes"] < most
