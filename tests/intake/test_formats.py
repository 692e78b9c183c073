"""Formats: each record is claimed by its own adapter alone, one broken record costs one record, and none can crash."""

import ast
import gzip
import inspect
import re
import subprocess
import sys
import tarfile
from functools import cache
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refinery.errors import ParseError
from refinery.intake import reader
from refinery.intake.formats import FORMATS, Lines, adapter, detect, noted
from refinery.intake.reader import Bad, Limits, read
from refinery.intake.rows import Origin, Reading, row, table, zone_of
from refinery.intake.source import Source
from tests.logs import conversation, write
from tests.properties.records import DOCUMENTS

README = Path(__file__).resolve().parents[2] / "README.md"
READING = Reading(b"a key for tests")
ORIGIN = Origin("s", "f", None, 1)


def claims(record: object) -> list[str]:
    return [name for name in FORMATS if adapter(name).matches(record)]


def read_all(path: Path, **more: str) -> tuple[list[tuple[Origin, dict]], list[Bad]]:
    source = Source(name="s", path=str(path), **more)
    found = [x for file in source.freeze() for x in read(source, file, Limits())]
    return [x for x in found if not isinstance(x, Bad)], [x for x in found if isinstance(x, Bad)]


# ---- each record is claimed by exactly one adapter ----


def test_every_sample_is_claimed_by_the_adapter_that_it_is_named_after_and_no_other(samples):
    owner = {"chat": "native", "tau2": "tau"}
    for name, record in samples.items():
        word = name.split()[0]
        assert claims(record) == [owner.get(word, word)], name
        assert detect(record).FORMAT == detect([record]).FORMAT == owner.get(word, word), name


@pytest.mark.parametrize("name", FORMATS)
def test_the_golden_records_of_a_format_are_claimed_by_no_other(name):
    for record in adapter(name).records(DOCUMENTS[name]):
        assert set(claims(record)) <= {name}


def test_the_first_records_of_the_real_sets_are_claimed_by_their_own_adapter_alone(data):
    with tarfile.open(data / "star" / "dialogues.tar.gz") as archive:
        member = next(m for m in archive if m.name.endswith(".json"))
        found = [("star", orjson.loads(archive.extractfile(member).read()))]
    paths = [*sorted((data / "stc3").glob("*.json")), data / "taskmaster4" / "data" / "data_00.json"]
    paths += [*sorted((data / "tau2").glob("*.json")), data / "tau_bench" / "gpt-4o-airline.json"]
    found += [(path.parts[len(data.parts)].rstrip("42").removesuffix("_bench"), path) for path in paths]
    for name, place in found:
        document = orjson.loads(place.read_bytes()) if isinstance(place, Path) else place
        assert detect(document).FORMAT == name
        assert claims(next(iter(adapter(name).records(document)))) == [name]
    assert len(found) == 13


# ---- a broken record costs that record ----


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("first", [None, 7, "text", [], {}, {"unheard": "of"}])
def test_a_document_whose_first_record_is_broken_is_read_from_the_second_on(tmp_path, name, first):
    document = DOCUMENTS[name]
    rest = document if isinstance(document, list) else list(adapter(name).records(document))
    if name == "otel":
        rest = [document]  # an export in a list
    path = tmp_path / "x.json"
    path.write_bytes(orjson.dumps([first, *rest]))
    good, bad = read_all(path)
    path.write_bytes(orjson.dumps(rest))
    alone, bad_alone = read_all(path)
    assert [native for _, native in good] == [native for _, native in alone]
    assert good
    assert len(bad) == len(bad_alone) + 1
    assert bad[0].origin.line == 1 and bad[0].reason != "unknown_format"


def test_lines_before_the_first_good_one_are_refused_one_by_one_each_for_its_own_reason(tmp_path):
    lines = [b"[1]", b"{", {"conversation_id": "x"}, b"null", conversation(1), {"messages": 3}]
    good, bad = read_all(write(tmp_path / "x.jsonl", lines))
    assert [o.line for o, _ in good] == [5]
    reasons = [(1, "not_an_object"), (2, "not_json"), (3, "no_messages"), (4, "not_an_object"), (6, "no_messages")]
    assert [(b.origin.line, b.reason) for b in bad] == reasons
    assert bad[1].raw == b"{\n"


