"""Replies held against their input: what stands in it, what follows from it, what is said of something else."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refinery.grounding.evidence import Evidence
from refinery.grounding.names import Lexicon
from refinery.grounding.validation import faults, passed

LEXICON = Lexicon(
    ["the hotel takes cards and offers parking to guests", "a hotel takes cards; parking for guests it offers"],
    ["Grant Plaza Hotel", "Andrews Hotel", "全季酒店"],
)
FLIGHTS = orjson.dumps(
    [
        {"flight_number": "HAT139", "departure_time": "17:00", "arrival_time": "19:00", "prices": {"economy": 114,
         "business": 395}},
        {"flight_number": "HAT271", "departure_time": "19:00", "arrival_time": "21:00", "prices": {"economy": 174,
         "business": 338}},
    ]
).decode()  # fmt: skip


def found(text: str, *given_texts: str, passages: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    evidence = Evidence(given_texts)
    for one in passages:
        evidence.add_passage(one)
    return [(fault.reason, text[fault.start : fault.end]) for fault in faults(text, evidence, LEXICON)]


@pytest.mark.parametrize(
    ("text", "given_text"),
    [
        ("Parking is $10 a day.", "Parking costs 10 USD per day."),
        ("Check-in starts at three.", "Check-in: 3:00 PM."),
        ("They open at 5 every day.", "Open 05:00 - 23:00 daily."),
        ("It is closed on Wednesday.", "Open Monday-Saturday 9-5."),
        ("Your card ending in 7238.", '{"last_four": "7238"}'),
        ("补偿5元，三十分钟内到账。", "超时可补偿五元，30分钟到账。"),
        ("You have two orders.", '{"orders": ["#W11", "#W12"]}'),
        ("请看《退款须知》。", "依据《退款须知》办理。"),
    ],
)
def test_what_the_input_states_in_other_words_passes(text, given_text):
    assert found(text, given_text) == []


@pytest.mark.parametrize(
    ("text", "given_text", "wrong"),
    [
        ("Parking is $12 a day.", "Parking costs 10 USD per day.", "12"),
        ("Check-in starts at 4 pm.", "Check-in: 3:00 PM.", "4 pm"),
        ("It is closed on Sunday.", "Open Monday-Saturday 9-5.", "Sunday"),
        ("Reservation JG0FMM is cancelled.", "Reservation JG7FMM is cancelled.", "JG0FMM"),
        ("It was booked on 2024-05-13.", "Booked on 2024-05-12.", "2024-05-13"),
        ("It was booked on May 12, 2023.", "Booked on 2024-05-12.", "May 12, 2023"),
        ("补偿8元。", "超时可补偿五元。", "8"),
        ("三十分钟内到账。", "二十分钟内到账。", "三十分"),
        ("请看《退货须知》。", "依据《退款须知》办理。", "《退货须知》"),
    ],
)
def test_what_stands_nowhere_in_the_input_is_found(text, given_text, wrong):
    assert found(text, given_text) == [("not_in_input", wrong)]


def test_a_capitalised_name_that_the_input_lacks_is_found_and_a_slip_of_spelling_is_not():
    assert found("Parking at Hotel Zorvex is free.", "Parking is free at Grant Plaza Hotel.") == [
        ("not_in_input", "Hotel Zorvex")
    ]
    assert found("Parking at the Grant Plazza Hotel is free.", "Parking is free at Grant Plaza Hotel.") == []
    assert found("They take AmEx.", "The hotel takes American Express.") == []


def test_a_known_name_is_found_in_any_case_and_language():
    assert found("the andrews hotel takes cards", "Grant Plaza Hotel takes cards") == [
        ("not_in_input", "andrews hotel")
    ]
    assert found("您预订的全季酒店含早餐。", "酒店含早餐。") == [("not_in_input", "全季酒店")]
    assert found("您预订的全季酒店含早餐。", "全季酒店含早餐。") == []


def test_a_city_beside_its_code_is_a_gloss():
    assert found("You fly to Seattle (SEA).", '{"destination": "SEA"}') == []
    assert found("You fly to Seattle.", '{"destination": "SEA"}') == [("not_in_input", "Seattle")]


def test_sums_differences_and_multiples_follow_where_the_words_say_so():
    prices = '{"paid": 128, "fares": [{"price": 106}, {"price": 108}]}'
    assert found("Total: $106 + $108 = $214.\nThe difference to $128 is $86.", prices) == []
    assert found("The total for 3 tickets at $106 is $318.", prices, "3 passengers") == []
    assert found("The total is $214.", prices) == []
    assert found("The flight leaves from gate 214.", prices) == [("not_in_input", "214")]


def test_a_sum_that_is_wrong_is_undecided_and_a_wrong_price_fails():
    evidence = Evidence(['{"fares": [{"price": 106}, {"price": 108}]}'])
    assert passed(faults("Total: $106 + $108 = $215.", evidence, LEXICON)) is None
    assert passed(faults("HAT1 has 215 seats.", evidence, LEXICON)) is False
    assert passed(faults("It is $106.", evidence, LEXICON)) is True


def test_the_price_of_another_record_is_found():
    assert found("- HAT271: economy $174, arrives 21:00", FLIGHTS) == []
    assert found("- HAT271: economy $114, arrives 21:00", FLIGHTS) == [("bound_elsewhere", "114")]


def test_a_value_under_another_fields_name_is_found():
    assert found("HAT271: economy $338", FLIGHTS) == [("bound_elsewhere", "338")]
    assert found("HAT271: arrives at 19:00", FLIGHTS) == [("bound_elsewhere", "19:00")]
    assert found("HAT271: economy $174, business $338", FLIGHTS) == []


def test_what_is_compared_is_not_taken_for_a_swap():
    assert found("HAT271 is $174, instead of the $114 of HAT139.", FLIGHTS) == []
    assert found("HAT271 costs $174.\nOriginally you paid $114.", FLIGHTS) == []


def test_what_the_customer_said_belongs_to_nobody():
    evidence = Evidence(["My budget is 114 dollars."])
    evidence.add(FLIGHTS)
    assert faults("- HAT271: your $114 do not suffice", evidence, LEXICON) == []


def test_the_value_of_another_passage_is_found():
    passages = (
        "Parking at the Grant Plaza Hotel costs 10 GBP per day.",
        "Breakfast at the Andrews Hotel costs 25 GBP.",
    )
    assert found("Parking costs 10 GBP per day.", passages=passages) == []
    assert found("Parking costs 25 GBP per day.", passages=passages) == [("bound_elsewhere", "25")]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_breaks_a_check_and_a_text_holds_itself(text, other):
    faults(text, Evidence([other]), LEXICON)
    assert [fault for fault in faults(text, Evidence([text]), LEXICON) if fault.kind != "name"] == []
