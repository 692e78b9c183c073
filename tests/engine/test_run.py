"""The main job on small logs: what it publishes, and what it does when it dies and is started again."""

import gzip
from pathlib import Path

import orjson
import pytest

from refinery.engine.manifest import read_entries
from refinery.engine.run import Run
from refinery.errors import InputError, LakeError, LedgerError
from refinery.lake import snapshot
from refinery.plan import load
from refinery.storage.store import Store
from tests.engine.runs import KEY, DyingExecutor, Killed, published_bytes, rows, run, table_hashes
from tests.logs import STAGES, conversation, plan, write

NUM = 60


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Sixty conversations in two files; a duplicate, a broken line and an id that comes twice among them."""
    first = [conversation(i) for i in range(NUM // 2)]
    twin = conversation(3) | {"conversation_id": "twin of c3"}
    write(tmp_path / "logs" / "a.jsonl", [*first[:20], b'{"conversation_id": "broken', *first[20:], twin])
    second = [conversation(i) for i in range(NUM // 2, NUM)]
    other = conversation(999) | {"conversation_id": f"c{NUM // 2}"}
    write(tmp_path / "logs" / "b.jsonl.gz", [*second, other, {"conversation_id": "no messages"}])
    return tmp_path / "logs"


def test_rows_in_are_rows_live_plus_rows_set_aside_and_bad_lines_stand_in_quarantine(tmp_path, logs):
    run(plan(tmp_path, logs), tmp_path / "lake")
    fates = dict(
        rows(tmp_path / "lake", "SELECT coalesce(set_aside_why, 'live'), count(*) FROM conversations GROUP BY 1")
    )
    assert fates == {"live": 30, "exact_duplicate": 1, "solution_incorrect": 15, "pending": 16}
    bad = rows(tmp_path / "lake", "SELECT source_file, source_line, reason FROM quarantine ORDER BY 1")
    assert bad == [("a.jsonl", 21, "not_json"), ("b.jsonl.gz", 32, "no_messages")]
    read = "SELECT sum(num_rows) FROM ledger WHERE fate = 'read'"
    assert rows(tmp_path / "lake", read) == [(NUM + 2,)]


def test_every_row_is_traced_to_its_log_line(tmp_path, logs):
    run(plan(tmp_path, logs), tmp_path / "lake")
    for file, line, source_id in rows(
        tmp_path / "lake", "SELECT source_file, source_line, source_id FROM conversations"
    ):
        data = (logs / file).read_bytes()
        lines = (gzip.decompress(data) if file.endswith(".gz") else data).splitlines()
        assert orjson.loads(lines[line - 1])["conversation_id"] == source_id


def test_an_id_that_comes_again_with_other_content_keeps_both_and_is_flagged(tmp_path, logs):
    run(plan(tmp_path, logs), tmp_path / "lake")
    facts = "count(*), count(DISTINCT conversation_id), bool_and(id_collision)"
    assert rows(tmp_path / "lake", f"SELECT {facts} FROM conversations WHERE source_id = 'c30'") == [(2, 2, True)]
    assert rows(tmp_path / "lake", "SELECT count(*) FROM conversations WHERE id_collision") == [(2,)]
    total = "SELECT count(*) - count(DISTINCT conversation_id) FROM conversations"
    assert rows(tmp_path / "lake", total) == [(0,)]


@pytest.mark.parametrize("lives", [0, 1, 2, 4, 7, 11, 16, 21])
def test_killed_anywhere_and_started_again_it_publishes_the_same_bytes(tmp_path, logs, lives):
    path = plan(tmp_path, logs)
    run(path, tmp_path / "calm")
    with pytest.raises(Killed):
        run(path, tmp_path / "lake", DyingExecutor(lives))
    assert snapshot.latest(Store(tmp_path / "lake")) == 0, "a run that dies publishes nothing"
    assert run(path, tmp_path / "lake").published
    assert table_hashes(tmp_path / "lake") == table_hashes(tmp_path / "calm")
    assert published_bytes(tmp_path / "lake") == published_bytes(tmp_path / "calm")


def test_a_restart_does_no_task_twice(tmp_path, logs):
    path = plan(tmp_path, logs)
    whole, first, second = DyingExecutor(10**6), DyingExecutor(9), DyingExecutor(10**6)
    run(path, tmp_path / "calm", whole)
    with pytest.raises(Killed):
        run(path, tmp_path / "lake", first)
    run(path, tmp_path / "lake", second)
    assert 10**6 - second.left == 10**6 - whole.left - 9


def test_files_added_between_kill_and_restart_change_nothing(tmp_path, logs):
    path = plan(tmp_path, logs)
    run(path, tmp_path / "calm")
    with pytest.raises(Killed):
        run(path, tmp_path / "lake", DyingExecutor(2))
    write(logs / "aa.jsonl", [conversation(5000)])
    run(path, tmp_path / "lake")
    assert table_hashes(tmp_path / "lake") == table_hashes(tmp_path / "calm")


def test_a_frozen_file_that_changed_stops_the_run_and_says_which(tmp_path, logs):
    path = plan(tmp_path, logs)
    with pytest.raises(Killed):
        run(path, tmp_path / "lake", DyingExecutor(1))
    write(logs / "b.jsonl.gz", [conversation(1)])
    with pytest.raises(InputError, match=r"b\.jsonl\.gz changed since the run froze its input"):
        run(path, tmp_path / "lake")
    assert snapshot.latest(Store(tmp_path / "lake")) == 0


def test_a_second_run_changes_nothing(tmp_path, logs):
    path = plan(tmp_path, logs)
    run(path, tmp_path / "lake")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "lake").rglob("*") if p.is_file()}
    again = run(path, tmp_path / "lake")
    assert not again.published
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "lake").rglob("*") if p.is_file()} == before


def test_an_orphan_that_finishes_after_the_restart_changes_nothing(tmp_path, logs):
    path = plan(tmp_path, logs)

    class Recording(DyingExecutor):
        calls: list = []

        def run(self, function, tasks):
            self.calls.extend((function, task) for task in tasks)
            return super().run(function, tasks)

    run(path, tmp_path / "lake", Recording(10**6))
    before = published_bytes(tmp_path / "lake")
    manifests = {p: p.read_bytes() for p in (tmp_path / "lake" / "runs").rglob("*.json")}
    for function, task in Recording.calls:  # every task of the run once more, late
        function(task)
    assert published_bytes(tmp_path / "lake") == before
    assert {p: p.read_bytes() for p in (tmp_path / "lake" / "runs").rglob("*.json")} == manifests


def test_a_changed_parameter_of_a_late_stage_replaces_the_publication_and_keeps_the_old_snapshot(tmp_path, logs):
    run(plan(tmp_path, logs), tmp_path / "lake")
    run(plan(tmp_path, logs, (*STAGES[:2], "quality.gate: {min_turns: 9}", *STAGES[3:])), tmp_path / "lake")
    why = "SELECT count(*) FROM conversations WHERE set_aside_why = 'too_few_turns'"
    assert rows(tmp_path / "lake", why) == [(NUM + 2,)]
    assert rows(tmp_path / "lake", why, as_of=1) == [(0,)]
    assert rows(tmp_path / "lake", "SELECT count(*) FROM conversations") == [(NUM + 2,)]


def test_a_hotfix_redoes_the_passes_it_touches_and_no_others(tmp_path, logs, monkeypatch):
    path = plan(tmp_path, logs)
    whole, fixed = DyingExecutor(10**6), DyingExecutor(10**6)
    run(path, tmp_path / "lake", whole)
    monkeypatch.setattr("refinery.routing.srt.SelfRefinement.version", 99)
    run(path, tmp_path / "lake", fixed)
    last = len(read_entries(Store(tmp_path / "lake"), _last_pass(tmp_path / "lake")))
    assert 10**6 - fixed.left == last < 10**6 - whole.left


def _last_pass(lake: Path) -> str:
    folder = max((lake / "runs").glob("*/*-stages-*"), key=lambda p: p.stat().st_mtime_ns)
    return str((folder / "manifest").relative_to(lake))


def test_a_trial_with_limit_reads_the_first_records_of_each_source_and_may_not_stand_beside_the_full_run(
    tmp_path, logs
):
    path = plan(tmp_path, logs)

    def trial():
        return Run(load(path, limit=5), Store(tmp_path / "lake"), KEY, DyingExecutor(99), lambda *_: None)()

    trial()
    assert rows(tmp_path / "lake", "SELECT source_id FROM conversations ORDER BY source_line") == [
        (f"c{i}",) for i in range(5)
    ]
    run(path, tmp_path / "lake")
    assert rows(tmp_path / "lake", "SELECT count(*) FROM conversations") == [(NUM + 2,)]
    with pytest.raises(LakeError, match="holds the full run of these sources"):
        trial()


def test_rows_that_vanish_publish_nothing(tmp_path, logs, monkeypatch):
    monkeypatch.setattr("refinery.engine.tasks.split", lambda table: (table.slice(1), table.slice(0, 0)))
    with pytest.raises(LedgerError, match="nothing is published"):
        run(plan(tmp_path, logs), tmp_path / "lake")
    assert snapshot.latest(Store(tmp_path / "lake")) == 0


def test_the_cut_into_shards_changes_no_row(tmp_path, logs):
    run(plan(tmp_path, logs), tmp_path / "fine")
    run(plan(tmp_path, logs, rows=1000, input_bytes=10**7, reducer_rows=10**6), tmp_path / "coarse")
    order = "SELECT * EXCLUDE (run_id) FROM conversations ORDER BY conversation_id"
    assert rows(tmp_path / "fine", order) == rows(tmp_path / "coarse", order)


def test_which_row_keeps_a_repeated_id_does_not_depend_on_the_cut_or_on_what_is_set_aside(tmp_path):
    short = conversation(1) | {"messages": conversation(1)["messages"][:1]}
    logs = write(tmp_path / "a.jsonl", [conversation(0), short, conversation(1), conversation(3)])
    found = []
    for size in (1, 2, 1000):
        run(plan(tmp_path, logs, rows=size), tmp_path / f"lake{size}")
        query = "SELECT source_line, set_aside_why, conversation_id FROM conversations WHERE id_collision ORDER BY 1"
        found.append(rows(tmp_path / f"lake{size}", query))
    assert [line[:2] for line in found[0]] == [(2, "too_few_turns"), (3, None)]
    assert found[0] == found[1] == found[2]
