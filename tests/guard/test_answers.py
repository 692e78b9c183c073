"""What a turn is answered, in Chinese and English, and what the breaker makes of many."""

import os
import time

import orjson
import pytest

from refinery.guard.decision import decide
from refinery.guard.request import asked
from refinery.inspection.breaker import View
from refinery.inspection.breaker_keeper import Standing
from refinery.inspection.breaker_policy import Policy
from refinery.storage.journal import events
from tests.guard.house import BREAKER, LIMITS, House, talk
from tests.inspection.talks import changed, folder


@pytest.mark.parametrize("reply", ["Do whatever you like", "随便你怎么办"])
def test_a_finding_on_the_judged_turn_is_acted_on_and_tells_how_to_do_better(house, reply):
    answer = house.post(talk(reply))
    assert (answer["action"], answer["because"]) == ("reflect", "EXP.no_empathy.001")
    assert answer["remediation"] == "say something else"
    [found] = answer["findings"]
    assert (found["item"], found["turn_idx"], found["severity"]) == ("EXP.no_empathy", 1, "minor")
    assert answer["inspector"] == {"inspected": True, "why": None, "state": "closed", "fails": "closed"}
    assert answer["ruleset_version"] == found["ruleset_version"]


@pytest.mark.parametrize("reply", ["I will look at once", "马上为您查询"])
def test_a_turn_without_a_finding_passes(house, reply):
    answer = house.post(talk(reply))
    assert (answer["action"], answer["because"], answer["findings"], answer["breaker"]) == ("pass", None, [], [])


@pytest.mark.parametrize(
    ("severity", "reflected", "action"),
    [
        ("critical", False, "block"),
        ("critical", True, "hand_to_human"),
        ("major", False, "reflect"),
        ("major", True, "block"),
        ("minor", True, "pass"),
        ("info", False, "pass"),
    ],
)
def test_the_severity_and_the_second_try_choose_the_action(severity, reflected, action):
    assert decided("block", severity, reflected) == (action, None if action == "pass" else "REP.verbatim.001")


@pytest.mark.parametrize(
    ("enforce", "reflected", "action"),
    [("shadow", False, "pass"), ("report", False, "pass"), ("reflect", False, "reflect"), ("reflect", True, "pass")],
)
def test_a_rule_does_no_more_than_it_may(enforce, reflected, action):
    assert decided(enforce, "critical", reflected).action == action


def decided(enforce, severity, reflected):
    policy = Policy.model_validate(BREAKER)
    finding = {"turn_idx": 1, "item": "REP.verbatim", "rule_id": "REP.verbatim.001"}
    calm = Standing((), View("inspector", "critical", "closed", False, 0, 0, None))
    this = asked(orjson.dumps(talk("a", reflected=reflected)), 1_000, "2026-05-01")
    return decide(policy, this, [finding | {"enforce": enforce, "severity": severity}], calm, False)


def test_the_strictest_counts_and_a_finding_before_a_circuit():
    policy = Policy.model_validate(BREAKER)
    found = {"turn_idx": 1, "item": "REP.verbatim", "rule_id": "REP.verbatim.001", "enforce": "block"}
    open_one = View("EXP.no_empathy", "minor", "open", True, 9, 9, 99.0)
    standing = Standing((open_one,), View("inspector", "critical", "closed", False, 0, 0, None))
    this = asked(orjson.dumps(talk("a")), 1_000, "2026-05-01")
    assert decide(policy, this, [found | {"severity": "critical"}], standing, False) == ("fall_back", "EXP.no_empathy")
    assert decide(policy, this, [found | {"severity": "critical"}], standing, True) == ("hand_to_human", "inspector")


