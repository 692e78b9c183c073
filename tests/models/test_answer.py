"""An answer is read by its schema, and what is wrong with it is said without a word of it."""

import pytest

from refinery.errors import StageError
from refinery.models.answer import Checked, check, masked

SCHEMA = {
    "type": "object",
    "properties": {
        "score": {"type": "integer", "maximum": 10},
        "why": {"type": "array", "items": {"type": "string", "maxLength": 5}},
    },
    "required": ["score"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"score": 11}', "$.score: maximum 10"),
        ('{"score": 1, "why": ["张伟 13812345678"]}', "$.why[]: maxLength 5"),
        ('{"score": 1, "张伟": 1}', "$: additionalProperties false"),
        ("{}", '$: required ["score"]'),
        ("null", '$: type "object"'),
        ('{"score": NaN}', "not JSON"),
        ('{"score": 1', "not JSON"),
        ('Sure! {"score": 1}', "not JSON"),
        ("", "not JSON"),
    ],
)
def test_a_fault_names_place_and_rule_and_nothing_of_the_answer(text, fault):
    found = check(text, SCHEMA)
    assert found.value is None
    assert found.fault.startswith(fault)
    assert not set("张伟") & set(found.fault) and "138" not in found.fault and "Sure" not in found.fault


def test_a_valid_answer_is_its_value():
    assert check('{"score": 10, "why": ["快"]}', SCHEMA) == Checked({"score": 10, "why": ["快"]})
    assert check("0", {}) == Checked(0)
    assert check("null", {}).fault == "$: null"


def test_a_wrong_schema_is_the_stages_fault():
    with pytest.raises(StageError, match="schema is not JSON Schema"):
        check("1", {"type": "whole number"})


def test_a_reference_out_of_the_schema_is_not_fetched():
    with pytest.raises(Exception, match="Unresolvable"):
        check("1", {"$ref": "http://127.0.0.1:9/never"})


def test_what_a_model_invents_never_takes_the_place_of_a_placeholder():
    assert masked("[PHONE_1] 13812345678") == "[PHONE_1] [PHONE_1000001]"
    assert masked('{"reply": "打13812345678"}') == '{"reply": "打[PHONE_1000001]"}'
