"""The plain process writes the rows that a run of the same plan publishes, so that their times compare."""

from pathlib import Path

import duckdb
import pytest

from benchmarks import plain
from refinery.plan import load
from refinery.storage.shards import MAX_GROUP_ROWS
from tests.engine.runs import KEY, rows, run
from tests.logs import STAGES, conversation, plan, write

RULES = Path(__file__).resolve().parents[2] / "rules"
ALL = (
    *STAGES[:5],
    f"inspection.policies: {{path: {RULES / 'policies.yaml'}}}",
    f"inspection.online: {{rules: {RULES}}}",
    "routing.srt",
    "routing.rows",
)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A lake and a folder of the plain process: duplicates, an id that comes twice, dead rows, bad lines."""
    home = tmp_path_factory.mktemp("both")
    twin = conversation(4) | {"conversation_id": "twin", "created_at": "2026-06-01T08:00:00+00:00"}
    short = conversation(200) | {"messages": conversation(200)["messages"][:1]}
    mail = {"role": "user", "content": "write to ann@example.com or 13812345678"}
    personal = conversation(201) | {"messages": [mail, *conversation(201)["messages"]]}
    call = {"id": "c1", "function": {"name": "refund.create", "arguments": '{"order_id": "7", "amount": 20}'}}
    acted = conversation(202)
    acted["messages"][1] |= {"content": None, "tool_calls": [call]}
    many = [conversation(i) for i in range(40)]
    write(home / "logs" / "a.jsonl", [*many[:25], b"{", twin, short, personal, acted, {"conversation_id": "empty"}])
    write(home / "logs" / "b.jsonl.gz", [*many[25:], conversation(99) | {"conversation_id": "c7"}, conversation(7)])
    path = plan(home, home / "logs", ALL)
    run(path, home / "lake")
    plain.refine(load(path), KEY, home / "plain")
    return home / "lake", home / "plain"


@pytest.mark.parametrize("table", plain.TABLES)
def test_plain_and_refinery_write_the_same_rows(both, table):
    lake, folder = both
    found = duckdb.sql(f"SELECT * EXCLUDE (run_id) FROM read_parquet('{folder / table}.parquet')").fetchall()
    published = rows(lake, f"SELECT * EXCLUDE (run_id) FROM {table}")
    assert sorted(map(repr, found)) == sorted(map(repr, published))
    assert len(found) > 0


def test_the_comparison_has_every_fate_in_it(both):
    fates = duckdb.sql(f"SELECT DISTINCT set_aside_why FROM read_parquet('{both[1]}/conversations.parquet')").fetchall()
    assert {f for (f,) in fates} >= {None, "exact_duplicate", "too_few_turns", "solution_incorrect", "pending"}
    collided = f"SELECT count(*) FROM read_parquet('{both[1]}/conversations.parquet') WHERE id_collision"
    assert duckdb.sql(collided).fetchall() == [(2,)]


def test_rows_over_several_batches_and_row_groups_are_all_written(tmp_path, monkeypatch):
    monkeypatch.setattr(plain, "BATCH_ROWS", 5)
    monkeypatch.setattr(plain, "MAX_GROUP_ROWS", 8)
    write(tmp_path / "logs" / "a.jsonl", [conversation(i) for i in range(23)])
    counts = plain.refine(load(plan(tmp_path, tmp_path / "logs")), KEY, tmp_path / "plain")
    assert counts["conversations"] == 23 < MAX_GROUP_ROWS
    read = f"SELECT count(DISTINCT source_id) FROM read_parquet('{tmp_path}/plain/conversations.parquet')"
    assert duckdb.sql(read).fetchall() == [(23,)]


def test_logs_of_which_no_line_can_be_read_give_empty_tables(tmp_path):
    write(tmp_path / "logs" / "a.jsonl", [b"{"])
    counts = plain.refine(load(plan(tmp_path, tmp_path / "logs")), KEY, tmp_path / "plain")
    assert set(counts.values()) == {0}
