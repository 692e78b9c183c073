"""Samples of routed conversations: which turns, which fields, which reasons."""

import json
import pickle
import shutil
from collections import Counter

import pyarrow as pa
import pytest

from refinery.errors import PlanError
from refinery.records.conversation import CONVERSATION, TURN
from refinery.records.training import SAMPLE
from refinery.records.verdict import FINDING
from refinery.routing import rows as rows_module
from refinery.routing.prompt import PROMPTS
from refinery.routing.rows import Rows, split_of

SCHEMA = pa.schema(
    [
        *(CONVERSATION.field(name) for name in ("conversation_id", "turns", "signals")),
        pa.field("policies", pa.list_(pa.list_(pa.string()))),
        pa.field("findings", pa.list_(FINDING)),
        pa.field("usage", pa.string()),
    ]
)
TRACK = {"id": "c1", "name": "order.track", "arguments": '{"order_id":"7"}'}
REFUND = {"id": "c2", "name": "refund.create", "arguments": '{"order_id":"7","amount":5}'}


def turn(turn_idx, role, content=None, calls=None, answers=None):
    blank = dict.fromkeys(TURN.names)
    return blank | {
        "turn_idx": turn_idx,
        "role": role,
        "content": content,
        "tool_calls": calls,
        "tool_call_id": answers,
    }


def finding(turn_idx, rule_id="REP.verbatim.001", **route):
    route = {"sft_exclude": False, "dpo": False, "rl": False} | route
    return dict.fromkeys(FINDING.names) | {
        "turn_idx": turn_idx,
        "rule_id": rule_id,
        "route": route,
        "ruleset_version": "v7",
    }


TALK = [
    turn(0, "assistant", "您好，请问有什么可以帮您？"),
    turn(1, "user", "我要退款，快递没到。"),
    turn(2, "assistant", None, [TRACK]),
    turn(3, "tool", '{"status":"lost"}', answers="c1"),
    turn(4, "assistant", "非常抱歉，包裹丢失了，为您退款。", [REFUND]),
    turn(5, "user", "好的"),
    turn(6, "assistant", "已退款，请查收。"),
]


def conversation(usage="good", **columns):
    policies = [[f"p{i}"] for i in range(len(TALK))]
    row = {"conversation_id": "c0", "turns": TALK, "signals": None, "policies": policies, "findings": None}
    return row | {"usage": usage} | columns


def run(*conversations, **parameters):
    stage = Rows(**parameters)
    out = stage.open()(pa.Table.from_pylist(list(conversations), schema=SCHEMA))
    assert out.schema == stage.writes()
    return [(row["samples"], row["set_aside_why"]) for row in out.to_pylist()]


def samples_of(row, **parameters):
    ((samples, why),) = run(row, **parameters)
    assert why is None
    return samples


def test_a_good_case_gives_one_sft_row_for_each_agent_turn_after_a_customer_spoke():
    samples = samples_of(conversation())
    assert [(s["kind"], s["turn_idx"]) for s in samples] == [("sft", 2), ("sft", 4), ("sft", 6)]
    assert [s["solution_type"] for s in samples] == ["order.track", "refund.create", "reply_only"]
    assert [s["policies"] for s in samples] == [["p2"], ["p4"], ["p6"]]


def test_the_completion_is_the_reply_and_its_calls_in_one_object():
    call, both, reply = samples_of(conversation())
    assert json.loads(call["ground_truth"]) == {
        "reply": None,
        "tool_calls": [{"name": "order.track", "arguments": {"order_id": "7"}}],
    }
    assert json.loads(both["ground_truth"])["reply"] == "非常抱歉，包裹丢失了，为您退款。"
    assert json.loads(reply["ground_truth"])["tool_calls"] == []
    for sample in (call, both, reply):
        assert sample["completion"] == [{"role": "assistant", "content": sample["ground_truth"]}]
        assert sample["rejected"] is None and sample["tools"] is None


def test_history_is_every_earlier_agent_reply():
    assert [s["history"] for s in samples_of(conversation())] == [
        ["您好，请问有什么可以帮您？"],
        ["您好，请问有什么可以帮您？"],
        ["您好，请问有什么可以帮您？", "非常抱歉，包裹丢失了，为您退款。"],
    ]


