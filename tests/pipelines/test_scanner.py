"""The scanner of what a run wrote sees what it is there to see, in every kind of file."""

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.pipelines.scanner import found, texts

LEFT = {("email", "ann@x.com"), ("card", "4111 1111 1111 1111"), ("identity", "11010519491231002X")}
TEXT = "to ann@x.com, card 4111 1111 1111 1111, 身份证11010519491231002X。"


@pytest.mark.parametrize(
    "text",
    [
        "order 4111111111111112",
        "110105194912310021",
        "@name",
        "0.4111111111111111",
        "1590000000000",
        "a4111111111111111",
    ],
)
def test_what_has_no_checksum_is_not_taken(text):
    assert list(found(text)) == []


def test_every_kind_of_file_is_read(tmp_path):
    table = pa.table({"n": [1], "turns": [[{"content": TEXT, "calls": [{"arguments": TEXT}]}]]})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd")
    with (
        pa.OSFile(str(tmp_path / "b.arrow"), "wb") as file,
        pa.ipc.new_file(file, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer,
    ):
        writer.write_table(table)
    (tmp_path / "run.log").write_text(TEXT, encoding="utf-8")
    with duckdb.connect(str(tmp_path / "c.duckdb")) as con:
        con.execute(f"CREATE VIEW v AS SELECT * FROM '{tmp_path / 'a.parquet'}'")
    seen = {path.name: set() for path, _ in texts(tmp_path)}
    for path, text in texts(tmp_path):
        seen[path.name] |= set(found(text))
    assert seen == dict.fromkeys(["a.parquet", "b.arrow", "c.duckdb", "run.log"], LEFT)
