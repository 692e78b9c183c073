"""`dedup.semantic` in whole runs: restarts, other cuts, another threshold; what is published stays the same."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from refinery.cli import app
from refinery.engine.passes import cut
from refinery.lake import snapshot
from refinery.models.embedding import HashEmbedder
from refinery.plan import load
from refinery.storage.store import Store
from tests.dedup.talks import LANGUAGES, seeded, talk, typos
from tests.engine.runs import DyingExecutor, Killed, published_bytes, rows, run, table_hashes
from tests.logs import plan, write

RULES = Path(__file__).resolve().parents[2] / "rules"
SEMANTIC = "dedup.semantic: {{embedder: null, threshold: {}, min_threshold: 0.4, template_contexts: 5}}"
STAGES = (
    "intake.redact",
    "quality.heuristics",
    "intake.identity",
    f"inspection.policies: {{path: {RULES}/policies.yaml}}",
    SEMANTIC.format(0.65),
    "routing.srt",
)
ASIDE = """SELECT source_id, dedup_kept_id, dedup_similarity FROM conversations
           WHERE set_aside_why = 'semantic_duplicate' ORDER BY ALL"""


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty conversations and of each a copy, some nearer than others, in two files."""
    home, found = tmp_path_factory.mktemp("semantic"), list[dict[str, Any]]()
    for i in range(30):
        original = talk(i, LANGUAGES[i % 2], 200)
        for name, turns in (("a", original), ("b", typos(original, seeded(i), 0.02 * i))):
            messages = [{"role": one["role"], "content": one["content"]} for one in turns]
            when = f"2026-05-{1 + i % 3:02d}T08:00:00Z"
            found.append({"conversation_id": f"{name}{i}", "created_at": when, "messages": messages})
    seeded("order").shuffle(found)
    write(home / "logs" / "a.jsonl", found[:40])
    write(home / "logs" / "b.jsonl", found[40:])
    return home / "logs"


@pytest.fixture(scope="module")
def calm(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake of a run that nothing disturbs."""
    home = tmp_path_factory.mktemp("calm")
    run(plan(home, logs, STAGES, reducer_rows=300, rows=12), home / "lake")
    return home / "lake"


def test_the_model_is_asked_in_a_round_of_its_own(tmp_path, logs):
    passes = [one.name for one in cut(load(plan(tmp_path, logs, STAGES)))]
    names = ("templates", "embed", "centre", "cells", "compare")
    assert [name for name in passes if "dedup.semantic" in name] == [
        *(f"{part}-dedup.semantic-{name}" for name in names for part in ("map", "reduce")),
        "reduce-dedup.semantic-groups",
    ]


def test_what_is_set_aside_names_a_kept_one_that_is_live_and_stands_in_the_ledger(calm):
    aside = rows(calm, ASIDE)
    assert len(aside) >= 15
    orphans = """SELECT count(*) FROM conversations c JOIN conversations k ON c.dedup_kept_id = k.conversation_id
                 WHERE c.set_aside_why = 'semantic_duplicate' AND k.set_aside_by = 'dedup.semantic'"""
    assert rows(calm, orphans) == [(0,)]
    assert rows(calm, "SELECT sum(num_rows) FROM ledger WHERE reason = 'semantic_duplicate'") == [(len(aside),)]


@pytest.mark.parametrize("lives", [12, 20, 28, 36])
def test_killed_in_any_round_and_started_again_it_publishes_the_same_bytes(tmp_path, logs, calm, lives):
    path = plan(tmp_path, logs, STAGES, reducer_rows=300, rows=12)
    dying = DyingExecutor(lives)
    with pytest.raises(Killed):
        run(path, tmp_path / "lake", dying)
    run(path, tmp_path / "lake")
    assert published_bytes(tmp_path / "lake") == published_bytes(calm)


@pytest.mark.parametrize(("rows_a_shard", "reducer_rows"), [(1000, 10**6), (3, 60)])
def test_other_shards_and_reducers_publish_equal_rows(tmp_path, logs, calm, rows_a_shard, reducer_rows):
    path = plan(tmp_path, logs, STAGES, reducer_rows=reducer_rows, rows=rows_a_shard)
    run(path, tmp_path / "lake")
    out = ("run_id",)
    found, wanted = table_hashes(tmp_path / "lake", out), table_hashes(calm, out)
    assert found["conversations"] == wanted["conversations"]


def test_the_threshold_moves_without_embedding_again(monkeypatch, tmp_path, logs, calm):
    shutil.copytree(calm, tmp_path / "lake")
    monkeypatch.setattr(HashEmbedder, "embed", lambda *_: pytest.fail("embedded again"))
    path = plan(tmp_path, logs, STAGES, reducer_rows=300, rows=12)
    arguments = [str(path), "--stage", "dedup.semantic", "--target", str(tmp_path / "lake"), "--engine", "local"]
    monkeypatch.setattr("refinery.engine.main.deployment_key", lambda: b"k" * 32)
    done = CliRunner().invoke(app, ["dedup", "rethreshold", "--threshold", "0.5", *arguments])
    assert done.exit_code == 0, done.output
    assert len(rows(tmp_path / "lake", ASIDE)) > len(rows(calm, ASIDE))
    assert snapshot.latest(Store(tmp_path / "lake")) == 2
    monkeypatch.undo()
    moved = tmp_path / "moved"
    moved.mkdir()
    stages = tuple(SEMANTIC.format(0.5) if stage.startswith("dedup") else stage for stage in STAGES)
    run(plan(moved, logs, stages, reducer_rows=300, rows=12), moved / "lake")
    assert rows(moved / "lake", ASIDE) == rows(tmp_path / "lake", ASIDE)


def test_a_threshold_below_the_links_or_of_a_stage_that_is_not_there_is_one_sentence(monkeypatch, tmp_path, logs, calm):
    shutil.copytree(calm, tmp_path / "lake")
    path = plan(tmp_path, logs, STAGES, reducer_rows=300, rows=12)
    arguments = ["--target", str(tmp_path / "lake"), "--engine", "local"]
    low = ["dedup", "rethreshold", str(path), "--threshold", "0.3", "--stage", "dedup.semantic", *arguments]
    done = CliRunner().invoke(app, low)
    assert done.exit_code == 1
    assert "0.3 lies below min_threshold 0.4" in done.output
    other = CliRunner().invoke(app, ["dedup", "rethreshold", str(path), "--threshold", "0.9", *arguments])
    assert other.exit_code == 1
    assert "no stage 'dedup.near' whose threshold could be moved; it has: dedup.semantic" in " ".join(
        other.output.split()
    )