def test_a_prompt_ends_before_its_own_turn():
    for sample in samples_of(conversation()):
        entries = sample["prompt"][1]["content"].split("\n")[1:]
        assert len(entries) == sample["turn_idx"]
        assert sample["ground_truth"] not in sample["prompt"][1]["content"]


def test_a_rule_that_excludes_from_sft_sets_a_good_case_aside():
    excluded = conversation(findings=[finding(4), finding(2, sft_exclude=True)])
    assert run(excluded) == [(None, "rule_excluded")]


def test_a_finding_that_does_not_exclude_leaves_a_good_case_and_stands_on_its_turn():
    samples = samples_of(conversation(findings=[finding(4, "A.b.001"), finding(4, "A.b.002"), finding(6, "A.b.001")]))
    assert [s["rule_hits"] for s in samples] == [[], ["A.b.001", "A.b.002"], ["A.b.001"]]
    assert {s["ruleset_version"] for s in samples} == {"v7"}


def test_a_bad_case_gives_one_rl_prompt_at_the_turn_of_its_gravest_finding():
    hits = [finding(6, dpo=True), finding(2, "SOL.x.001", rl=True, sft_exclude=True), finding(4, rl=True)]
    (sample,) = samples_of(conversation("bad", findings=hits))
    assert (sample["kind"], sample["turn_idx"], sample["completion"]) == ("rl", 2, None)
    assert sample["ground_truth"] is None, "a turn that a rule condemns is no model to reward"
    assert sample["rule_hits"] == ["SOL.x.001"]


@pytest.mark.parametrize("hits", [None, [], [finding(2, sft_exclude=True)], [finding(1, rl=True), finding(0, rl=True)]])
def test_without_a_finding_for_rl_on_a_usable_turn_it_is_the_last_agent_turn(hits):
    (sample,) = samples_of(conversation("bad", findings=hits))
    assert sample["turn_idx"] == 6
    assert json.loads(sample["ground_truth"]).keys() == {"reply", "tool_calls"}


@pytest.mark.parametrize("usage", ["good", "bad"])
@pytest.mark.parametrize(
    "turns",
    [None, [], TALK[:2], [turn(0, "user", "hi"), turn(1, "assistant", " ")], [turn(0, "assistant", "hello")]],
)
def test_a_conversation_without_an_agent_turn_to_learn_is_set_aside(usage, turns):
    assert run(conversation(usage, turns=turns)) == [(None, "no_agent_turn")]


def test_a_turn_whose_prompt_cannot_fit_gives_no_sample():
    long = [turn(0, "user", "x" * 9_000), turn(1, "assistant", "a"), turn(2, "user", "y"), turn(3, "assistant", "b")]
    (sample,) = samples_of(conversation(turns=long), max_prompt_chars=9_000)
    assert (sample["turn_idx"], sample["num_history_left_out"]) == (3, 1)
    assert run(conversation(turns=long[:2]), max_prompt_chars=9_000) == [(None, "prompt_too_long")]
    hits = [finding(1, rl=True)]
    assert samples_of(conversation("bad", turns=long, findings=hits), max_prompt_chars=9_000)[0]["turn_idx"] == 3


def test_a_row_that_no_routing_let_through_gives_nothing():
    assert run(conversation("pending"), conversation(None)) == [(None, "not_routed")] * 2


def test_turns_keep_their_numbers_where_one_was_left_out():
    turns = [turn(3, "user", "hi"), turn(7, "assistant", "hello")]
    (sample,) = samples_of(conversation(turns=turns, policies=[[], ["greeting"]], findings=[finding(7)]))
    assert (sample["turn_idx"], sample["policies"], sample["rule_hits"]) == (7, ["greeting"], ["REP.verbatim.001"])


@pytest.mark.parametrize("policies", [None, [], [None] * 7])
def test_turns_without_recognised_policies_have_none(policies):
    assert [s["policies"] for s in samples_of(conversation(policies=policies))] == [[], [], []]


