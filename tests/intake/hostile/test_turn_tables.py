"""Turn tables of any bytes: nothing raises, what expands is bounded, and no cell stands in a fault's words."""

import io
from datetime import UTC
from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refinery.intake import turns
from refinery.intake.reader import Limits
from refinery.intake.source import File, Source
from refinery.intake.turns import BadRow, Place, conversations, rows
from tests.intake.hostile.archives import parquet
from tests.intake.hostile.packing import gz, zst
from tests.intake.test_reader_laws import mutated

COLUMNS = {"conversation_id": "session", "role": "speaker", "content": "text", "turn_idx": "n", "created_at": "at"}
SOURCE = Source(name="s", path="/x", format="turns", columns=COLUMNS)
CSV = "session,n,speaker,text,at\n" + "".join(
    f's{i},{n},user,"hi, ""{i}""\n你好",2026-05-0{n}T08:00:00Z\n' for i in range(4) for n in (1, 2)
)
TABLE = {"session": ["a", "a", "b"], "n": [1, 2, 1], "speaker": ["user"] * 3, "text": ["x", "y", "z"], "at": [None] * 3}
FILES = {
    "a.csv": CSV.encode(),
    "a.csv.gz": gz(CSV.encode()),
    "a.csv.zst": zst(CSV.encode()),
    "a.tsv": CSV.replace(",", "\t").encode(),
    "a.parquet": parquet(pa.table(TABLE)),
}
LIMITS = Limits(max_line_bytes=2**12, max_document_bytes=2**18, max_expansion=20)


def _read(name: str, data: bytes) -> tuple[int, list[BadRow]]:
    """Turns read, and what is bad; the conversations of all are made too."""
    found = list[pa.Table | BadRow]()
    with mock.patch.object(turns, "open_file", lambda _: io.BufferedReader(io.BytesIO(data))):
        found += rows(SOURCE, Place(0, File(name, "file:///x", len(data), "")), LIMITS)
    tables = [one for one in found if not isinstance(one, BadRow)]
    if tables:
        list(conversations(pa.concat_tables(tables), (SOURCE,), UTC))
    return sum(table.num_rows for table in tables), [one for one in found if isinstance(one, BadRow)]


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_change_to_a_table_breaks_its_reader(name, data):
    _, bad = _read(name, data.draw(mutated(FILES[name])))
    assert {one.reason for one in bad} <= {
        "bad_csv", "corrupt_file", "expands_too_much", "line_too_long", "no_conversation_id", "truncated_file",
        "wrong_columns", "wrong_encoding", "duplicate_key",
    }  # fmt: skip


@pytest.mark.parametrize("pack, name", [(gz, "a.csv.gz"), (zst, "a.csv.zst")])
def test_a_packed_table_that_expands_is_read_up_to_the_limit(pack, name):
    line = b"s1,1,user," + b"x" * 2_000 + b",\n"
    read, bad = _read(name, pack(CSV.encode() + line * 1_000))
    assert read == 8 + (2**18 - len(CSV.encode())) // len(line)
    assert [one.reason for one in bad] == ["expands_too_much"]


def test_a_row_of_many_cells_over_many_lines_is_bounded_as_a_row():
    """Each line closes the quote of the one before and opens its own: the row would never end."""
    read, bad = _read("a.csv", CSV.encode() + b's9,1,user,"\n' + b'","\n' * 100_000)
    assert (read, [one.reason for one in bad]) == (8, ["bad_csv"])


def test_a_table_without_a_header_has_none_of_its_cells_in_the_words_of_the_fault():
    _, (bad,) = _read("a.csv", b"s1,1,user,call 13812345678,\n" + CSV.encode())
    assert bad.reason == "wrong_columns"
    assert "13812345678" not in bad.detail
    assert "13812345678" in bad.raw  # which quarantine masks


def test_a_text_that_is_not_utf8_costs_its_row():
    data = parquet(pa.table(TABLE | {"text": ["xx", "yyyyy", "zz"]}), compression="none", use_dictionary=False)
    read, bad = _read("a.parquet", data.replace(b"yyyyy", b"yy\xffyy"))
    assert read == 2
    assert [(one.row, one.reason) for one in bad] == [(2, "wrong_encoding")]
