"""Several tellings of one talk: what is repeated is read once, what nobody repeats is kept, nothing is guessed."""

import time

from hypothesis import given
from hypothesis import strategies as st

from refinery.intake.tellings import Telling, conversations, goes_on, joined, repeats, whole


def m(role: str, content: str | None, *calls: tuple[str, str]) -> dict[str, object]:
    made = [{"id": "x", "function": {"name": name, "arguments": arguments}} for name, arguments in calls]
    return {"role": role, "content": content} | ({"tool_calls": made} if made else {})


U1, A1, U2, A2 = m("user", "餐呢？"), m("assistant", "在路上"), m("user", "谢谢"), m("assistant", "不客气")
SYSTEM = m("system", "你是客服")
ONE, TWO = Telling([U1], [A1]), Telling([U1, A1, U2], [A2])


def test_the_last_telling_holds_those_before_it():
    assert whole([ONE, TWO]) == [1]
    assert whole([TWO, ONE]) == [0]


def test_of_equal_tellings_the_last_stands():
    assert whole([ONE, ONE, ONE]) == [2]


def test_a_telling_with_tool_calls_between_repeats_one_without():
    call, result = m("assistant", None, ("track", "{}")), m("tool", "shipped")
    agent, model = Telling([U1], [A1]), Telling([U1, call, result], [A1])
    assert whole([agent, model]) == [1]


def test_a_system_prompt_that_tells_the_time_is_no_other_talk():
    first, second = Telling([m("system", "10:01"), U1], [A1]), Telling([m("system", "10:02"), U1, A1, U2], [A2])
    assert whole([first, second]) == [1]


def test_arguments_are_compared_as_json_and_not_as_text():
    first = Telling([U1], [m("assistant", None, ("f", '{"a": 1, "b": 2}'))])
    second = Telling([U1, m("assistant", None, ("f", '{"b":2,"a":1}')), m("tool", "ok")], [A1])
    other = Telling([U1], [m("assistant", None, ("f", '{"a": 7}'))])
    assert whole([first, second]) == [1]
    assert whole([other, second]) == [0, 1]


def test_what_nobody_repeats_stands_on_its_own():
    router = Telling([U1], [m("assistant", "topic: delivery")])
    assert whole([router, ONE, TWO]) == [0, 2]
    assert conversations([router, ONE, TWO], of_one=True) == [[0], [2]]


def test_tellings_without_history_go_on_from_each_other():
    first, second = Telling([SYSTEM, U1], [A1], "desk"), Telling([SYSTEM, U2], [A2], "desk")
    assert goes_on([first, second])
    assert conversations([first, second], of_one=True) == [[0, 1]]
    assert [x["content"] for x in joined([first, second])] == ["你是客服", "餐呢？", "在路上", "谢谢", "不客气"]


def test_they_are_not_joined_where_the_log_does_not_say_that_they_are_one_talk():
    assert conversations([Telling([U1], [A1]), Telling([U2], [A2])], of_one=False) == [[0], [1]]


def test_another_agent_another_prompt_the_same_words_again_or_a_history_speak_against_joining():
    plain = Telling([U2], [A2], "desk")
    assert not goes_on([Telling([U1], [A1], "router"), plain])
    assert not goes_on([Telling([m("system", "classify"), U1], [A1], "desk"), Telling([SYSTEM, U2], [A2], "desk")])
    assert not goes_on([Telling([U2], [A1], "desk"), plain])
    assert not goes_on([Telling([U1, A1, U2], [A2], "desk"), Telling([m("user", "喂")], [A1], "desk")])


def test_a_telling_that_cannot_be_read_stands_alone_and_nothing_is_joined_around_it():
    assert conversations([ONE, None, TWO], of_one=True) == [[1], [2]]
    assert conversations([Telling([U1], [A1]), None, Telling([U2], [A2])], of_one=True) == [[0], [1], [2]]


def test_an_answer_that_begins_with_all_that_was_asked_repeats_it():
    assert Telling([U1], [U1, A1]).messages() == [U1, A1]


MESSAGES = st.lists(st.sampled_from([U1, A1, U2, A2]), max_size=6)
TELLINGS = st.lists(st.builds(Telling, MESSAGES, MESSAGES), max_size=8)


@given(TELLINGS)
def test_every_telling_is_kept_or_repeated_by_one_that_is(tellings):
    kept = whole(tellings)
    assert kept == sorted(set(kept))
    for number, telling in enumerate(tellings):
        assert number in kept or any(repeats(tellings[other], telling) for other in kept)
    for one in kept:
        assert not any(repeats(tellings[other], tellings[one]) for other in kept if other != one)


@given(TELLINGS, st.booleans())
def test_no_conversation_tells_a_telling_twice(tellings, of_one):
    numbers = [number for found in conversations(tellings, of_one) for number in found]
    assert len(set(numbers)) == len(numbers)
    assert bool(numbers) == bool(tellings)


def test_the_cost_is_linear_in_what_was_told():
    def seconds(num: int) -> float:
        tellings = [Telling([m("user", f"q{i}")], [m("assistant", f"a{i}")]) for i in range(num)]
        start = time.perf_counter()
        assert len(whole(tellings)) == num
        return time.perf_counter() - start

    seconds(1_000)
    assert min(seconds(16_000) for _ in range(3)) < 40 * min(seconds(1_000) for _ in range(3))
