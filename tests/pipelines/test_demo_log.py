"""The demonstration log holds what it says it holds, told apart by small code of its own."""

import json
import re
from collections import Counter
from itertools import pairwise

import pytest

from pipelines.demo_log import make

NUM = 2000
ROLES = {"system", "user", "assistant", "tool"}


@pytest.fixture(scope="module")
def log():
    return make(7, NUM)


@pytest.fixture(scope="module")
def records(log):
    """(file, line) -> record, of all lines that hold one."""
    files, planted = log
    broken = {(file, number) for file, number, _ in planted.broken}
    lines = {(file, i): line for file, lines in files for i, line in enumerate(lines, 1)}
    return {place: json.loads(line) for place, line in lines.items() if place not in broken}


@pytest.fixture(scope="module")
def by_id(log, records):
    again = {place[:2] for place in log[1].collisions}
    return {r["conversation_id"]: r for place, r in records.items() if "conversation_id" in r and place not in again}


@pytest.fixture(scope="module")
def clean(log, by_id):
    """Conversations with nothing planted but personal data and warnings."""
    planted = log[1]
    spoilt = {name for name, *_ in [*planted.faults, *planted.quality]}
    return [r for name, r in by_id.items() if name not in spoilt]


def text_of(message):
    content = message["content"]
    return "".join(part["text"] for part in content) if isinstance(content, list) else content or ""


def calls_of(record):
    for turn, message in enumerate(record["messages"]):
        for call in message.get("tool_calls", []):
            yield turn, call["function"]["name"], json.loads(call["function"]["arguments"])


def known_at(record, turn):
    """The signals merged as they are known at a turn."""
    signals = record.get("signals", {})
    merged = {}
    for signal in signals if isinstance(signals, list) else [signals | {"turn_idx": 0}]:
        if signal["turn_idx"] <= turn:
            merged |= signal
    return merged


def luhn_ok(digits):
    table = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    return sum(table[int(d)] if i % 2 else int(d) for i, d in enumerate(digits[::-1])) % 10 == 0


def id_ok(digits):
    """GB 11643: the number with its check counted as weights 2**(17 - i) is 1 modulo 11."""
    if not re.fullmatch(r"\d{6}(18|19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx]", digits):
        return False
    values = [10 if d in "Xx" else int(d) for d in digits]
    return sum(v * 2 ** (17 - i) for i, v in enumerate(values)) % 11 == 1


def kind_of(value):
    """The type of personal data that a string is, or None."""
    bare = re.sub(r"[ ().+-]", "", value)
    if re.fullmatch(r"[\w.]+@([\w]+\.)?example\.(com|org|net)", value):
        return "email"
    if id_ok(bare):
        return "cn_id"
    if re.fullmatch(r"\d{16,19}", bare) and luhn_ok(bare):
        return "bank_card"
    if re.fullmatch(r"1?[2-9]\d{2}55501\d\d", bare):
        return "us_phone"
    return "cn_mobile" if re.fullmatch(r"(86)?1[3-9]\d{9}", bare) else None


def test_every_record_has_the_native_form(records):
    for record in records.values():
        answered = set()
        for message in record["messages"]:
            assert message["role"] in ROLES
            assert isinstance(message["content"], str | list | None)
            if message["role"] == "tool":
                assert message["tool_call_id"] in answered
                json.loads(message["content"])
            answered |= {call["id"] for call in message.get("tool_calls", [])}
        last = len(record["messages"])
        signals = record.get("signals", [])
        timed = signals if isinstance(signals, list) else []
        for entry in [*timed, *record.get("attachments", []), *record.get("outbound_calls", [])]:
            assert 0 <= entry["turn_idx"] < last
        assert re.match(r"2026-05-0[12]T", str(record["created_at"])) or isinstance(record["created_at"], int)


def test_conversations_are_as_many_as_asked_half_of_them_chinese(records):
    assert len(records) == NUM
    chinese = sum(bool(re.search(r"[一-鿿]", json.dumps(r["messages"], ensure_ascii=False))) for r in records.values())
    assert 0.45 < chinese / NUM < 0.55