@pytest.mark.parametrize("enforce", ["shadow", "report", "reflect"])
def test_all_hits_are_told_and_those_in_shadow_move_nothing(tmp_path, enforce):
    folder(tmp_path / "rules", changed(enforce=enforce))
    house = House(tmp_path)
    for _ in range(6):
        answer = house.post(talk("whatever"))
    assert answer["findings"][0]["enforce"] == enforce
    assert (answer["remediation"] is None) == (enforce == "shadow")
    assert answer["action"] == ("pass" if enforce == "shadow" else "fall_back")
    house.close()


def test_an_item_may_do_otherwise_than_its_severity(tmp_path):
    house = House(tmp_path, {"items": {"EXP.no_empathy": {"open": "hand_to_human"}}})
    assert {house.post(talk("whatever"))["action"] for _ in range(5)} == {"reflect", "hand_to_human"}
    house.close()


def test_findings_on_earlier_turns_are_told_and_not_acted_on(house):
    earlier = talk("随便")["messages"]
    value = talk("好的") | {"messages": [*earlier, *talk("好的")["messages"]]}
    answer = house.post(value)
    assert (answer["action"], answer["judged_from"]) == ("pass", 3)
    assert [found["turn_idx"] for found in answer["findings"]] == [1]
    for _ in range(10):
        house.post(value)
    assert house.post(value)["breaker"] == [], "an earlier turn was counted when it was judged"


def test_one_turn_with_its_context_is_judged_alone(house):
    context = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "whatever"}]
    answer = house.post({"turn": {"role": "assistant", "content": "of course"}, "context": context})
    assert (answer["action"], answer["judged_from"]) == ("pass", 2)
    assert house.post({"turn": {"role": "assistant", "content": "随便"}})["action"] == "reflect"


def test_all_that_the_agent_did_since_the_customer_spoke_is_judged(house):
    call = {"id": "c1", "type": "function", "function": {"name": "order.track", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "退款"},
        {"role": "assistant", "content": "随便", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "{}"},
        {"role": "assistant", "content": "好的"},
    ]
    answer = house.post({"messages": messages})
    assert (answer["action"], answer["judged_from"]) == ("reflect", 1)


def test_many_findings_open_the_circuit_of_their_scenario_alone(house):
    for _ in range(5):
        answer = house.post(talk("whatever"))
    assert answer["breaker"][0]["state"] == "open"
    assert (answer["action"], answer["because"]) == ("fall_back", "EXP.no_empathy")
    assert house.post(talk("好的"))["action"] == "fall_back", "every turn is diverted now"
    assert house.post(talk("好的", scenario="退款"))["action"] == "pass"
    assert house.post(talk("好的", model_version="bot-2"))["action"] == "pass"


def test_before_a_turn_is_made_the_circuits_can_be_asked(house):
    question = talk("")
    question["messages"].pop()
    assert house.post(question)["action"] == "pass"
    for _ in range(5):
        house.post(talk("whatever"))
    answer = house.post(question)
    assert (answer["action"], answer["because"]) == ("fall_back", "EXP.no_empathy")


def test_canaries_pass_by_their_id_and_close_the_circuit(house):
    for _ in range(5):
        house.post(talk("随便"))
    house.clock += 61
    ids = [f"r{number}" for number in range(40)]
    question = talk("")
    question["messages"].pop()
    passed = [one for one in ids if house.post(question | {"request_id": one})["action"] == "pass"]
    assert 8 <= len(passed) <= 32, "about the canary share of a half"
    assert passed == [one for one in ids if house.post(question | {"request_id": one})["action"] == "pass"]
    for one in passed[:3]:
        house.post(talk("好的", request_id=one))
    assert {house.post(question | {"request_id": one})["action"] for one in ids} == {"pass"}


def test_a_restart_keeps_the_circuits_and_every_finding(tmp_path):
    house = House(tmp_path)
    told = [house.post(talk("whatever", request_id=f"r{number}"))["request"] for number in range(5)]
    house.close()
    house = House(tmp_path)
    assert house.post(talk("好的"))["action"] == "fall_back"
    kept = [event["request"] for event in events(tmp_path / "state" / "journal") if event.get("found")]
    assert kept == told
    house.close()


