"""Sources: every record once, with its place; bad input costs what is bad and no more."""

import gzip
import io
import tarfile
from pathlib import Path

import fsspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.engine.intake import spans, tasks
from refinery.errors import InputError, PlanError
from refinery.intake.reader import Bad, Limits, read
from refinery.intake.source import File, Source, count_newlines, shown
from tests.intake.oracle import NAMES, packed
from tests.logs import conversation, write


def _source(path: Path, **more: str) -> Source:
    return Source(name="s", path=str(path), **more)


def _read(path: Path, limits: Limits | None = None, **more: str) -> tuple[list, list[Bad]]:
    source = _source(path, **more)
    found = [x for file in source.freeze() for x in read(source, file, limits or Limits())]
    return [x for x in found if not isinstance(x, Bad)], [x for x in found if isinstance(x, Bad)]


def _tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_a_file_a_folder_a_glob_and_archives_give_the_same_records(tmp_path):
    records = [conversation(i) for i in range(4)]
    lines = b"".join(orjson.dumps(r) + b"\n" for r in records)
    for name in ("plain", "packed", "tarred", "document"):
        (tmp_path / name).mkdir()
    write(tmp_path / "plain" / "x.jsonl", records)
    write(tmp_path / "packed" / "x.jsonl.gz", records)
    _tar(tmp_path / "tarred" / "x.tar.gz", {"in/a.jsonl": lines})
    (tmp_path / "document" / "x.json").write_bytes(orjson.dumps(records))
    places = [tmp_path / "plain" / "x.jsonl", tmp_path / "packed", tmp_path / "tarred" / "*.gz", tmp_path / "document"]
    for place in places:
        good, bad = _read(place)
        assert [r for _, r in good] == records
        assert [o.line for o, _ in good] == [1, 2, 3, 4]
        assert not bad
    assert _read(places[2])[0][0][0].member == "in/a.jsonl"


def test_json_lines_under_the_name_of_a_document_are_read_as_lines(tmp_path):
    write(tmp_path / "x.json", [conversation(1), conversation(2)])
    assert len(_read(tmp_path)[0]) == 2


def test_hidden_files_other_endings_and_linked_folders_are_passed_over_and_counted(tmp_path):
    for name in (".x.jsonl", "_tmp/x.jsonl", "README.md", "turns.csv", "13812345678", "b/y.CSV", "a/x.jsonl"):
        write(tmp_path / name, [conversation(1)])
    (tmp_path / "linked").symlink_to(tmp_path / "a", target_is_directory=True)
    files, passed = _source(tmp_path).listing()
    assert [f.name for f in files] == ["a/x.jsonl"]
    assert passed == {".csv": 2, ".md": 1, "hidden": 2, "linked folder": 1, "other ending": 1}
    assert shown(passed) == "7 files (.csv 2, hidden 2, .md 1, linked folder 1, other ending 1)"


def test_a_glob_counts_what_it_matches_and_does_not_read(tmp_path):
    for name in ("a.jsonl", "a.csv", "b.jsonl", "a.d/x.jsonl"):
        write(tmp_path / name, [conversation(1)])
    files, passed = _source(tmp_path / "a*").listing()
    assert ([f.name for f in files], passed) == (["a.jsonl"], {".csv": 1, "folder": 1})


def test_a_path_that_holds_the_signs_of_a_glob_is_read_as_it_stands(tmp_path):
    write(tmp_path / "logs[1]" / "a*b?.jsonl", [conversation(1)])
    write(tmp_path / "logs1" / "axbx.jsonl", [conversation(2)])
    for path in (tmp_path / "logs[1]", tmp_path / "logs[1]" / "a*b?.jsonl"):
        assert [f.name for f in _source(path).freeze()] == ["a*b?.jsonl"]


def test_a_source_of_which_nothing_is_read_says_what_it_passed_over(tmp_path):
    write(tmp_path / "turns.csv", [conversation(1)])
    with pytest.raises(InputError, match=r"no log files at .* \(1 file \(.csv 1\) passed over\)"):
        _source(tmp_path).freeze()


@pytest.mark.parametrize("name", NAMES)
def test_every_container_is_read_from_another_filesystem(name):
    memory = fsspec.filesystem("memory")
    memory.pipe(
        f"/logs/{name}/{name}", packed(name, b"".join(orjson.dumps(conversation(n)) + b"\n" for n in (1, 2, 3)))
    )
    memory.pipe(f"/logs/{name}/turns.csv", b"x")
    source = Source(name="s", path=f"memory://logs/{name}")
    (file,), passed = source.listing()
    found = [one for one in read(source, file, Limits()) if not isinstance(one, Bad)]
    assert [record["conversation_id"] for _, record in found][:3] == ["c1", "c2", "c3"]
    assert passed == {".csv": 1}


