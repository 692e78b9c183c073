"""The benchmark's report: paired ratios, medians, memory; and how it measures a process."""

import os
import sys

import pytest

from benchmarks import refine
from benchmarks.refine import PLAIN, Contender, Corpus, Result

ROWS = {"conversations": 100}
MIB = 2**20


def result(seconds: float, **more) -> Result:
    return Result(seconds, ROWS, whole=seconds + 1, **more)


def test_speed_is_the_median_of_paired_ratios_and_the_warm_up_does_not_count():
    # medians 10 and 10 would give 1.00; the pairs give 2, 1 and 0.5 of which the middle is 1; the warm-up would give 50
    warm = {PLAIN: result(100, memory=(300 * MIB, 0)), "x": result(2, memory=(700 * MIB, 20 * MIB))}
    rounds = [{PLAIN: result(a), "x": result(b)} for a, b in ((8, 4), (10, 10), (30, 40))]
    text = refine.report("machine", 5, Corpus(100, 90, 3), [warm, *rounds])
    assert "| x | 10.0 (4.0 to 40.0) | 10 | 1.00 | 11.0 | 700 (20) |" in text
    assert f"| {PLAIN} | 10.0 (8.0 to 30.0) | 10 | 1.00 | 11.0 | 300 (0) |" in text
    assert "5 x the real logs, 100 conversations, 90.0% distinct contents, 3 set aside as exact duplicates" in text
    assert "Timed rounds: 3." in text


def test_the_seconds_of_passes_add_up_to_the_whole():
    rounds = [{PLAIN: result(9), "x": result(9, passes={"intake": 5.0, "stages": 8.0})}] * 2
    text = refine.report("machine", 1, Corpus(100, 100, 0), rounds)
    assert "x, seconds by pass: intake 5.0, stages 3.0, publish 1.0" in text


SAYS = """
import os, sys, time
held = bytearray(b"x" * 80 * 2**20)
time.sleep(1)
print("noise")
print('{"seconds": %d, "rows": {"conversations": 1}}' % len(os.sched_getaffinity(0)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_contender_runs_on_its_cores_and_its_memory_is_seen(tmp_path):
    here = os.sched_getaffinity(0)
    found = refine.measure(Contender("x", 1, (sys.executable, "-c", SAYS)), tmp_path, memory=True)
    assert found.seconds == 1 and found.rows == {"conversations": 1}
    assert found.whole > 1
    assert 80 * MIB < found.memory[0] < 500 * MIB
    assert os.sched_getaffinity(0) == here


def test_a_contender_that_writes_other_rows_ends_the_comparison(tmp_path, monkeypatch):
    def measured(one, out, *, memory):
        out.mkdir()
        return Result(1, {"conversations": 1 if one.name == PLAIN else 2})

    monkeypatch.setattr(refine, "measure", measured)
    monkeypatch.setattr(refine, "_corpus", lambda path: Corpus(1, 1, 0))
    with pytest.raises(SystemExit, match=r"x wrote .* nothing to compare"):
        refine.rounds([Contender(PLAIN, 1, ()), Contender("x", 1, ())], 1, tmp_path)
