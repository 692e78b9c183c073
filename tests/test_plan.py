"""Plans: checked whole before anything runs, and explained by the passes that will run."""

from pathlib import Path

import pytest

from refinery.engine.passes import cut, explain
from refinery.errors import PlanError
from refinery.plan import load
from refinery.stages import step_class
from tests.logs import STAGES, conversation, plan, write


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """One small file."""
    return write(tmp_path / "logs" / "a.jsonl", [conversation(1)])


@pytest.mark.parametrize(
    "stages, said",
    [
        (("quality.heuristics",), "must begin with intake.redact"),
        (("intake.redact", "dedup.exact"), "first exchange must be intake.identity"),
        (("intake.redact", "intake.identity", "quality.gat"), "did you mean 'quality.gate'"),
        (
            ("intake.redact", "intake.identity", "quality.gate"),
            "reads .*'num_agent_turns'.* which no stage before it writes",
        ),
        (("intake.redact", "intake.identity", "quality.heuristics", "quality.gate: {min_turn: 2}"), "min_turns"),
        (("intake.redact", "intake.identity", "inspection.online: {rules: nowhere}"), "nothing is at rules"),
    ],
)
def test_a_plan_that_does_not_fit_together_says_what_to_mend(tmp_path, logs, stages, said):
    with pytest.raises(PlanError, match=said):
        load(plan(tmp_path, logs, stages))


@pytest.mark.parametrize(
    "text, said",
    [
        ("name: [", "is not YAML"),
        ("- a", "a plan is a mapping with the keys name"),
        ("name: x\nsources: 5\nstages: []", "`sources` is a list"),
        ("name: x\nsources: [{name: a, path: b}]\nstages: [intake.redact, intake.identity]\nspeed: 9", "speed: Extra"),
        ("name: x\nsources: [{name: a, path: b}]\nstages: [[1]]", "each entry under `stages`"),
        (
            "name: x\ntimezone: Mars\nsources: [{name: a, path: b}]\nstages: [intake.redact, intake.identity]",
            "IANA name",
        ),
        (
            "name: x\nsources: [{name: a, path: b}, {name: a, path: c}]\nstages: [intake.redact, intake.identity]",
            "one name",
        ),
    ],
)
def test_a_file_that_is_no_plan_says_why(tmp_path, text, said):
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(PlanError, match=said):
        load(tmp_path / "plan.yaml")


def test_yaml_tags_make_no_objects(tmp_path):
    (tmp_path / "plan.yaml").write_text('name: !!python/object/apply:os.system ["true"]')
    with pytest.raises(PlanError, match="is not YAML"):
        load(tmp_path / "plan.yaml")


def test_row_stages_are_fused_and_each_exchange_is_a_map_and_a_reduce(tmp_path, logs):
    passes = cut(load(plan(tmp_path, logs, STAGES)))
    assert [p.name for p in passes] == [
        "intake",
        "map-intake.identity",
        "reduce-intake.identity",
        "map-dedup.exact",
        "reduce-dedup.exact",
        "stages",
    ]
    assert [s.name for s in passes[0].steps] == ["intake.redact", "quality.heuristics", "quality.gate"]
    assert [x.name for x in passes[-1].joins] == ["intake.identity", "dedup.exact"]
    assert [p.final for p in passes] == [False] * 5 + [True]


def test_explain_shows_each_stage_once_in_its_pass(tmp_path, logs):
    said = explain(load(plan(tmp_path, logs, STAGES)))
    for name in STAGES:
        assert f"  {name} v{step_class(name).version}" in said
    assert "min_turns=2" in said
    assert "-> lake tables" in said


def test_the_run_is_named_by_plan_and_sources_not_by_where_files_of_rules_lie(tmp_path, logs):
    first = load(plan(tmp_path, logs)).run_id()
    (tmp_path / "elsewhere").mkdir()
    assert load(plan(tmp_path / "elsewhere", logs)).run_id() == first
    assert load(plan(tmp_path, logs), limit=3).run_id() != first
    assert load(plan(tmp_path, logs), source=str(tmp_path)).run_id() != first


def test_source_names_the_only_source_or_the_root_of_several(tmp_path, logs):
    path = tmp_path / "two.yaml"
    path.write_text(
        "name: two\nroot: data\nsources: [{name: a, path: x.jsonl}, {name: b, path: /abs/y.jsonl}]\n"
        "stages: [intake.redact, intake.identity]\n"
    )
    assert [s.path for s in load(path).sources] == [str(tmp_path / "data" / "x.jsonl"), "/abs/y.jsonl"]
    assert load(path, source="s3://bucket/logs").sources[0].path == "s3://bucket/logs/x.jsonl"
    assert load(plan(tmp_path, logs), source="s3://b/z.jsonl").sources[0].path == "s3://b/z.jsonl"