def test_the_outcome_and_what_people_said_of_a_turn_are_never_read():
    assert Rows().reads() == set(SCHEMA.names)
    labelled = [one | {"source_label": "SECRET", "agent_name": "SECRET"} for one in TALK]
    assert run(conversation(turns=labelled)) == run(conversation())


def test_solutions_come_from_the_plan_and_never_from_the_conversation():
    def listed(**parameters):
        prompt = samples_of(conversation(), **parameters)[0]["prompt"][0]["content"]
        return prompt.split("# 方案列表\n")[1].split("\n\n")[0]

    assert listed() == "无"
    assert listed(solutions=("order.track", "escalate")) == "- order.track\n- escalate"


def test_sample_ids_are_stable_and_differ_by_conversation_kind_and_turn():
    good, bad = conversation(), conversation("bad")
    ids = [s["sample_id"] for row in (good, bad, good | {"conversation_id": "c1"}) for s in samples_of(row)]
    assert len(set(ids)) == len(ids) == 7
    assert samples_of(good)[0]["sample_id"] == "a1d1269e188d7a25a758a2d3a5db993d"


def test_a_split_is_a_matter_of_the_conversation_alone():
    ids = [f"{i:032x}" for i in range(20_000)]
    splits = [split_of(one, 0.05) for one in ids]
    assert 0.045 < Counter(splits)["validation"] / len(ids) < 0.055
    wider = [split_of(one, 0.10) for one in ids]
    assert all(b == "validation" for a, b in zip(splits, wider, strict=True) if a == "validation")
    assert {s["split"] for s in samples_of(conversation(), validation_share=1)} == {"validation"}
    assert {s["split"] for s in samples_of(conversation(), validation_share=0)} == {"train"}


def test_equal_rows_give_equal_samples_in_any_company():
    mixed = [conversation(), conversation("bad"), conversation(turns=None), conversation(conversation_id="c9")]
    assert run(*mixed) == [run(row)[0] for row in mixed] == run(*mixed)


def test_samples_beyond_one_arrow_chunk_lose_nothing(monkeypatch):
    expected = run(*[conversation()] * 5)
    monkeypatch.setattr(rows_module, "CHUNK_CHARS", 5_000)
    assert run(*[conversation()] * 5) == expected


def test_an_empty_table_and_one_of_nulls_keep_their_columns():
    assert run() == []
    nulls = pa.table([pa.nulls(2, field.type) for field in SCHEMA], schema=SCHEMA)
    assert Rows().open()(nulls).column("samples").null_count == 2


def test_the_schema_is_that_of_the_samples_table():
    assert Rows().writes().field("samples").type == pa.list_(SAMPLE)


def test_the_stage_pickles_whole():
    stage = Rows(solutions=("refund.create",))
    again = pickle.loads(pickle.dumps(stage))
    table = pa.Table.from_pylist([conversation()], schema=SCHEMA)
    assert again.fingerprint() == stage.fingerprint()
    assert again.open()(table).equals(stage.open()(table))


def test_the_words_of_a_prompt_and_each_parameter_change_the_fingerprint(tmp_path):
    shutil.copytree(PROMPTS / "service_v1", tmp_path / "service_v1")
    mine = Rows(prompt=tmp_path / "service_v1")
    assert mine.fingerprint() == Rows().fingerprint()
    with (tmp_path / "service_v1" / "en.md").open("a") as file:
        file.write("Thanks.\n")
    others = [mine, Rows(solutions=("a",)), Rows(max_prompt_chars=9), Rows(validation_share=0.1)]
    assert len({stage.fingerprint() for stage in [Rows(), *others]}) == 5


def test_a_missing_prompt_is_refused_before_anything_runs():
    with pytest.raises(PlanError, match=r"service_v9/zh\.md"):
        Rows(prompt="service_v9")


def test_the_examples_meet_every_fate():
    ((stage, rows),) = Rows.examples()
    fates = run(*rows)
    assert [why for _, why in fates] == [None, "rule_excluded", None, "no_agent_turn"]
    assert [[s["kind"] for s in samples or []] for samples, _ in fates] == [["sft"], [], ["rl"], []]
    assert all(set(row) == stage.reads() for row in rows)