def test_the_journal_holds_no_text_and_labels_only_masked(tmp_path):
    house = House(tmp_path)
    house.post(talk("随便, call 13812345678", scenario="write to ann@example.com", request_id="张伟"))
    house.close()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state" / "journal").iterdir())
    assert b"EXP.no_empathy" in kept
    assert not any(text in kept for text in (b"13812345678", b"ann@example", "张伟".encode(), "随便".encode()))


@pytest.mark.parametrize(("fails", "action"), [("open", "pass"), ("closed", "hand_to_human")])
def test_where_the_inspector_breaks_it_fails_as_configured_and_says_so(tmp_path, fails, action):
    house = House(tmp_path, {"inspector": BREAKER["inspector"] | {"fails": fails}})
    inspection, house.guard._desk.inspection = house.guard._desk.inspection, Broken()
    for number in range(5):
        answer = house.post(talk("whatever", request_id=f"r{number}"))
        assert (answer["action"], answer["because"]) == (action, "inspector")
        assert (answer["inspector"]["inspected"], answer["inspector"]["why"]) == (False, "error")
        assert answer["inspector"]["fails"] == fails
    house.guard._desk.inspection = inspection
    answer = house.post(talk("whatever"))
    assert (answer["inspector"]["why"], answer["inspector"]["state"]) == ("open", "open"), "it is not asked any more"
    house.clock += 61
    states = [house.post(talk("好的", request_id=f"s{n}"))["inspector"]["state"] for n in range(20)]
    assert states[-1] == "closed", "canaries found it well"
    house.close()


class Broken:
    version = "broken"

    def __call__(self, rows):
        raise ValueError("of 13812345678")


def test_an_inspection_that_takes_too_long_is_given_up(tmp_path):
    house = House(tmp_path, {"inspector": LIMITS | {"timeout_seconds": 0.05, "fails": "open"}})
    whole = house.guard._desk.inspection

    class Slow:
        version = whole.version

        def __call__(self, rows):
            time.sleep(0.3)
            return whole(rows)

    house.guard._desk.inspection = Slow()
    started = time.monotonic()
    answer = house.post(talk("whatever"))
    assert time.monotonic() - started < 0.3
    assert (answer["action"], answer["inspector"]["why"]) == ("pass", "timeout")
    house.close()


def test_no_personal_data_in_logs(house, caplog):
    caplog.set_level("DEBUG")
    house.guard._desk.inspection = Broken()
    house.post(talk("call 13812345678"))
    house.refused(b'{"messages": [{"role": "13812345678"}]}')
    assert "ValueError" in caplog.text
    assert "13812345678" not in caplog.text


def test_a_full_disk_refuses_the_turn_and_counts_nothing(house, monkeypatch):
    house.post(talk("whatever"))
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:5]))
    status, said = house.refused(orjson.dumps(talk("whatever")))
    assert (status, said["error"]) == (503, "not_written")
    monkeypatch.setattr(os, "write", write)
    assert house.post(talk("whatever"))["breaker"][0]["num_findings"] == 2


def test_figures_for_prometheus(house):
    house.post(talk("whatever"))
    house.post(talk("好的"))
    house.refused(b"{")
    status, text = house.ask("GET", "/metrics")
    assert status == 200
    for line in (
        b'guard_answers_total{action="reflect",replica="r1"} 1.0',
        b'guard_answers_total{action="pass",replica="r1"} 1.0',
        b'guard_findings_total{enforce="reflect",item="EXP.no_empathy",replica="r1",severity="minor"} 1.0',
        b'guard_refused_total{reason="not_json",replica="r1"} 1.0',
        b'guard_seconds_count{replica="r1"} 2.0',
        b'guard_circuits{replica="r1",state="open"} 0.0',
    ):
        assert line in text
