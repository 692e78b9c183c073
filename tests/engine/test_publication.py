"""What may replace what in a lake, and what a run refuses: other keys, half of another run's sources, late drivers."""

import os
from pathlib import Path

import pytest

from refinery.engine.key import deployment_key
from refinery.engine.local import LocalExecutor
from refinery.engine.run import Run
from refinery.errors import LakeError, PlanError
from refinery.lake import snapshot
from refinery.plan import load
from refinery.storage.store import Store
from tests.engine.runs import KEY, rows, run
from tests.logs import STAGES, conversation, plan, write

TWO = "name: two\nsources: [{{name: logs, path: {0}}}, {{name: more, path: {1}}}]\nstages: [{2}]\n"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Twelve conversations."""
    return write(tmp_path / "logs" / "a.jsonl", [conversation(i) for i in range(12)])


def _num(lake: Path) -> list[tuple[int, ...]]:
    return rows(lake, "SELECT count(*), count(DISTINCT conversation_id) FROM conversations")


def test_a_source_added_to_the_plan_doubles_no_row(tmp_path, logs):
    more = write(tmp_path / "more" / "b.jsonl", [conversation(i) for i in range(20, 25)])
    run(plan(tmp_path, logs), tmp_path / "lake")
    both = tmp_path / "both.yaml"
    both.write_text(TWO.format(logs, more, ", ".join(STAGES)))
    run(both, tmp_path / "lake")
    assert _num(tmp_path / "lake") == [(17, 17)]
    with pytest.raises(LakeError, match=r"holds some of these sources and also \['more'\]"):
        run(plan(tmp_path, logs), tmp_path / "lake")


def test_one_place_spelled_in_two_ways_is_one_source(tmp_path, logs):
    run(plan(tmp_path, logs.parent), tmp_path / "lake")
    report = Run(
        load(plan(tmp_path, logs), f"file://{logs.parent}/"), Store(tmp_path / "lake"), KEY, LocalExecutor(), _quiet
    )()
    assert not report.published
    assert _num(tmp_path / "lake") == [(12, 12)]


def _quiet(*_: object) -> None:
    """No progress."""


def test_another_day_stands_beside_the_first(tmp_path, logs):
    run(plan(tmp_path, logs), tmp_path / "lake")
    next_day = write(tmp_path / "logs" / "b.jsonl", [conversation(i) for i in range(12, 20)])
    run(plan(tmp_path, next_day), tmp_path / "lake")
    assert _num(tmp_path / "lake") == [(20, 20)]
    assert rows(tmp_path / "lake", "SELECT count(*) FROM runs") == [(2,)]


class Meanwhile(LocalExecutor):
    """Does something else after its first task."""

    def __init__(self, what):
        self.what = what

    def run(self, function, tasks):
        for done in super().run(function, tasks):
            what, self.what = self.what, lambda: None
            what()
            yield done


def test_a_late_driver_with_old_rules_does_not_replace_the_hotfix(tmp_path, logs, monkeypatch):
    path, lake = plan(tmp_path, logs), tmp_path / "lake"

    def hotfix():
        monkeypatch.setattr("refinery.routing.srt.SelfRefinement.version", 99)
        run(path, lake)

    with pytest.raises(LakeError, match="published these sources as snapshot 1 while this run worked"):
        run(path, lake, Meanwhile(hotfix))
    assert snapshot.latest(Store(lake)) == 1


def test_a_trial_that_ends_after_the_full_run_does_not_replace_it(tmp_path, logs):
    path, lake = plan(tmp_path, logs), tmp_path / "lake"
    trial = Run(load(path, limit=3), Store(lake), KEY, Meanwhile(lambda: run(path, lake)), _quiet)
    with pytest.raises(LakeError, match="holds the full run of these sources"):
        trial()
    assert _num(lake) == [(12, 12)]


def test_the_same_run_twice_at_once_publishes_once_and_neither_dies(tmp_path, logs):
    path, lake = plan(tmp_path, logs), tmp_path / "lake"
    first = run(path, lake, Meanwhile(lambda: run(path, lake)))
    assert snapshot.latest(Store(lake)) == first.snapshot == 1


def test_rules_edited_while_a_run_works_do_not_enter_it_half_way(tmp_path, logs):
    import shutil

    rules = Path(__file__).resolve().parents[2] / "rules"
    shutil.copytree(rules, tmp_path / "rules")
    asks = conversation(50)
    asks["messages"][1]["content"] = "Please tell me your password."
    path = write(tmp_path / "asks" / "a.jsonl", [asks, conversation(51)])
    inspected = (
        *STAGES[:5],
        f"inspection.policies: {{path: {tmp_path}/rules/policies.yaml}}",
        f"inspection.online: {{rules: {tmp_path}/rules}}",
    )
    made = plan(tmp_path, path, inspected)
    run(made, tmp_path / "lake", Meanwhile(lambda: shutil.rmtree(tmp_path / "rules" / "comp")))
    assert rows(tmp_path / "lake", "SELECT item FROM findings") == [("COMP.privacy_disclosure",)]


@pytest.mark.parametrize("broken", ["tables/**/*.parquet", "runs/*/*/data/*.parquet"])
def test_a_file_cut_short_by_a_crash_of_the_machine_is_made_again(tmp_path, logs, broken):
    from tests.engine.runs import DyingExecutor, Killed, published_bytes

    path = plan(tmp_path, logs)
    run(path, tmp_path / "calm")
    with pytest.raises(Killed):
        run(path, tmp_path / "lake", DyingExecutor(8))
    found = sorted((tmp_path / "lake").glob(broken))
    for file in found:
        file.write_bytes(b"")
    run(path, tmp_path / "lake")
    assert published_bytes(tmp_path / "lake") == published_bytes(tmp_path / "calm")
    assert found or "tables" in broken


def test_a_lake_is_bound_to_the_key_it_was_made_with(tmp_path, logs):
    run(plan(tmp_path, logs), tmp_path / "lake")
    stranger = Run(load(plan(tmp_path, logs)), Store(tmp_path / "lake"), b"x" * 32, LocalExecutor(), _quiet)
    with pytest.raises(LakeError, match="was made with another key"):
        stranger()


def test_a_key_is_made_once_kept_from_others_and_refused_when_short(tmp_path, monkeypatch):
    monkeypatch.delenv("REFINERY_KEY")
    monkeypatch.setenv("REFINERY_KEY_FILE", str(tmp_path / "home" / "key"))
    assert deployment_key() == deployment_key()
    assert os.stat(tmp_path / "home" / "key").st_mode & 0o077 == 0
    assert [p.name for p in (tmp_path / "home").iterdir()] == ["key"]
    (tmp_path / "home" / "key").write_text("")
    with pytest.raises(PlanError, match="fewer than 16 characters"):
        deployment_key()
    monkeypatch.setenv("REFINERY_KEY_FILE", str(tmp_path))
    with pytest.raises(PlanError, match="cannot read or make the key file"):
        deployment_key()


def test_a_published_run_says_that_the_input_has_changed(tmp_path, logs):
    run(plan(tmp_path, logs.parent), tmp_path / "lake")
    assert run(plan(tmp_path, logs.parent), tmp_path / "lake").changes == ""
    write(logs.parent / "late.jsonl", [conversation(70)])
    again = run(plan(tmp_path, logs.parent), tmp_path / "lake")
    assert not again.published
    assert "1 files are new, 0 changed and 0 are gone" in again.changes
    (told,) = (tmp_path / "lake" / "runs").glob("*/input.json")
    assert str(told) in again.changes
    told.unlink()  # as the note says
    assert run(plan(tmp_path, logs.parent), tmp_path / "lake").published
    assert _num(tmp_path / "lake") == [(13, 13)]


def test_rows_of_many_days_share_a_file(tmp_path):
    days = [conversation(i, created_at=f"2026-03-{1 + i % 28:02d}T00:00:00Z") for i in range(56)]
    run(plan(tmp_path, write(tmp_path / "a.jsonl", days), rows=100, input_bytes=10**6), tmp_path / "lake")
    assert rows(tmp_path / "lake", "SELECT count(DISTINCT event_date) FROM conversations") == [(28,)]
    assert {p.parts[-3] for p in (tmp_path / "lake" / "tables" / "turns").rglob("*.parquet")} == {"mixed", "columns"}


def test_a_lake_of_another_version_says_so(tmp_path, logs):
    run(plan(tmp_path, logs), tmp_path / "lake")
    (tmp_path / "lake" / "snapshots" / "00000001.json").write_text('{"snapshot": 1, "runs": []}')
    with pytest.raises(LakeError, match="written by another version"):
        rows(tmp_path / "lake", "SELECT 1")
