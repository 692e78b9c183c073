"""Policies are read off labels and tool names, turn by turn."""

from pathlib import Path

import orjson
import pyarrow as pa
import pytest

from refinery.errors import RuleError
from refinery.inspection.policies import Policies, PolicyList
from refinery.inspection.reading import read
from tests.inspection.talks import POLICIES, asked, row, said, talks


def recognised(*rows: dict) -> list:
    table = Policies(path=POLICIES).open()(talks(*rows).select(["turns"]))
    assert table.schema == Policies(path=POLICIES).writes()
    return table["policies"].to_pylist()


def test_a_label_shows_its_policies_sorted():
    label = "meeting_inform_unavailable_ask_different_time"
    assert recognised(row(asked("when?"), said("full, another time?", label=label))) == [
        [[], ["ask_time", "report_unavailable"]]
    ]


def test_a_label_and_a_tool_add_up_and_two_calls_count_once():
    turn = said("好的", ("refund.create", "{}"), ("refund.create", "{}"), ("order.track", "{}"), label="hello")
    assert recognised(row(turn)) == [[["greeting", "issue_refund", "look_up_record"]]]


def test_recognition_abstains_on_free_text_and_on_tools_it_does_not_know():
    assert recognised(row(said("sure", label="custom"), said(None, ("think", "{}")), said("嗯", label=None))) == [
        [[], [], []]
    ]


def test_what_the_customer_or_a_tool_does_is_no_policy_of_the_agent():
    user = {
        "role": "user",
        "content": "x",
        "source_label": "hello",
        "tool_calls": [{"id": "1", "name": "refund.create"}],
    }
    assert recognised(row(user, {"role": "tool", "content": "{}", "source_label": "hello"})) == [[[], []]]


def test_lists_stay_parallel_over_empty_and_missing_turns():
    rows = [row(said("hi", label="hello")), row(), {"turns": None}, row(asked("a"), said("bye", label="goodbye_1"))]
    assert recognised(*rows) == [[["greeting"]], [], [], [[], ["closing"]]]


def test_an_empty_table_keeps_its_column():
    empty = Policies(path=POLICIES).open()(talks().select(["turns"]))
    assert empty.num_rows == 0 and empty.schema == Policies(path=POLICIES).writes()


def test_a_slice_of_a_table_is_read_as_a_slice():
    table = talks(row(said("hi", label="hello")), row(asked("x"), said("bye", label="goodbye_2"))).select(["turns"])
    assert Policies(path=POLICIES).open()(table.slice(1))["policies"].to_pylist() == [[[], ["closing"]]]


def test_every_policy_is_defined_with_examples_in_both_languages():
    for name, policy in read(POLICIES, "policies.yaml", PolicyList).policies.items():
        assert set(policy.definition) == set(policy.examples) == {"zh", "en"}, name
        assert all(policy.examples.values()), name


def test_an_unknown_key_in_the_list_is_refused(tmp_path: Path):
    path = tmp_path / "policies.yaml"
    path.write_text(POLICIES.read_text(encoding="utf-8").replace("    labels:", "    label:", 1), encoding="utf-8")
    with pytest.raises(
        RuleError, match=r"unknown key `policies.greeting.label`; known here: definition, examples, labels"
    ):
        Policies(path=path).open()


def test_every_scored_label_of_star_shows_exactly_its_policies(shared: Path):
    groups = orjson.loads((shared / "star_policy_groups.json").read_bytes())["labels"]
    rows = talks(row(*[said("x", label=label) for label in groups])).select(["turns"])
    found = Policies(path=POLICIES).open()(rows)["policies"].to_pylist()[0]
    assert dict(zip(groups, found, strict=True)) == {
        label: sorted(group["policies"]) for label, group in groups.items()
    }
    assert len(groups) == 161


def test_names_are_strings_of_plain_lists():
    assert Policies(path=POLICIES).writes().field("policies").type == pa.list_(pa.list_(pa.string()))


def test_calls_behind_a_null_are_not_seen():
    table = talks(row(said("a", ("refund.create", "{}")), said("b", ("order.track", "{}"))))
    turns = table["turns"].chunk(0)
    calls = turns.values.field("tool_calls")
    hidden = pa.ListArray.from_arrays(calls.offsets, calls.values, mask=pa.array([True, False]))
    fields = list(turns.type.value_type)
    columns = [hidden if field.name == "tool_calls" else turns.values.field(field.name) for field in fields]
    turns = pa.ListArray.from_arrays(turns.offsets, pa.StructArray.from_arrays(columns, fields=fields))
    found = Policies(path=POLICIES).open()(pa.table({"turns": turns}))["policies"].to_pylist()
    assert found == [[[], ["look_up_record"]]]
