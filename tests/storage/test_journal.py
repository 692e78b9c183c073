"""A journal keeps what it took, through kills, full disks and torn lines, and stays of bounded size."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from refinery.errors import StorageError
from refinery.storage.journal import Journal, events

WRITER = """
import sys
from pathlib import Path
from refinery.storage.journal import Journal
journal = Journal(Path(sys.argv[1]), segment_bytes=2_000)
state, more = journal.recover()
number = max([state or 0, *(event["n"] for event in more)])
journal.rotate(number)
while True:
    number += 1
    journal.append({"n": number, "text": "退款" * (number % 40)})
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    if journal.full:
        journal.rotate(number)
"""


def reopened(folder, **limits):
    journal = Journal(folder, patience=0.2, **limits)
    state, more = journal.recover()
    return journal, state, list(more)


def test_what_was_acknowledged_outlives_a_kill_at_any_moment(tmp_path):
    last = 0
    for seed in range(6):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        first = writer.stdout.readline()
        time.sleep(random.Random(seed).uniform(0.0, 0.05))
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read()
        writer.wait()
        acknowledged = [int(line) for line in (first + rest).splitlines(keepends=True) if line.endswith(b"\n")]
        assert acknowledged[0] == last + 1, "the restarted writer took over what was there"
        journal, state, more = reopened(tmp_path)
        last = max([state, *(event["n"] for event in more)])
        journal.close()
        assert last - acknowledged[-1] in (0, 1), "nothing acknowledged is lost; at most one more was written"
        kept = [event["n"] for event in events(tmp_path)]
        assert set(acknowledged) - set(kept) <= set(range(min(kept))), "only the oldest segments are forgotten"


def test_a_torn_last_line_is_left_out_and_counted(tmp_path):
    journal, _, _ = reopened(tmp_path)
    journal.rotate({"n": 0})
    journal.append({"n": 1}, {"n": 2})
    journal.close()
    path = next(tmp_path.glob("*.journal"))
    os.truncate(path, path.stat().st_size - 3)
    journal, state, more = reopened(tmp_path)
    assert (state, more, journal.num_unreadable) == ({"n": 0}, [{"n": 1}], 1)
    journal.close()


def test_a_changed_line_is_left_out_and_its_neighbours_are_read(tmp_path):
    journal, _, _ = reopened(tmp_path)
    journal.rotate(None)
    journal.append({"n": 1}, {"n": 2}, {"n": 3})
    journal.close()
    path = next(tmp_path.glob("*.journal"))
    path.write_bytes(path.read_bytes().replace(b'{"n":2}', b'{"n":7}'))
    journal, _, more = reopened(tmp_path)
    assert (more, journal.num_unreadable) == ([{"n": 1}, {"n": 3}], 1)
    journal.close()


def test_an_unreadable_snapshot_gives_way_to_the_one_before_and_its_events(tmp_path):
    journal, _, _ = reopened(tmp_path)
    journal.rotate("first")
    journal.append({"n": 1})
    journal.rotate("second")
    journal.append({"n": 2})
    journal.close()
    (tmp_path / "00000002.snapshot").write_bytes(b"\0" * 20)
    journal, state, more = reopened(tmp_path)
    assert (state, more) == ("first", [{"n": 1}, {"n": 2}])
    journal.close()


def test_the_folder_is_bounded_however_much_is_written(tmp_path):
    journal, _, _ = reopened(tmp_path, segment_bytes=1_000, keep=4)
    journal.rotate(0)
    for number in range(2_000):
        journal.append({"n": number})
        if journal.full:
            journal.rotate(number)
    journal.close()
    assert len(list(tmp_path.glob("*.journal"))) == 4
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 4 * 1_100 + 200
    _, state, more = reopened(tmp_path)
    assert max([state, *(event["n"] for event in more)]) == 1_999


def test_a_write_that_fails_half_way_leaves_whole_lines_only(tmp_path, monkeypatch):
    journal, _, _ = reopened(tmp_path)
    journal.rotate(None)
    journal.append({"n": 1})
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[: len(data) // 2]))
    with pytest.raises(StorageError, match="no space left.*make room"):
        journal.append({"n": 2})
    monkeypatch.setattr(os, "write", write)
    journal.append({"n": 3})
    journal.close()
    journal, _, more = reopened(tmp_path)
    assert (more, journal.num_unreadable) == ([{"n": 1}, {"n": 3}], 0)
    journal.close()


def test_a_second_process_waits_and_is_told_who_is_in_the_way(tmp_path):
    first = Journal(tmp_path)
    with pytest.raises(StorageError, match="another process holds"):
        Journal(tmp_path, patience=0.1)
    first.close()
    with contextlib.closing(Journal(tmp_path, patience=0.1)):
        pass