def test_clean_conversations_have_4_to_14_messages_no_open_slot_and_all_scenarios(clean):
    assert {len(r["messages"]) for r in clean} <= set(range(4, 15))
    assert len({r.get("scenario") for r in clean} - {None}) == 10
    spoken = [text_of(m) for r in clean for m in r["messages"] if m["role"] != "tool"]
    assert not [text for text in spoken if "{" in text or "}" in text or "  " in text]


def use_of(outcome):
    """Table 2 of mission.md over three values."""
    solution, satisfied, quality = (outcome.get(key) for key in ("solution", "satisfied", "quality"))
    if solution is False:
        return "unused"
    if solution and (satisfied is False or (satisfied and quality is False)):
        return "bad"
    return "good" if solution and satisfied and quality else "pending"


def test_outcomes_fall_into_all_four_uses_of_table_2(clean):
    uses = Counter(use_of(record.get("outcome", {})) for record in clean)
    assert min(uses[use] for use in ("good", "bad", "unused", "pending")) > 100


def test_only_planted_duplicates_share_their_turns(log, by_id, records):
    duplicates = dict(log[1].duplicates)
    assert len(duplicates) == 60
    for copy, original in duplicates.items():
        for key in ("messages", "signals"):
            assert by_id[copy].get(key) == by_id[original].get(key)
    file_of = {r.get("conversation_id"): file for (file, _), r in records.items()}
    assert 10 < sum(file_of[copy] != file_of[original] for copy, original in duplicates.items()) < 60
    others = [r for r in records.values() if r.get("conversation_id") not in duplicates]
    assert len({json.dumps(r["messages"][1:] or r["messages"]) for r in others}) == len(others)


def test_duplicates_are_made_of_conversations_without_other_plants(log):
    planted = log[1]
    pairs = {name for pair in planted.duplicates for name in pair}
    booked = [*planted.personal, *planted.quality, *planted.faults, *planted.hard_negatives]
    assert not pairs & {name for name, *_ in booked}
    assert not pairs & {name for _, _, name in planted.collisions}


def test_planted_personal_values_are_valid_and_where_the_list_says(log, by_id):
    planted = log[1].personal
    assert len(planted) > 300
    assert len({name for name, _, _ in planted}) == 240
    for name, kind, value in planted:
        assert kind_of(value) == kind
        assert value in json.dumps(by_id[name], ensure_ascii=False)
    assert min(Counter(kind for _, kind, _ in planted).values()) >= 20


def test_personal_values_stand_in_every_kind_of_place(log, by_id):
    places = Counter()
    for name, _, value in log[1].personal:
        record = by_id[name]
        for message in record["messages"]:
            places[message["role"]] += value in text_of(message)
            places["arguments"] += value in json.dumps(message.get("tool_calls", []), ensure_ascii=False)
        for key in ("signals", "attachments", "remarks"):
            places[key] += value in json.dumps(record.get(key), ensure_ascii=False)
    assert all(places[p] >= 10 for p in ("user", "assistant", "arguments", "signals", "attachments", "remarks"))


def test_no_line_holds_personal_values_that_are_not_listed(log):
    values = {value for _, _, value in log[1].personal}
    listed = {re.sub(r"[ ().+-]", "", value) for value in values}
    num = 0
    for _, lines in log[0]:
        for line in lines:
            assert set(re.findall(r"[\w.]+@[\w.]+\w", line, re.ASCII)) <= values
            for found in re.findall(r"(?<![\dA-Za-z.-])\+?\(?\d[\d ().-]{9,}[\dXx](?![\d-])", line):
                bare = re.sub(r"[ ().+-]", "", found)
                assert kind_of(bare) is None or bare in listed
                num += kind_of(bare) is not None
    assert num > 300


def test_decoys_look_personal_and_are_not(log, by_id):
    planted = log[1].decoys
    assert Counter(kind for _, kind, _ in planted).keys() == {"order_id", "amount", "date", "time"}
    for name, kind, value in planted:
        assert kind_of(value) is None, (kind, value)
        assert value in json.dumps(by_id[name], ensure_ascii=False)
    assert sum(bool(re.fullmatch(r"\d{18}", value)) for _, _, value in planted) > 300


