"""Flowcharts, tables of questions and answers, and snippets as units."""

import orjson
import pytest

from refinery.errors import InputError
from refinery.knowledge import flowchart, tables

CHART = {
    "replies": {
        "hello": "Hello.",
        "ask_name": "Your name, please?",
        "query": "Query",
        "ok": "Succeeded",
        "failed": "Failed",
        "inform": "Your balance is {balance:d}.",
        "more": "Anything else?",
        "sorry": "I am sorry.",
        "bye": "Goodbye.",
    },
    "graph": {
        "hello": "ask_name",
        "ask_name": "query",
        "ok": "inform",
        "inform": "more",
        "failed": "sorry",
        "sorry": "more",
    },
}
SLOTS = [
    {"Name": "Bank", "Type": "Categorical", "Categories": ["Chase", "PNC"], "ReadableName": "Bank name"},
    {"Name": "Pin", "Type": "Integer", "Min": 0, "Max": 9999, "ReadableName": "PIN"},
]
API = {"input": SLOTS, "output": SLOTS[:1], "required": ["Pin"], "db": "bank"}


def test_a_flowchart_is_cut_into_branches_each_with_its_condition():
    found = {unit.key: unit for unit in flowchart.units("d", CHART, API, "bank_balance")}
    assert found["d#hello"].solution.splitlines() == [
        "1. say (hello): Hello.",
        "2. say (ask_name): Your name, please?",
        "3. call bank_balance (query)",
    ]
    assert found["d#ok"].background == "Task: bank balance. When: Succeeded."
    assert found["d#bye"].kind == "fragment"
    assert found.keys() == {"d#hello", "d#ok", "d#failed", "d#bye"}


def test_a_branch_that_runs_into_another_says_what_comes_next():
    found = {unit.key: unit.solution for unit in flowchart.units("d", CHART, API, "bank_balance")}
    assert found["d#failed"] == "1. say (sorry): I am sorry.\n2. say (more): Anything else? …"


def test_a_unit_that_calls_describes_the_tool_and_its_output_as_schemas():
    found = {unit.key: unit for unit in flowchart.units("d", CHART, API, "bank_balance")}
    (tool,) = found["d#hello"].tools
    parameters = orjson.loads(tool["parameters"])
    assert parameters["required"] == ["Pin"]
    assert parameters["properties"]["Bank"]["enum"] == ["Chase", "PNC"]
    assert parameters["properties"]["Pin"] == {"type": "integer", "description": "PIN", "minimum": 0, "maximum": 9999}
    output = orjson.loads(found["d#hello"].output_format)
    assert output["properties"]["tool_call"]["properties"]["arguments"] == parameters
    assert found["d#bye"].tools == () and found["d#bye"].output_format is None


def test_no_reply_of_a_flowchart_is_lost(shared):
    for file in sorted((shared / "star" / "tasks").glob("*/*.json")):
        if file.name != "responses.json":
            chart = orjson.loads(file.read_bytes())
            text = "\n".join(f"{u.solution}\n{u.background}" for u in flowchart.units("d", chart, None, file.stem))
            sentences = [reply for reply in chart["replies"].values() if reply.endswith((".", "?", "!"))]
            assert sentences and [reply for reply in sentences if reply not in text] == []


def test_a_chart_without_a_graph_is_refused():
    with pytest.raises(InputError, match="`replies` and `graph`"):
        list(flowchart.units("d", {"replies": {}}, None, "x"))


def test_questions_of_one_answer_in_one_scope_are_one_unit():
    text = (
        "q,intent,a\nHow to cancel?,cancel,Open the order.\nCancel it,cancel,open  the order.\nPay?,pay,Open the order."
    )
    columns = {"question": "q", "answer": "a", "scenarios": ["intent"]}
    cancel, pay = tables.answers("faq", text, columns, ("shop",))
    assert cancel.questions == ("How to cancel?", "Cancel it")
    assert cancel.scenarios == ("shop", "cancel")
    assert pay.questions == ("Pay?",)


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(InputError, match=r"no column \['a'\]; it has \['q', 'b'\]"):
        list(tables.answers("faq", "q,b\n1,2", {"question": "q", "answer": "a"}, ()))


def test_a_snippet_is_about_its_entity_and_a_domain_wide_one_about_none():
    doc = {"title": "Pets?", "body": "No pets."}
    domains = {"hotel": {"6": {"name": "Inn", "docs": {"2": doc}}}, "taxi": {"*": {"name": None, "docs": {"0": doc}}}}
    inn, taxi = tables.snippets("kb", domains, ())
    assert (inn.key, inn.entity, inn.scenarios, inn.questions) == ("kb#hotel/6/2", "Inn", ("hotel",), ("Pets?",))
    assert taxi.entity is None and taxi.background == "taxi"
    with pytest.raises(InputError, match="domain"):
        list(tables.snippets("kb", {"hotel": {"6": {"name": "Inn"}}}, ()))
