"""An id that holds personal data is gone from the lake, and whoever has the id and the key still finds the row."""

import pyarrow as pa
import pytest

from refinery.intake.ids import hashed, traceable
from refinery.intake.rows import ROWS
from refinery.records.fate import QUARANTINE
from tests.engine.runs import KEY, rows, run
from tests.logs import conversation, plan, write


def table(**columns):
    given = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return pa.Table.from_pylist([dict.fromkeys(ROWS.names) | row for row in given], ROWS)


@pytest.mark.parametrize(
    "value",
    [
        "13812345678",
        "wx_13812345678",
        "user13812345678",
        "ann@x.com",
        "11010519491231002X",
        "4111111111111111",
        "id-（021）62345678",
    ],
)
def test_an_id_that_holds_a_value_becomes_its_keyed_hash(value):
    out = traceable(table(source_id=[value, "c1"], conversation_id=["a" * 32, "b" * 32]), KEY).to_pylist()
    assert [row["source_id"] for row in out] == [hashed(value, KEY), "c1"]
    assert [row["conversation_id"] for row in out] == [hashed("a" * 32, KEY), "b" * 32]
    assert hashed(value, KEY) != hashed(value, b"another key of the lake")


@pytest.mark.parametrize(
    "value",
    ["c1", "en-05-01-000085", "550e8400-e29b-41d4-a716-446655440000", "dlg-46d6f424-9564-4116-9186-0033ca56816e",
     "stc03899392816c", "20240518123456", "dialogues/1000.json", None, "会话-17"],
)  # fmt: skip
def test_other_ids_stay_as_people_know_them(value):
    given = table(source_id=[value], source_member=[value])
    assert traceable(given, KEY) is given


def test_calls_and_their_results_still_belong_together():
    turns = [
        {"role": "assistant", "tool_calls": [{"id": "call-13812345678", "name": "f"}, {"id": "call-2", "name": "f"}]},
        {"role": "tool", "tool_call_id": "call-13812345678"},
    ]
    (row,) = traceable(table(turns=[turns], parent_call_id=["call-13812345678"]), KEY).to_pylist()
    first, second = row["turns"]
    assert (
        first["tool_calls"][0]["id"]
        == second["tool_call_id"]
        == row["parent_call_id"]
        == hashed("call-13812345678", KEY)
    )
    assert first["tool_calls"][1]["id"] == "call-2"


def test_of_a_path_only_the_part_goes_that_holds_a_value():
    given = table(source_file=["2026/wx_13812345678.jsonl.gz", "a.jsonl"], conversation_id=["a" * 32] * 2)
    out = traceable(given, KEY).to_pylist()
    assert [row["source_file"] for row in out] == [f"2026/{hashed('wx_13812345678.jsonl.gz', KEY)}.jsonl.gz", "a.jsonl"]
    assert out[0]["conversation_id"] != out[1]["conversation_id"] == "a" * 32


def test_quarantine_is_treated_alike():
    given = pa.Table.from_pylist(
        [{"source": "s", "source_id": "ann@x.com", "source_file": "ann@x.com.jsonl"}], QUARANTINE
    )
    (row,) = traceable(given, KEY).to_pylist()
    assert (row["source_id"], row["source_file"]) == (
        hashed("ann@x.com", KEY),
        f"{hashed('ann@x.com.jsonl', KEY)}.jsonl",
    )


def test_a_run_keeps_no_such_id_and_the_row_is_found_by_its_hash(tmp_path):
    phone = "13812345678"
    good, bad = conversation(1) | {"conversation_id": f"wx_{phone}"}, conversation(2) | {"conversation_id": f"u{phone}"}
    bad["messages"][0]["role"] = "robot"
    run(plan(tmp_path, write(tmp_path / "logs" / "a.jsonl", [good, bad])), tmp_path / "lake")
    assert rows(tmp_path / "lake", "SELECT source_id FROM conversations") == [(hashed(f"wx_{phone}", KEY),)]
    assert rows(tmp_path / "lake", "SELECT source_id FROM quarantine") == [(hashed(f"u{phone}", KEY),)]
    assert not [p for p in (tmp_path / "lake").rglob("*") if p.is_file() and phone.encode() in p.read_bytes()]
