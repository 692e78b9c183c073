"""The reader of flat turn tables against any bytes."""

from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.intake.reader import Limits
from refinery.intake.source import File, Source
from refinery.intake.turns import BadRow, Place, rows

COLUMNS = {"conversation_id": "id", "role": "who", "content": "said"}
HEADER = b"id,who,said,at\n"
PIECES = st.sampled_from(
    [b"1,user,hi,\n", "2,assistant,好的,\n".encode(), b'3,user,"a ""b""\n c",x\n', b'"', b",", b"\n", b"\r\n", b"\x00"]
    + [b"\xff", b"\xed\xa0\x80", b",,,\n", b"4,user\n", b"5," + b"x" * 300 + b",y,\n", b"\xef\xbb\xbf", b"PAR1"]
)


def read(path: Path, data: bytes, limit: int = 200) -> list[pa.Table | BadRow]:
    path.write_bytes(data)
    source = Source(name="s", path=str(path), format="turns", columns=COLUMNS)
    file = File(path.name, f"file://{path}", len(data), "")
    return list(rows(source, Place(0, file), Limits(max_line_bytes=limit)))


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=30), st.sampled_from(["a.csv", "a.tsv", "a.csv.gz", "a.csv.zst", "a.parquet"]))
def test_any_bytes_are_rows_or_bad_rows_with_a_reason_and_never_an_error(tmp_path_factory, pieces, name):
    folder = tmp_path_factory.getbasetemp()
    found = read(folder / name, HEADER + b"".join(pieces))
    found += read(folder / name, b"".join(pieces))
    for one in found:
        if isinstance(one, BadRow):
            assert one.reason in {
                "wrong_columns", "wrong_encoding", "bad_csv", "truncated_file", "corrupt_file", "no_conversation_id"
            }  # fmt: skip
        else:
            one.validate(full=True)
            assert all(one["conversation_id"].to_pylist())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1), st.text(), st.text()), min_size=1, max_size=20))
def test_every_row_of_a_well_formed_table_comes_back_as_it_was(tmp_path_factory, records):
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    data = HEADER + b"".join(",".join(map(quoted, (*r, "x"))).encode("utf-8", "replace") + b"\n" for r in records)
    found = read(tmp_path_factory.getbasetemp() / "whole.csv", data, limit=10**6)
    read_back = [row for one in found for row in one.select(["conversation_id", "role", "content"]).to_pylist()]
    clean = [tuple(part.encode("utf-8", "replace").decode() for part in record) for record in records]
    assert [tuple(row.values()) for row in read_back] == clean
    assert [n for one in found for n in one["_row"].to_pylist()] == list(range(1, len(records) + 1))
