"""The demo's plan over the demo's log, held against the list of what was planted, which the job never sees."""

from pathlib import Path

import pytest

from pipelines.demo_log import make, write
from refinery.engine.main import refine
from refinery.lake.views import TABLES, connect
from refinery.storage.store import Store
from tests.engine.runs import rows

SHADOW = [("ACT.wrong_tool_or_arguments.002", 26), ("PAY.over_limit.002", 5), ("PROC.mandatory_step_skipped.002", 10)]
PLAN = Path(__file__).resolve().parents[2] / "pipelines" / "plans" / "demo.yaml"


@pytest.fixture(scope="module")
def planted():
    """What the generator planted at its defaults."""
    return make()[1]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, run."""
    home = tmp_path_factory.mktemp("demo")
    write(home / "log", make()[0])
    refine(PLAN, source=str(home / "log"), target=str(home / "lake"), limit=None, engine="local")
    return home / "lake"


def test_all_records_are_read_and_all_broken_lines_stand_in_quarantine(lake, planted):
    assert rows(lake, "SELECT count(*) FROM conversations") == [(2000,)]
    where = rows(lake, "SELECT coalesce(source_file || '/' || source_member, source_file), source_line FROM quarantine")
    assert sorted(where) == sorted((file, line) for file, line, _ in planted.broken)


def test_of_each_planted_duplicate_pair_one_is_kept(lake, planted):
    aside = dict(
        rows(lake, "SELECT source_id, dedup_kept_id FROM conversations WHERE set_aside_why = 'exact_duplicate'")
    )
    ids = dict(
        rows(lake, "SELECT source_id, conversation_id FROM conversations WHERE NOT coalesce(id_collision, false)")
    )
    pairs = {frozenset(pair) for pair in planted.duplicates}
    assert len(aside) == len(pairs) == 60
    for gone, kept in aside.items():
        (pair,) = [p for p in pairs if gone in p]
        assert ids[next(iter(pair - {gone}))] == kept


def test_each_planted_fault_is_found_at_its_turn_and_nothing_else_is(lake, planted):
    found = rows(lake, "SELECT source_id, item, turn_idx FROM findings WHERE enforce <> 'shadow' ORDER BY ALL")
    assert found == sorted(tuple(fault) for fault in planted.faults)
    assert len(found) == 60


def test_rules_in_shadow_find_what_the_demo_did_not_plant_and_move_no_row(lake):
    """Invoices for orders that nobody named, offers over the limit before the payment, cancellations unchecked."""
    query = "SELECT rule_id, count(*) FROM findings WHERE enforce = 'shadow' GROUP BY 1 ORDER BY 1"
    assert rows(lake, query) == SHADOW
    assert rows(lake, "SELECT count(*) FROM findings WHERE enforce = 'shadow' AND (route.sft_exclude OR route.rl)") == [
        (0,)
    ]


def test_conversations_planted_as_poor_are_set_aside_by_the_gate(lake, planted):
    aside = dict(rows(lake, "SELECT source_id, set_aside_why FROM conversations WHERE set_aside_by = 'quality.gate'"))
    reasons = {
        "one_turn": {"too_few_turns"},
        "no_agent_turn": {"no_agent_turn"},
        "no_customer_turn": {"no_customer_turn"},
        "agent_repeats": {"repetition"},
        "mostly_empty": {"empty_text", "too_few_turns", "no_agent_turn", "no_customer_turn"},
    }
    missed = [(i, why) for i, why in planted.quality if aside.get(i) not in reasons[why]]
    assert [m for m in missed if m[1] != "mostly_empty"] == []
    # Half of the texts empty is the gate's bound; the generator's emptier half of 20 must go, the rest may stay.
    assert len(missed) <= 9
    assert set(aside) <= {i for i, _ in planted.quality}


def test_no_planted_personal_value_stands_anywhere_in_the_lake(lake, planted):
    with connect(Store(lake)) as con:
        text = "\n".join(str(row) for table in TABLES for row in con.execute(f"SELECT * FROM {table}").fetchall())
    files = b"".join(p.read_bytes() for p in lake.rglob("*.json"))
    left = [(i, kind) for i, kind, value in planted.personal if value in text or value.encode() in files]
    assert left == []
    assert len(planted.personal) > 400


def test_order_numbers_amounts_dates_and_times_stay(lake, planted):
    query = """SELECT source_id, string_agg(concat_ws(' ', turns::VARCHAR, signals::VARCHAR, metadata), ' ')
               FROM conversations GROUP BY 1"""
    text = dict(rows(lake, query))
    lost = [(i, kind, value) for i, kind, value in planted.decoys if value not in text[i]]
    assert lost == []
    assert len(planted.decoys) > 3000


def test_an_id_that_came_twice_is_flagged_and_a_record_without_id_is_kept(lake, planted):
    assert len(planted.collisions) == len(planted.without_id) == 1
    flagged = rows(lake, "SELECT source_file, source_id FROM conversations WHERE id_collision")
    assert len(flagged) == 2 and len(set(flagged)) == 1
    assert rows(lake, "SELECT count(*) FROM conversations WHERE source_id IS NULL") == [(1,)]


def test_the_summary_counts_that_the_readme_shows(lake):
    assert rows(lake, "SELECT kind, count(*) FROM samples GROUP BY 1 ORDER BY 1") == [("rl", 371), ("sft", 2766)]
    assert rows(lake, "SELECT count(*) FROM conversations WHERE set_aside_by IS NULL") == [(1166,)]