def test_nothing_there_says_where_it_looked(tmp_path):
    with pytest.raises(InputError, match="nothing is at"):
        _source(tmp_path / "nowhere").freeze()
    with pytest.raises(InputError, match="no log files at"):
        _source(tmp_path).freeze()


def test_an_unknown_format_names_the_known_ones():
    with pytest.raises(PlanError, match="known: auto, native, star"):
        Source(name="s", path="x", format="xml")


def test_a_bad_line_costs_that_line_and_says_which(tmp_path):
    lines = [conversation(1), b"{", b"[1]", b"", b"\xff\xfe", {"conversation_id": "x"}, conversation(2)]
    good, bad = _read(write(tmp_path / "x.jsonl", lines))
    assert [o.line for o, _ in good] == [1, 7]
    assert [(b.origin.line, b.reason) for b in bad] == [
        (2, "not_json"),
        (3, "not_an_object"),
        (5, "not_utf8"),
        (6, "no_messages"),
    ]


def test_a_truncated_archive_gives_the_records_before_the_break_and_one_file_fault(tmp_path):
    data = write(tmp_path / "whole.jsonl.gz", [conversation(i) for i in range(500)]).read_bytes()
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "x.jsonl.gz").write_bytes(data[: len(data) // 2])
    good, bad = _read(tmp_path / "cut")
    assert 0 < len(good) < 500
    assert [(b.origin.line, b.reason) for b in bad] == [(None, "truncated_file")]


def test_a_line_over_the_limit_is_refused_unread_and_the_next_is_read(tmp_path):
    long = conversation(1, note="x" * 50_000)
    path = write(tmp_path / "x.jsonl", [conversation(0), long, conversation(2)])
    good, bad = _read(path, Limits(max_line_bytes=10_000))
    assert [o.line for o, _ in good] == [1, 3]
    assert [(b.origin.line, b.reason) for b in bad] == [(2, "line_too_long")]
    assert all(len(b.raw) <= 4000 for b in bad)


def test_a_document_over_the_limit_is_refused_unread(tmp_path):
    (tmp_path / "x.json").write_bytes(orjson.dumps([conversation(i) for i in range(100)]))
    assert [b.reason for b in _read(tmp_path, Limits(max_document_bytes=1000))[1]] == ["document_too_long"]


def test_a_byte_order_mark_is_no_fault(tmp_path):
    path = write(tmp_path / "x.jsonl", [b"\xef\xbb\xbf" + orjson.dumps(conversation(1)), conversation(2)])
    assert len(_read(path)[0]) == 2


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), min_size=1, max_size=30),
    span=st.integers(1, 60),
    ended=st.booleans(),
)
def test_byte_ranges_read_every_line_once_with_its_number(tmp_path_factory, lines, span, ended):
    """The law of the cut: whatever the ranges, together they give what one reading gives."""
    path = tmp_path_factory.mktemp("spans") / "x.jsonl"
    path.write_bytes(b"\n".join(lines) + (b"\n" if ended else b""))
    if not path.stat().st_size:
        return
    source = _source(path)
    (file,) = source.freeze()
    whole = [(b.origin.line, b.raw) for b in read(source, file, Limits()) if isinstance(b, Bad)]
    cut, before = [], 0
    for start, end in spans(file, span):
        first = before + (2 if start else 1)
        found = read(source, file, Limits(), (start, end, first))
        cut += [(b.origin.line, b.raw) for b in found if isinstance(b, Bad)]
        before += count_newlines(file, max(0, start - 1), end - 1)
    assert cut == whole


def test_small_files_share_a_task_and_large_ones_are_cut():
    small = [File(f"{i}.jsonl", f"file:///{i}.jsonl", 30, "") for i in range(4)]
    packed = File("b.jsonl.gz", "file:///b.jsonl.gz", 500, "")
    large = File("c.jsonl", "file:///c.jsonl", 250, "")
    lines = {(f.url, s): 1 for f in [*small, large] for s, _ in spans(f, 100)}
    found = [[(p[1][0], p[2]) for p in t["pieces"]] for t in tasks([[*small, packed, large]], 100, lines)]
    assert found == [
        [("0.jsonl", (0, 30, 1)), ("1.jsonl", (0, 30, 1)), ("2.jsonl", (0, 30, 1))],
        [("3.jsonl", (0, 30, 1))],
        [("b.jsonl.gz", None)],
        [("c.jsonl", (0, 100, 1))],
        [("c.jsonl", (100, 200, 1))],
        [("c.jsonl", (200, 250, 1))],
    ]


def test_an_empty_gz_is_a_fault_of_the_file_alone(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(b"")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b""))
    write(tmp_path / "c.jsonl", [conversation(1)])
    assert len(_read(tmp_path)[0]) == 1
