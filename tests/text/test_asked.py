"""What the agent asked for is looked for in the customer's next words, where no cue of their own stands."""

import pyarrow as pa
import pytest

from refinery.intake.redact import Redact
from refinery.text.kinds.asked import KINDS, asks

SCHEMA = Redact().writes()


def redacted(*contents, roles=("assistant", "user")):
    turns = [{"turn_idx": i, "role": roles[i % len(roles)], "content": text} for i, text in enumerate(contents)]
    table = pa.Table.from_pylist([dict.fromkeys(SCHEMA.names) | {"turns": turns}], SCHEMA)
    return [turn["content"] for turn in Redact().open()(table).to_pylist()[0]["turns"]]


@pytest.mark.parametrize(
    ("question", "answer", "masked"),
    [
        ("May I have your full name, please?", "Jane Doe", "[NAME_1]"),
        ("Could I get your name?", "Sure, it's Alexis.", "Sure, it's [NAME_1]."),
        ("请问您的姓名是？", "李雷", "[NAME_1]"),
        ("怎么称呼您？", "李雷，昨天下的单", "[NAME_1]，昨天下的单"),
        ("What is your PIN?", "0314", "[PIN_1]"),
        ("请提供短信验证码", "482913", "[PIN_1]"),
        ("May I have your account number?", "it is 68318931", "it is [ACCOUNT_1]"),
        ("请报一下您的会员号", "88231045", "[ACCOUNT_1]"),
        ("Could you tell me your date of birth?", "04/04/1990", "[BIRTH_DATE_1]"),
        ("请问出生日期？", "1990年5月20日", "[BIRTH_DATE_1]"),
        ("What phone number can we reach you at?", "5550134", "[PHONE_1]"),
        ("Full name, account number and PIN, please.", "Jane Doe 85731890 0314", "[NAME_1] [ACCOUNT_1] [PIN_1]"),
    ],
)
def test_an_answer_holds_what_was_asked_for(question, answer, masked):
    assert redacted(question, answer) == [question, masked]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("May I have your name?", "Why do you need that?"),
        ("May I have your name?", "no thanks"),
        ("What is your PIN?", "I forgot it, can I use 3 tries?"),
        ("What is your PIN?", "It was charged $1234 on 05/20"),
        ("请提供验证码", "没收到，等了120秒"),
        ("请问您的账号？", "我打10086问过了"),
        ("Your account is fine.", "68318931"),
        ("Anything else?", "0314"),
        ("Could you tell me your date of birth?", "I want to fly on May 22 from JFK to SFO, and back on 2024-05-26"),
        ("What is your zip code?", "94107"),
    ],
)
def test_what_answers_something_else_stays(question, answer):
    assert redacted(question, answer) == [question, answer]


def test_the_answer_may_come_a_turn_later_and_in_two_turns():
    roles = ("assistant", "assistant", "user", "user", "user")
    texts = ["Your account number?", "Take your time.", "one moment", "68318931", "70218931"]
    assert redacted(*texts, roles=roles) == [*texts[:3], "[ACCOUNT_1]", "70218931"]


def test_a_question_of_the_customer_asks_for_nothing():
    assert redacted("What is your account number?", "68318931", roles=("user",)) == [
        "What is your account number?",
        "68318931",
    ]


def test_a_question_says_for_what_it_asks():
    assert [kind for bit, kind in enumerate(KINDS) if asks("您的姓名和电话是多少？") >> bit & 1] == ["NAME", "PHONE"]
    assert asks("Your PIN is safe with us.") == 0
