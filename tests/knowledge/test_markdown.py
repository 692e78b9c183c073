"""Policies in Markdown, Chinese and English, cut into units."""

from refinery.knowledge.checks import checked
from refinery.knowledge.markdown import units
from refinery.knowledge.unit import Unit

AIRLINE = """\
# Airline policy

As an agent, you can help users. See the rules e.g. on bags.

## Book flight

Checked bags:
- If the user is a gold member:
  - 2 free bags for each economy passenger
  - 3 free bags for each business passenger
- Each extra bag is 50 dollars.

Each reservation holds:
- user id
- payment methods

## Cancel flight

If a part was flown, transfer is needed. Otherwise, it can be cancelled.

To transfer, say 'YOU ARE BEING TRANSFERRED. PLEASE HOLD.' to the user.

| member | bags |
|---|---|
| gold | 3 |
"""
TAKEAWAY = """\
# 外卖售后政策

客服应当先核实订单。否则不得退款。超时三十分钟以上可补偿5元。

## 退款流程

1. 核实身份
2. 查询订单
   - 状态
   - 金额
3. 发起退款
"""


def found(text: str) -> list[Unit]:
    return list(units("doc", text, ("desk",)))


def solutions(text: str) -> list[str]:
    return [unit.solution for unit in found(text)]


def test_an_item_below_conditions_carries_them_so_that_it_stands_alone():
    assert "Checked bags: If the user is a gold member: 3 free bags for each business passenger" in solutions(AIRLINE)


def test_mere_names_under_a_lead_in_are_one_unit():
    assert "Each reservation holds: user id; payment methods" in solutions(AIRLINE)


def test_a_sentence_that_leans_on_the_one_before_stays_with_it():
    assert "If a part was flown, transfer is needed. Otherwise, it can be cancelled." in solutions(AIRLINE)
    assert "客服应当先核实订单。否则不得退款。" in solutions(TAKEAWAY)


def test_abbreviations_and_quotations_do_not_end_a_statement():
    assert "See the rules e.g. on bags." in solutions(AIRLINE)
    assert "To transfer, say 'YOU ARE BEING TRANSFERRED. PLEASE HOLD.' to the user." in solutions(AIRLINE)


def test_a_row_of_a_table_is_a_unit_with_its_headings():
    assert "member: gold; bags: 3" in solutions(AIRLINE)


def test_a_numbered_list_is_one_procedure_in_order():
    (unit,) = [unit for unit in found(TAKEAWAY) if unit.kind == "procedure"]
    assert unit.solution == "1. 核实身份\n2. 查询订单 状态; 金额\n3. 发起退款"
    assert unit.background == "外卖售后政策 > 退款流程"


def test_what_binds_is_a_regulation_and_what_states_is_a_fragment():
    kinds = {unit.solution: unit.kind for unit in [*found(AIRLINE), *found(TAKEAWAY)]}
    assert kinds["客服应当先核实订单。否则不得退款。"] == "regulation"
    assert kinds["Each reservation holds: user id; payment methods"] == "fragment"


def test_headings_bound_a_unit_and_its_question_is_asked_in_its_language():
    by_text = {unit.solution: unit for unit in [*found(AIRLINE), *found(TAKEAWAY)]}
    assert by_text["member: gold; bags: 3"].background == "Airline policy > Cancel flight"
    assert by_text["超时三十分钟以上可补偿5元。"].questions == ("关于“外卖售后政策”有什么规定？",)
    assert {unit.language for unit in found(TAKEAWAY)} == {"zh"}


def test_every_word_of_a_document_stands_in_some_unit():
    for text in (AIRLINE, TAKEAWAY):
        kept = " ".join(f"{unit.background} {unit.solution}" for unit in found(text))
        words = [w.strip("|#-:.,'") for w in text.replace("\n", " ").replace("。", " ").split()]
        assert [w for w in words if w.strip("0123456789") and w not in kept] == []


def test_a_statement_keeps_its_key_when_its_number_changes_or_others_come_before_it():
    before = {unit.key for unit in found("# A\n\nEach extra bag costs 50 dollars. All is fine.")}
    after = {unit.key for unit in found("# A\n\nNew here. Each extra bag costs 60 dollars. All is fine.")}
    assert before < after


def test_real_policies_give_units_that_can_be_used(shared):
    for name in ("airline", "retail"):
        text = (shared / "tau2" / "policies" / f"{name}.md").read_text()
        made = checked(units(name, text, (name,)))
        aside = [unit.set_aside_why for unit in made if unit.set_aside_why]
        assert len(made) > 60
        assert len(aside) <= 1, aside