def test_a_line_is_refused_for_the_same_reason_before_the_first_good_line_as_behind_it(tmp_path):
    star = {"DialogueID": 1, "Events": []}
    broken = [{"DialogueID": 2}, {"Events": []}, b"[]", b"7", {"x": "y"}]
    _, before = read_all(write(tmp_path / "before.jsonl", [*broken, star]))
    _, behind = read_all(write(tmp_path / "behind.jsonl", [star, *broken]))
    assert [b.reason for b in before] == [b.reason for b in behind] == ["wrong_shape"] * 5


def test_a_file_without_a_good_line_is_refused_line_by_line(tmp_path):
    good, bad = read_all(write(tmp_path / "x.jsonl", [{"a": 1}, {"b": 2}]))
    assert not good
    assert [(b.origin.line, b.reason) for b in bad] == [(1, "unknown_format"), (2, "unknown_format")]
    assert "sharegpt" in bad[0].detail and orjson.loads(bad[0].raw) == {"a": "int"}


def test_lines_that_are_held_are_bounded_by_their_bytes(monkeypatch):
    monkeypatch.setattr("refinery.intake.formats._HELD_BYTES", 100)
    lines = Lines[int](None)
    told = [list(lines.read(number, {"x": number}, 40)) for number in range(4)]
    assert [len(t) for t in told] == [0, 0, 3, 0]
    assert {found.reason for t in told for _, _, found in t} == {"unknown_format"}
    assert list(lines.refuse(4, b"{", 1, ParseError("not_json"))) == []
    assert [place for place, _, _ in lines.read(9, conversation(1), 40)] == [3, 4, 9]


def test_lines_held_at_the_break_of_a_truncated_file_are_not_lost(tmp_path):
    lines = b"".join(orjson.dumps({"unheard": "of", "n": i}) + b"\n" for i in range(5000))
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(lines)[:-4000])
    good, bad = read_all(tmp_path)
    assert not good
    assert bad[-1].reason == "truncated_file" and bad[-1].origin.line is None
    assert [b.origin.line for b in bad[:-1]] == list(range(1, len(bad)))
    assert len(bad) > 1000 and {b.reason for b in bad[:-1]} == {"unknown_format"}


def test_a_document_in_which_nothing_is_known_says_which_formats_are(tmp_path):
    (tmp_path / "x.json").write_bytes(orjson.dumps([{"a": 1}] * 3))
    good, bad = read_all(tmp_path)
    assert not good and [b.reason for b in bad] == ["unknown_format"]
    assert all(name in bad[0].detail for name in FORMATS)


def test_detection_reads_a_document_no_further_than_the_record_that_is_claimed():
    class Counting(list):
        num_read = 0

        def __iter__(self):
            for item in list.__iter__(self):
                Counting.num_read += 1
                yield item

    detect(Counting([conversation(i) for i in range(1000)]))
    assert Counting.num_read == 1


def test_what_was_detected_is_noted_inside_the_block_only():
    with noted() as found:
        detect([conversation(1)])
    detect([conversation(2)])
    assert [(name, record["conversation_id"]) for name, record in found] == [("native", "c1")]


# ---- no record can crash a parser, and what a parser gives makes a row ----


@cache
def vocabulary(name: str) -> list[str]:
    """The strings in the source of a format's module and of the modules of intake that it reads with."""
    sources = [inspect.getsource(adapter(name))]
    for module in re.findall(r"from refinery\.intake\.(\w+) import|from refinery\.intake import (\w+)", sources[0]):
        sources.append(Path(reader.__file__).with_name(f"{''.join(module)}.py").read_text(encoding="utf-8"))
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return sorted(word for word in words if 0 < len(word) < 40 and "\n" not in word)


@cache
def json_of(name: str) -> st.SearchStrategy:
    """JSON whose keys and texts are often those that the format knows."""
    word = st.sampled_from(vocabulary(name))
    leaf = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | word
    leaf |= st.sampled_from(['{"name": "f", "arguments": {}}', "[]", "[{}]", "1777593600", "2026-05-01T08:00:00"])
    keys = word | st.text(max_size=3)
    return st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6), max_leaves=25
    )


