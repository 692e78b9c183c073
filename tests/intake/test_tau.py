"""tau-bench and tau2 become the native form: the reward is a verdict and nothing else of the task comes through."""

from copy import deepcopy

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.errors import ParseError
from refinery.intake import tau

KEYS = {"conversation_id", "created_at", "scenario", "model_version", "messages", "end_reason", "outcome", "votes"} | {
    "task_id",
    "trial",
}
BENCH = {
    "task_id": 3,
    "trial": 2,
    "reward": 1.0,
    "info": {"task": {"instruction": "hidden: fly", "actions": [{"name": "hidden_action"}]}, "user_cost": 0.1},
    "traj": [
        {"role": "system", "content": "# Airline Agent Policy\n\nBe kind."},
        {"role": "user", "content": "A seat, please"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "seat", "arguments": '{ "row":  1 }'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "name": "seat", "content": "1A"},
    ],
}
SIMULATION = {
    "id": "sim-1",
    "task_id": "7",
    "trial": 0,
    "start_time": "2025-03-04T05:06:07.5",
    "timestamp": "2025-03-04T05:07:00",
    "termination_reason": "user_stop",
    "reward_info": {"reward": 0.0, "action_checks": [{"action": {"name": "hidden_action"}}]},
    "messages": [
        {"role": "assistant", "content": '{"message": "Hello"}', "tool_calls": None, "raw_data": {"x": "hidden"}},
        {"role": "user", "content": "My parcel?", "tool_calls": None, "timestamp": "2025-03-04T05:06:09"},
        {
            "role": "assistant",
            "content": None,
            "reasoning": "hidden: think",
            "tool_calls": [{"id": "c1", "name": "track", "arguments": {"no": 5}, "requestor": "assistant"}],
        },
        {"role": "tool", "id": "c1", "content": "on its way", "requestor": "assistant", "error": False},
    ],
}
WRAPPER = {
    "info": {
        "user_info": {"llm": "m0", "global_simulation_guidelines": "hidden: be a customer"},
        "agent_info": {"llm": "model-x"},
        "environment_info": {"domain_name": "post", "policy": "the policy"},
    },
    "tasks": [{"id": "7", "user_scenario": "hidden: nag"}],
    "simulations": [SIMULATION],
}


def wrapped() -> dict[str, object]:
    return next(iter(tau.records(WRAPPER)))


def test_both_spellings_of_a_tool_call_become_the_openai_form():
    bench, simulation = tau.native(BENCH)["messages"], tau.native(SIMULATION)["messages"]
    assert [m["role"] for m in bench] == ["system", "user", "assistant", "tool"]
    for messages, name, arguments in ((bench, "seat", '{ "row":  1 }'), (simulation, "track", '{"no":5}')):
        assert messages[2]["content"] is None
        assert messages[2]["tool_calls"] == [
            {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
        ]
        assert messages[3]["tool_call_id"] == "c1"


def test_json_inside_a_reply_stays_as_the_log_wrote_it():
    assert tau.native(SIMULATION)["messages"][0]["content"] == '{"message": "Hello"}'


@pytest.mark.parametrize("record", [BENCH, SIMULATION, wrapped()])
def test_nothing_of_the_task_the_checks_or_the_reasoning_comes_through(record):
    native = tau.native(record)
    assert set(native) <= KEYS
    assert b"hidden" not in orjson.dumps(native) and b"reward" not in orjson.dumps(native)


@pytest.mark.parametrize(("reward", "solution"), [(1.0, True), (1, True), (0.0, False), (0.5, False)])
def test_only_reward_one_is_a_solution(reward, solution):
    outcome = {"solution": solution, "satisfied": None, "quality": None}
    assert tau.native({**BENCH, "reward": reward})["outcome"] == outcome
    assert tau.native({**SIMULATION, "reward_info": {"reward": reward}})["outcome"] == outcome


@pytest.mark.parametrize("info", [None, {}, {"reward": None}, {"reward": True}])
def test_without_a_reward_there_is_no_outcome(info):
    assert "outcome" not in tau.native({**SIMULATION, "reward_info": info})


def test_ids_scenario_model_and_start_are_found():
    native = tau.native(wrapped())
    assert (native["conversation_id"], native["scenario"], native["model_version"]) == ("sim-1", "post", "model-x")
    assert (native["created_at"], native["end_reason"]) == ("2025-03-04T05:06:07.5", "user_stop")
    bench = tau.native(BENCH)
    assert (bench["conversation_id"], bench["scenario"]) == ("3-2", "airline")


def test_the_first_message_dates_a_simulation_without_a_start():
    assert tau.native({**SIMULATION, "start_time": None})["created_at"] == "2025-03-04T05:06:09"


def test_tools_tell_the_domain_where_neither_policy_nor_wrapper_does():
    call = {"id": "c", "name": "get_order_details", "arguments": {}}
    record = {**SIMULATION, "messages": [{"role": "assistant", "content": None, "tool_calls": [call]}]}
    assert tau.native(record)["scenario"] == "retail" and "scenario" not in tau.native(SIMULATION)


def test_unwrapping_copies_and_leaves_the_wrapper_behind():
    record = wrapped()
    assert set(record) - set(SIMULATION) == {"domain_name", "agent_llm"} and "domain_name" not in SIMULATION
    assert list(tau.records([SIMULATION])) == [SIMULATION] and list(tau.records(BENCH)) == [BENCH]
    with pytest.raises(ParseError, match="wrong_shape"):
        list(tau.records({"messages": []}))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"role": "oracle", "content": "x"}, "unknown_sender"),
        ({"role": "user", "content": 5}, "no_text"),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, "bad_tool_call"),
        ({"role": "tool", "content": "x"}, "orphan_tool_result"),
        ({"role": "user", "content": None, "tool_calls": [{"id": "c", "name": "phone"}]}, "customer_tool_call"),
        ({"role": "tool", "id": "c", "content": "x", "requestor": "user"}, "customer_tool_call"),
    ],
)
def test_a_message_that_cannot_be_read_says_which_and_why(message, reason):
    with pytest.raises(ParseError, match="message 0") as caught:
        tau.native({**SIMULATION, "messages": [message]})
    assert caught.value.reason == reason


