"""The benchmark: how it measures a process, what it writes down at once, and what it does not take again."""

import os
import sys

import orjson
import pytest

from benchmarks import journal, refine
from benchmarks.journal import Journal
from benchmarks.measure import Contender, Result, measure
from benchmarks.report import PLAIN
from tests.engine.runs import run
from tests.logs import conversation, plan, write

ROWS = {"conversations": 100}
MIB = 2**20
SAYS = """
import os, sys, time
held = bytearray(b"x" * 80 * 2**20)
time.sleep(0.6)
del held
time.sleep(0.6)
print("noise")
print('{"seconds": %d, "rows": {"conversations": 1}}' % len(os.sched_getaffinity(0)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_contender_runs_on_its_cores_and_its_largest_memory_is_seen(tmp_path):
    here = os.sched_getaffinity(0)
    found = measure(Contender("x", 1, (sys.executable, "-c", SAYS)), tmp_path)
    assert found.seconds == 1 and found.rows == {"conversations": 1}
    assert found.whole > 1
    assert 80 * MIB < found.memory[0] < 500 * MIB
    assert os.sched_getaffinity(0) == here


class Machine:
    """Stands for `measure`: counts what is run, and dies at a given measurement."""

    def __init__(self, dies_at: int = 10_000, rows: dict[str, dict[str, int]] | None = None) -> None:
        self.ran, self.dies_at, self.rows = list[str](), dies_at, rows or {}

    def __call__(self, one, out):
        if len(self.ran) == self.dies_at:
            raise KeyboardInterrupt
        self.ran.append(one.name)
        out.mkdir()
        return Result(len(self.ran), self.rows.get(one.name, ROWS), memory=(7 * MIB, 0))


ALL = [Contender(PLAIN, 1, ()), Contender("refinery, 1 core", 1, ())]


def _bench(tmp_path, monkeypatch, machine, times=2) -> Journal:
    monkeypatch.setattr(refine, "measure", machine)
    monkeypatch.setattr(refine, "contents", lambda out: {"conversations": 100, "contents": 90, "duplicates": 3})
    book = Journal(tmp_path / "journal.jsonl", "this code")
    refine.Bench(book, 100, tmp_path, set()).rounds(ALL, times)
    return book


def test_every_contender_warms_up_and_then_goes_in_rotation(tmp_path, monkeypatch):
    machine = Machine()
    book = _bench(tmp_path, monkeypatch, machine)
    assert machine.ran == [ALL[i].name for i in (1, 1, 0, 0, 0, 1)]
    assert [book.get(100, n, ALL[1].name).seconds for n in (0, 1, 2)] == [1, 2, 6]


def test_a_session_that_is_cut_loses_one_measurement(tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        _bench(tmp_path, monkeypatch, Machine(dies_at=5))
    (tmp_path / "out").exists() and (tmp_path / "out").rmdir()
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"of": "this code", "conver')
    again = Machine()
    book = _bench(tmp_path, monkeypatch, again)
    assert again.ran == [ALL[1].name, ALL[1].name], "its warm-up, since the machine is cold again, and what was missing"
    assert book.get(100, 1, PLAIN).seconds == 4
    third = Machine()
    _bench(tmp_path, monkeypatch, third)
    assert third.ran == []


def test_measurements_of_other_code_do_not_count(tmp_path, monkeypatch):
    _bench(tmp_path, monkeypatch, Machine())
    other = Journal(tmp_path / "journal.jsonl", "other code")
    assert other.get(100, 1, PLAIN) is None and other.rows(100) is None


def test_what_was_measured_comes_back_as_it_was(tmp_path):
    result = Result(1.5, ROWS, 2.5, (7, 3), {"intake": 1.0})
    Journal(tmp_path / "j", "x").put(10, 1, "c", result)
    assert Journal(tmp_path / "j", "x").get(10, 1, "c") == result


def test_a_contender_that_writes_other_rows_ends_the_comparison(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match=r"wrote .* nothing to compare"):
        _bench(tmp_path, monkeypatch, Machine(rows={"refinery, 1 core": {"conversations": 2}}))


def test_a_change_of_code_changes_what_measurements_go_by(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "HOME", tmp_path / "benchmarks")
    for name in ("refinery", "rules", "pipelines", "benchmarks"):
        (tmp_path / name).mkdir()
    for name in ("pyproject.toml", "constraints.txt", "refinery/x.py", "benchmarks/result.md"):
        (tmp_path / name).write_text("1")
    first = journal.made_of("machine")
    (tmp_path / "benchmarks" / "result.md").write_text("2")
    assert journal.made_of("machine") == first != journal.made_of("another machine")
    (tmp_path / "refinery" / "x.py").write_text("2")
    assert journal.made_of("machine") != first


def test_what_a_corpus_holds_is_read_from_what_was_written(tmp_path):
    twin = conversation(4) | {"conversation_id": "twin"}
    logs = write(tmp_path / "logs" / "a.jsonl", [*(conversation(i) for i in range(9)), twin])
    run(plan(tmp_path, logs), tmp_path / "lake")
    assert refine.contents(tmp_path / "lake") == {"conversations": 10, "contents": 9, "duplicates": 1}
    assert orjson.dumps(refine.contents(tmp_path / "lake"))


def test_unknown_contenders_and_too_many_cores_are_refused(monkeypatch, capsys):
    for words, said in ((["--contenders", "spark"], "known: refinery, plain"), (["--cores", "999"], "asks for 999")):
        monkeypatch.setattr("sys.argv", ["refine", *words])
        with pytest.raises(SystemExit) as ended:
            refine.main()
        assert said in f"{ended.value}{capsys.readouterr().err}"
