"""Exchanges of several rounds in a run: restarts, other cuts, other thresholds; what is published stays the same."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from refinery.cli import app
from refinery.engine.exchange import parts_of
from refinery.engine.passes import cut
from refinery.errors import PlanError
from refinery.lake import snapshot
from refinery.plan import load
from refinery.stage import KEY
from refinery.storage.store import Store
from tests.dedup.talks import KINDS, seeded, talk
from tests.engine.runs import DyingExecutor, Killed, published_bytes, rows, run, table_hashes
from tests.logs import plan, write

BEFORE = ("intake.redact", "quality.heuristics", "quality.gate", "intake.identity", "dedup.exact")
STAGES = (*BEFORE, "dedup.near: {template_contexts: 5}", "routing.srt")
TASKS = 10**6
NEAR = "SELECT source_id, dedup_kept_id, dedup_similarity, dedup_entity_conflict, set_aside_why FROM conversations"


@pytest.fixture(scope="module")
def records() -> list[dict]:
    """Forty conversations and of each a copy, some nearer than others, in an order of its own."""
    found = []
    kinds = list(KINDS.values())
    for i in range(40):
        original = talk(i, ("zh", "en")[i % 2], 200)
        copy, strengths = kinds[i % len(kinds)]
        for name, turns in (("a", original), ("b", copy(original, seeded(i), strengths[0]))):
            messages = [{"role": one["role"], "content": one["content"]} for one in turns if one["role"] != "tool"]
            when = f"2026-05-{1 + i % 3:02d}T08:00:00Z"
            found.append({"conversation_id": f"{name}{i}", "created_at": when, "messages": messages})
    seeded("order").shuffle(found)
    return found


@pytest.fixture(scope="module")
def logs(records, tmp_path_factory) -> Path:
    """The records in two files."""
    home = tmp_path_factory.mktemp("rounds")
    write(home / "logs" / "a.jsonl", records[:50])
    write(home / "logs" / "b.jsonl", records[50:])
    return home / "logs"


@pytest.fixture(scope="module")
def calm(logs, tmp_path_factory) -> Path:
    """The lake of a run that nothing disturbs."""
    home = tmp_path_factory.mktemp("calm")
    run(plan(home, logs, STAGES, reducer_rows=500, rows=12), home / "lake")
    return home / "lake"


def test_each_round_is_a_map_and_a_reduce_but_the_last(tmp_path, logs):
    passes = [one.name for one in cut(load(plan(tmp_path, logs, STAGES)))]
    rounds = [name for name in passes if "dedup.near" in name]
    assert rounds == [
        *(f"{part}-dedup.near-{name}" for name in ("templates", "bands", "compare") for part in ("map", "reduce")),
        "reduce-dedup.near-groups",
    ]


def test_near_duplicates_are_set_aside_with_the_kept_id_and_every_row_is_in_the_ledger(calm):
    aside = rows(calm, "SELECT count(*) FROM conversations WHERE set_aside_why = 'near_duplicate'")[0][0]
    assert aside >= 25
    missing = """SELECT count(*) FROM conversations c LEFT JOIN conversations k ON c.dedup_kept_id = k.conversation_id
                 WHERE c.set_aside_why = 'near_duplicate' AND (k.set_aside_why = 'near_duplicate' OR k.source_id IS NULL
                 OR substr(k.source_id, 2) <> substr(c.source_id, 2))"""
    assert rows(calm, missing) == [(0,)]
    assert rows(calm, "SELECT sum(num_rows) FROM ledger WHERE reason = 'near_duplicate'") == [(aside,)]


@pytest.mark.parametrize("lives", [14, 22, 27, 32, 36])
def test_killed_in_any_round_and_started_again_it_publishes_the_same_bytes(tmp_path, logs, calm, lives):
    path = plan(tmp_path, logs, STAGES, reducer_rows=500, rows=12)
    with pytest.raises(Killed):
        run(path, tmp_path / "lake", DyingExecutor(lives))
    run(path, tmp_path / "lake")
    assert table_hashes(tmp_path / "lake") == table_hashes(calm)
    assert published_bytes(tmp_path / "lake") == published_bytes(calm)


def test_1_7_and_64_shards_and_another_order_of_the_log_give_equal_rows(tmp_path, records):
    write(tmp_path / "log" / "a.jsonl", records[:63])
    write(tmp_path / "other" / "a.jsonl", seeded("again").sample(records[:63], 63))
    found = []
    for name, log, size, reducers in (("1", "log", 1000, 10**6), ("7", "log", 10, 500), ("64", "log", 1, 100)):
        cut = {"rows": size, "reducer_rows": reducers, "input_bytes": 10**9}
        run(plan(tmp_path, tmp_path / log, STAGES, **cut), tmp_path / name)
        assert len(list((tmp_path / name / "runs").glob("*/*-intake-*/data/*.arrow"))) == int(name)
        found.append(sorted(map(str, rows(tmp_path / name, NEAR))))
    run(plan(tmp_path, tmp_path / "other", STAGES, rows=10, reducer_rows=300), tmp_path / "shuffled")
    found.append(sorted(map(str, rows(tmp_path / "shuffled", NEAR))))
    assert "near_duplicate" in str(found[0])
    assert all(each == found[0] for each in found[1:])


def test_another_threshold_redoes_the_groups_and_what_follows_and_is_as_if_run_so_from_the_start(tmp_path, logs, calm):
    shutil.copytree(calm, tmp_path / "lake")
    stages = (*BEFORE, "dedup.near: {template_contexts: 5, threshold: 0.95}", "routing.srt")
    path, moved = plan(tmp_path, logs, stages, reducer_rows=500, rows=12), DyingExecutor(TASKS)
    run(path, tmp_path / "lake", moved)
    last = [one for one in cut(load(path)) if one.final]
    assert len(last) == 1
    wide = len(list((tmp_path / "lake" / "runs").glob("*/*-intake-*/data/*.arrow")))
    assert TASKS - moved.left == 1 + wide, "one reducer of groups, and the last pass"
    run(path, tmp_path / "fresh")
    assert published_bytes(tmp_path / "lake") == published_bytes(tmp_path / "fresh")
    less, more = (rows(lake, NEAR + " WHERE set_aside_why = 'near_duplicate'") for lake in (tmp_path / "lake", calm))
    assert len(less) < len(more)


def test_the_command_moves_the_threshold_within_what_was_kept_and_says_why_not_further(tmp_path, logs):
    path = plan(tmp_path, logs, STAGES)
    target = ["--target", str(tmp_path / "lake"), "--engine", "local"]
    early = CliRunner().invoke(app, ["dedup", "rethreshold", str(path), "--threshold", "0.9", *target])
    assert (early.exit_code, "nothing is published there yet" in early.stderr) == (1, True)
    assert CliRunner().invoke(app, ["run", str(path), *target]).exit_code == 0
    done = CliRunner().invoke(app, ["dedup", "rethreshold", str(path), "--threshold", "0.95", *target])
    assert done.exit_code == 0, done.stderr
    assert snapshot.latest(Store(tmp_path / "lake")) == 2
    low = CliRunner().invoke(app, ["dedup", "rethreshold", str(path), "--threshold", "0.5", *target])
    assert low.exit_code == 1
    assert "PlanError" in low.stderr
    assert "threshold 0.5 lies below min_threshold 0.75" in low.stderr


def test_templates_frozen_from_a_lake_stand_in_for_the_list_that_a_run_makes(tmp_path):
    closing = "Thank you for your patience, is there anything else that I can do for you today?"
    texts = [talk(i, "en", 60)[0]["content"] for i in range(12)]
    messages = [[{"role": "user", "content": text}, {"role": "assistant", "content": closing}] for text in texts * 2]
    write(tmp_path / "log" / "a.jsonl", [{"conversation_id": f"c{i}", "messages": m} for i, m in enumerate(messages)])
    run(
        plan(tmp_path, tmp_path / "log", ("intake.redact", "intake.identity", "dedup.near: {template_contexts: 12}")),
        tmp_path / "one",
    )
    frozen = ["dedup", "templates", str(tmp_path / "list.jsonl"), "--lake", str(tmp_path / "one"), "--contexts", "12"]
    done = CliRunner().invoke(app, frozen)
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'list.jsonl'}: 1 templates\n"), done.stderr
    assert closing in (tmp_path / "list.jsonl").read_text(encoding="utf-8")
    path = plan(tmp_path, tmp_path / "log", ("intake.redact", "intake.identity", "dedup.near: {templates: list.jsonl}"))
    assert not any("templates" in one.name for one in cut(load(path)))
    run(path, tmp_path / "two")
    found = [sorted(map(str, rows(tmp_path / lake, NEAR))) for lake in ("one", "two")]
    assert found[0] == found[1]
    assert str(found[0]).count("near_duplicate") == 12


def test_a_plan_without_near_duplicates_has_no_threshold_to_move(tmp_path, logs):
    from refinery.engine.main import rethreshold

    with pytest.raises(PlanError, match="has no stage 'dedup.near'"):
        rethreshold(plan(tmp_path, logs, BEFORE), 0.9, source=None, target=str(tmp_path / "lake"), engine="local")


def test_records_go_to_reducers_by_range_of_their_key_in_their_order():
    import numpy as np
    import pyarrow as pa

    keys = np.random.default_rng(1).integers(0, 2**64, 500, dtype=np.uint64)
    table = pa.table({KEY.name: keys, "place": range(500)})
    parts = parts_of(table, 7)
    assert sum(part.num_rows for part in parts) == 500
    ends = [(min(part[KEY.name].to_pylist()), max(part[KEY.name].to_pylist())) for part in parts]
    assert all(low[1] < high[0] for low, high in zip(ends[:-1], ends[1:], strict=True))
    assert all(part["place"].to_pylist() == sorted(part["place"].to_pylist()) for part in parts)