def test_it_knows_its_own_records_only(samples):
    assert [name for name, record in samples.items() if tau.matches(record)] == ["tau", "tau2"]


@pytest.mark.parametrize("original", [BENCH, wrapped()])
def test_a_broken_record_raises_nothing_but_parse_errors(broken, original):
    for record in broken(original):
        try:
            tau.native(record)
        except ParseError as error:
            assert "hidden" not in str(error)


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted({*BENCH, *SIMULATION})), inner),
        max_leaves=10,
    )
)
def test_any_json_is_read_or_refused(value):
    try:
        tau.native(value)
    except ParseError as error:
        assert error.reason


@pytest.mark.parametrize("record", [BENCH, WRAPPER])
def test_the_record_is_left_as_it_was(record):
    before = deepcopy(record)
    for one in tau.records(record):
        tau.native(one)
    assert before == record


@pytest.fixture(scope="module")
def documents(data):
    return {path.name[:8]: orjson.loads(path.read_bytes()) for path in sorted((data / "tau2").glob("*.json"))}


def said_and_done(native):
    calls = [[call["function"] for call in message.get("tool_calls", ())] for message in native["messages"]]
    return [(m["role"], m["content"], made) for m, made in zip(native["messages"], calls, strict=True)]


@pytest.mark.parametrize(("full", "bare", "num"), [("09c941e5", "e52d1d07", 114), ("dfd71123", "3b514b95", 50)])
def test_two_serialisations_of_a_conversation_come_out_equal(documents, full, bare, num):
    pair = [{n["conversation_id"]: n for n in map(tau.native, tau.records(documents[name]))} for name in (full, bare)]
    assert pair[0].keys() == pair[1].keys() and len(pair[0]) == num
    for identity, native in pair[0].items():
        assert said_and_done(native) == said_and_done(pair[1][identity])
        assert native["outcome"] == pair[1][identity]["outcome"]


def test_all_of_tau2_is_read_and_no_task_comes_through(documents, strings):
    natives = []
    for document in documents.values():
        hidden = set(strings(document["tasks"])) | {document["info"]["user_info"]["global_simulation_guidelines"]}
        hidden = {text for text in hidden if len(text) > 60}  # shorter ones are ids and names that the talk needs
        for native in map(tau.native, tau.records(document)):
            natives.append(native)
            assert set(native) <= KEYS
            assert native["scenario"] == document["info"]["environment_info"]["domain_name"]
            assert hidden.isdisjoint(strings(native))
    assert (len(natives), len({native["conversation_id"] for native in natives})) == (468, 304)  # 164 come twice


def test_all_of_tau_bench_is_read_and_no_instruction_comes_through(data):
    document = orjson.loads((data / "tau_bench" / "gpt-4o-airline.json").read_bytes())
    natives = [tau.native(record) for record in tau.records(document)]
    assert len({native["conversation_id"] for native in natives}) == len(natives) == 200
    assert sum(native["outcome"]["solution"] for native in natives) == 84
    assert {native["scenario"] for native in natives} == {"airline"}
    for record, native in zip(document, natives, strict=True):
        text = " ".join(message["content"] or "" for message in native["messages"])
        assert record["info"]["task"]["instruction"] not in text and set(native) <= KEYS
