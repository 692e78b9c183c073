"""What quarantine keeps of a bad line: enough to find it, nothing that names a person."""

import orjson
import pytest

from refinery.engine.intake import _masked
from refinery.intake.source import Source
from tests.engine.runs import rows, run
from tests.logs import conversation, plan, write


def test_a_line_that_parsed_and_was_refused_keeps_its_id_and_shape_and_no_text(tmp_path):
    bad = conversation(1, signals=[{"user": {"name": "张三丰", "phone": "13812345678"}, "order": {"amount": "much"}}])
    run(plan(tmp_path, write(tmp_path / "a.jsonl", [conversation(0), bad])), tmp_path / "lake")
    ((source_id, reason, raw),) = rows(tmp_path / "lake", "SELECT source_id, reason, raw FROM quarantine")
    assert (source_id, reason) == ("c1", "wrong_type")
    assert orjson.loads(raw)["signals"] == [{"user": "dict", "order": "dict"}]
    for text in ("张三丰", "13812345678", "much", bad["messages"][0]["content"]):
        assert text not in raw


@pytest.mark.parametrize(
    "line",
    [
        '{"messages": [{"content": "打我电话13812345678谢谢',
        '{"x": "\\u0031\\u0033\\u0038\\u0031\\u0032\\u0033\\u0034\\u0035\\u0036\\u0037\\u0038 ok", ',
        '{"user": {"name": "张三丰", ',
        '{"note": "' + "好" * 1325 + "13812345678",  # the line's kept beginning ends inside the number
        '{"mail": "ann@example.com", ',
    ],
)
def test_a_line_that_did_not_parse_is_masked_before_it_is_cut(line):
    raw = _masked(line.encode()[:4000])
    for secret in ("13812345678", "1381234", "\\u0031", "张三丰", "ann@"):
        assert secret not in raw
    assert len(raw) <= 500


def test_symbolic_links_to_logs_are_read(tmp_path):
    write(tmp_path / "elsewhere" / "x.jsonl", [conversation(1)])
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "x.jsonl").symlink_to(tmp_path / "elsewhere" / "x.jsonl")
    (tmp_path / "logs" / "UPPER.JSONL").write_bytes(orjson.dumps(conversation(2)))
    assert [f.name for f in Source(name="s", path=str(tmp_path / "logs")).freeze()] == ["UPPER.JSONL", "x.jsonl"]


def test_a_name_with_colons_is_read_and_one_that_is_no_text_is_counted_as_passed_over(tmp_path):
    write(tmp_path / "logs" / "a::b.jsonl", [conversation(1)])
    run(plan(tmp_path, tmp_path / "logs"), tmp_path / "lake")
    assert rows(tmp_path / "lake", "SELECT source_file FROM conversations") == [("a::b.jsonl",)]
    with open(bytes(tmp_path / "logs") + b"/\xff.jsonl", "wb") as strange:
        strange.write(b"{}")
    files, passed = Source(name="s", path=str(tmp_path / "logs")).listing()
    assert ([file.name for file in files], passed) == (["a::b.jsonl"], {"name not UTF-8": 1})


def test_an_archive_member_whose_name_is_no_text_is_read(tmp_path):
    import io
    import tarfile

    (tmp_path / "logs").mkdir()
    with tarfile.open(tmp_path / "logs" / "x.tar.gz", "w:gz", encoding="latin-1") as archive:
        info = tarfile.TarInfo("caf\xe9.jsonl")
        data = orjson.dumps(conversation(1))
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    run(plan(tmp_path, tmp_path / "logs"), tmp_path / "lake")
    assert rows(tmp_path / "lake", "SELECT count(*) FROM conversations") == [(1,)]