def test_broken_lines_are_broken_as_listed(log):
    files, planted = dict(log[0]), log[1]
    assert Counter(reason for _, _, reason in planted.broken) == dict.fromkeys(
        ["truncated", "not_json", "not_an_object", "messages_missing", "wrong_role"], 5
    )
    for file, number, reason in planted.broken:
        line = files[file][number - 1]
        if reason in ("truncated", "not_json"):
            with pytest.raises(json.JSONDecodeError):
                json.loads(line)
        elif reason == "not_an_object":
            assert isinstance(json.loads(line), list)
        else:
            roles = {m["role"] for m in json.loads(line).get("messages", [{"role": "none"}])}
            assert not roles <= ROLES


def test_quality_failures_fail_for_the_listed_reason(log, by_id):
    planted = log[1].quality
    assert set(Counter(reason for _, reason in planted).values()) == {20}
    for name, reason in planted:
        messages = by_id[name]["messages"]
        agent = [text_of(m) for m in messages if m["role"] == "assistant"]
        said = [text_of(m).strip(" .。") for m in messages if m["role"] in ("user", "assistant")]
        faults = {
            "one_turn": len(messages) == 1,
            "no_agent_turn": not agent and len(said) > 1,
            "no_customer_turn": all(m["role"] != "user" for m in messages) and len(said) > 1,
            "mostly_empty": sum(not text for text in said) > len(said) / 2,
            "agent_repeats": len(agent) >= 4 and len(set(agent)) == 1,
        }
        assert faults[reason]


def faults_of(record):
    """The planted kinds of fault, found from calls and signals alone."""
    for turn, name, arguments in calls_of(record):
        known = known_at(record, turn)
        if name == "refund.create" and not known.get("identity", {}).get("verified"):
            yield "SOL.irreversible_without_precondition", turn
        if name == "compensation.pay" and arguments["amount"] > known["compensation"]["limit"]:
            yield "PAY.over_limit", turn


def test_rule_faults_are_where_the_list_says_and_nowhere_else(log, by_id):
    planted = log[1].faults
    assert set(Counter(item for _, item, _ in planted).values()) == {20}
    found = {(name, *fault) for name, record in by_id.items() for fault in faults_of(record)}
    assert found == {fault for fault in planted if fault[1] != "COMP.privacy_disclosure"}


def test_secrets_are_spoken_of_by_agents_only_where_listed(log, by_id):
    secret = re.compile(r"密码|验证码|CVV|PIN\b|password|text code|verification code|security code")
    found = {
        (name, turn)
        for name, record in by_id.items()
        for turn, message in enumerate(record["messages"])
        if message["role"] == "assistant" and secret.search(text_of(message))
    }
    asked = {(name, turn) for name, item, turn in log[1].faults if item == "COMP.privacy_disclosure"}
    assert len(asked) == 20
    assert len(log[1].hard_negatives) == 40
    assert found == asked | set(log[1].hard_negatives)


def test_clean_agents_pay_what_is_due_and_do_not_repeat_themselves(clean):
    for record in clean:
        for turn, name, arguments in calls_of(record):
            if name == "compensation.pay":
                assert arguments["amount"] == known_at(record, turn)["compensation"]["amount"]
        agent = [text_of(m) for m in record["messages"] if m["role"] == "assistant" and m["content"]]
        assert len(set(agent)) == len(agent)
        for earlier, later in pairwise(agent):
            one, other = ({text[i : i + 2] for i in range(len(text) - 1)} for text in (earlier, later))
            assert len(one & other) <= 0.8 * len(one | other)


def test_the_collision_and_the_record_without_id_are_where_the_list_says(log, records, by_id):
    (file, number, name), (bare,) = *log[1].collisions, log[1].without_id
    earlier = [n for (f, n), r in records.items() if f == file and r.get("conversation_id") == name and n < number]
    assert len(earlier) == 1
    assert records[file, number]["messages"] != by_id[name]["messages"]
    assert "conversation_id" not in records[bare]
