"""Adherence to a unit, contradictions in a dialogue, and the small model under both."""

import pytest

from refinery.grounding.adherence import Place, Weights, claims_of, features, strays
from refinery.grounding.consistency import compared, contradicts, vocabulary
from refinery.grounding.linear import Linear, dump
from refinery.grounding.names import Lexicon

UNIT = {
    "background": "hotel",
    "question": "Are pets allowed?",
    "solution": "No, pets are not allowed at the Inn.",
    "entity": "Inn",
}
WEIGHTS = Weights(["pets are allowed", "parking is free", "pets cost extra", "wifi is free", "breakfast is extra"])
LEXICON = Lexicon([])
NEAREST = Place(0, 0.0)


def chance(reply: str, place: Place = NEAREST) -> float:
    return strays(features(reply, UNIT, place, WEIGHTS, LEXICON))


def test_a_reply_that_says_what_the_unit_says_adheres():
    assert chance("Sorry, pets are not allowed at the Inn. Anything else?") < 0.1


def test_denying_what_the_unit_grants_strays():
    assert chance("Yes, pets are allowed at the Inn.") > 3 * chance("No, pets are not allowed at the Inn.")


def test_another_topic_strays():
    assert chance("There is free wifi in all rooms.", Place(900, 0.9)) > 0.3


def test_a_value_that_the_unit_lacks_is_seen():
    compared_ = features("Pets cost 20 GBP.", UNIT, NEAREST, WEIGHTS, LEXICON)
    assert compared_["foreign_value"] == 1.0
    assert features("不可以带20只宠物。", UNIT | {"solution": "不可以带宠物。"}, NEAREST, WEIGHTS, LEXICON)[
        "foreign_value"
    ]


def test_closing_questions_are_no_claims():
    assert claims_of("No pets. Anything else?") == "No pets."
    assert claims_of("不可以。还有什么可以帮您？") == "不可以。"
    assert claims_of("Anything else?") == "Anything else?"


ROWS = [
    {"event": "dentist", "date": "monday", "time": "5pm", "party": "alex"},
    {"event": "yoga", "date": "friday", "time": "7pm", "party": "martha"},
]
KNOWN = vocabulary(ROWS)


def verdict(*turns: tuple[str, str], rows: list[dict[str, str]] = ROWS) -> dict[str, bool]:
    return contradicts(compared(turns, rows, KNOWN))


def test_a_reply_of_the_right_record_contradicts_nothing():
    assert not any(verdict(("customer", "when is my yoga"), ("agent", "yoga is on friday at 7pm")).values())


def test_another_records_value_contradicts_the_records():
    assert verdict(("customer", "when is my yoga"), ("agent", "yoga is on monday at 7pm"))["records"]


def test_another_value_than_the_customers_contradicts_the_query():
    turns = ("customer", "remind me of yoga with martha on friday"), ("agent", "set yoga with alex on friday")
    assert verdict(*turns, rows=[])["query"]


def test_chinese_values_are_compared_too():
    rows = [{"项目": "牙医", "日期": "周一"}, {"项目": "瑜伽", "日期": "周五"}]
    said = compared([("customer", "我的 瑜伽 是哪天"), ("agent", "瑜伽 在 周一")], rows, vocabulary(rows))
    right = compared([("customer", "我的 瑜伽 是哪天"), ("agent", "瑜伽 在 周五")], rows, vocabulary(rows))
    assert said["any_beyond"] == 1.0 and right["any_beyond"] == 0.0


def test_a_model_learns_what_separates_and_reads_back_as_written():
    cases = [{"x": float(i), "noise": float(i % 3)} for i in range(40)]
    model = Linear.fit(cases, [i >= 20 for i in range(40)], ["x", "noise"], ridge=0.1)
    assert model.score({"x": 35, "noise": 0}) > 0.95 and model.score({"x": 5, "noise": 0}) < 0.05
    assert abs(model.weights["noise"]) < abs(model.weights["x"]) / 5
    with pytest.raises(KeyError):
        model.score({"x": 1.0})
    assert dump({"m": model}) == dump({"m": Linear.model_validate(model.model_dump())})