def put(value: object, path: list[object], new: object) -> object:
    """The value with `new` at a path."""
    if not path:
        return new
    copy = list(value) if isinstance(value, list) else dict(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


def places(value: object, path: tuple[object, ...] = ()) -> list[list[object]]:
    """The path of every value inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [list(path), *(p for key, one in inner for p in places(one, (*path, key)))]


def survives(name: str, document: object) -> int:
    """Reads a document as a run would; whatever is wrong is a ParseError. How many rows came of it."""
    use, rows = adapter(name), []
    assert use.matches(document) in (True, False)
    try:
        for record in use.records(document):
            assert use.matches(record) in (True, False)
            try:
                rows.append(row(use.native(record), ORIGIN, READING, zone_of(READING)))
            except ParseError as error:
                assert re.fullmatch("[a-z_]+", error.reason), error.reason
    except ParseError as error:
        assert re.fullmatch("[a-z_]+", error.reason), error.reason
    try:
        use.native(document)
    except ParseError as error:
        assert error.reason
    return table(rows).num_rows


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_any_json_is_read_or_refused(name, data):
    survives(name, data.draw(json_of(name)))


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_a_good_document_in_which_anything_stands_anywhere_is_read_or_refused(name, data):
    document = DOCUMENTS[name]
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(document)))
        document = put(document, path, data.draw(json_of(name)))
    survives(name, document)


@pytest.mark.parametrize("name", FORMATS)
def test_the_fuzz_reaches_rows_with_an_unchanged_document(name):
    assert survives(name, DOCUMENTS[name]) >= 1


@pytest.mark.parametrize("name", FORMATS)
def test_no_refusal_quotes_the_log(name, broken):
    secret = re.compile("late|network|lamp|harbour|flat white|餐|网速|secret", re.IGNORECASE)
    num_refused = 0
    for copy in broken(DOCUMENTS[name]):
        try:
            for record in adapter(name).records(copy):
                adapter(name).native(record)
        except ParseError as error:
            num_refused += 1
            assert not secret.search(f"{error.reason} {error.detail}")
    assert num_refused > 10


# ---- the README's how-to ----


def how_to() -> tuple[str, str, dict[str, str]]:
    """The sample, the module and the line of FORMATS in the README's section."""
    section = README.read_text(encoding="utf-8").split("### A new log format\n")[1].split("\n## ")[0]
    (sample,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    module, line = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return sample, module, ast.literal_eval(f"{{{line}}}")


def test_the_readme_makes_a_new_format(tmp_path, monkeypatch):
    sample, module, listed = how_to()
    ((name, dotted),) = listed.items()
    assert dotted == f"refinery.intake.{name}"
    (tmp_path / f"{name}_of_the_readme.py").write_text(module, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(FORMATS, name, f"{name}_of_the_readme")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "x.jsonl").write_text('{"ticket": 6}\n' + sample, encoding="utf-8")
    for form in ("auto", name):
        ((origin, native),), (refused,) = read_all(tmp_path / "logs", format=form)
        assert (refused.origin.line, refused.reason) == (1, "wrong_shape")
        made = row(native, origin, READING, zone_of(READING))
        assert [(t["role"], t["content"]) for t in made["turns"]] == [
            ("user", "餐到哪了？"),
            ("assistant", "骑手已取餐。"),
        ]
        assert (made["source_id"], made["event_date"], orjson.loads(made["metadata"])) == (
            "7",
            "2026-05-01",
            {"queue": "night"},
        )
    assert claims(orjson.loads(sample)) == [name]
    assert claims(conversation(1)) == ["native"]
    assert survives(name, orjson.loads(sample)) == 1
    with pytest.raises(ParseError, match="unknown_role"):
        adapter(name).native({"ticket": 1, "talk": [["oracle", "x"]]})


def test_the_module_of_the_readme_is_clean(tmp_path):
    (tmp_path / "desk.py").write_text(how_to()[1], encoding="utf-8")
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "ruff",
                *command,
                "--config",
                str(README.parent / "pyproject.toml"),
                str(tmp_path / "desk.py"),
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
