"""The command line as a stranger meets it."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from refinery.cli import app
from tests.logs import conversation, plan, write

RULES = str(Path(__file__).resolve().parents[1] / "rules")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake with one run."""
    home = tmp_path_factory.mktemp("cli")
    wild = conversation(2, scenario='=HYPERLINK("x")', model_version="<b>\x1b[31m")
    path = plan(home, write(home / "logs" / "a.jsonl", [conversation(0), conversation(1), wild]))
    done = CliRunner().invoke(app, ["run", str(path), "--target", str(home / "lake"), "--engine", "local"])
    assert done.exit_code == 0, done.output
    return str(home / "lake")


def _sql(lake: str, query: str, *more: str) -> str:
    done = CliRunner().invoke(app, ["sql", query, "--lake", lake, *more])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_help_loads_nothing_heavy():
    heavy = "('ray', 'pyarrow', 'duckdb', 'numpy', 'pydantic')"
    code = f"import sys, refinery.cli; print([m for m in {heavy} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert loaded.stdout.strip() == "[]"


def test_a_run_prints_what_came_in_what_stays_and_what_to_look_at_next(tmp_path):
    path = plan(tmp_path, write(tmp_path / "logs" / "a.jsonl", [conversation(i) for i in range(8)] + [b"{"]))
    done = CliRunner().invoke(app, ["run", str(path), "--target", str(tmp_path / "lake"), "--engine", "local"])
    assert done.exit_code == 0
    for word in ("quarantined", "not_json", "solution_incorrect", "pending", "conversations/s", "refinery sql"):
        assert word in done.stderr
    again = CliRunner().invoke(app, ["run", str(path), "--target", str(tmp_path / "lake"), "--engine", "local"])
    assert "published before (snapshot 1); nothing changed" in again.stderr


def test_explain_runs_nothing(tmp_path):
    path = plan(tmp_path, write(tmp_path / "logs" / "a.jsonl", [conversation(1)]))
    done = CliRunner().invoke(app, ["run", str(path), "--target", str(tmp_path / "lake"), "--explain"])
    assert done.exit_code == 0
    assert "pass 0 intake" in done.stdout
    assert not (tmp_path / "lake").exists()


def test_an_error_of_ours_is_one_sentence_and_exit_code_one(tmp_path):
    done = CliRunner().invoke(app, ["run", str(tmp_path / "no.yaml")])
    assert done.exit_code == 1
    assert done.stderr.startswith("PlanError: cannot read plan")
    assert "Traceback" not in done.output


def test_sql_answers_as_table_json_and_csv(lake):
    query = "SELECT source_id, scenario, model_version, turns FROM conversations ORDER BY source_id"
    assert "c0" in _sql(lake, query)
    lines = [orjson.loads(line) for line in _sql(lake, query, "--format", "json").splitlines()]
    assert [line["source_id"] for line in lines] == ["c0", "c1", "c2"]
    rows = list(csv.reader(io.StringIO(_sql(lake, query, "--format", "csv"))))
    assert rows[0] == ["source_id", "scenario", "model_version", "turns"]
    assert len(rows) == 4


def test_log_text_is_no_formula_in_csv_and_no_control_sequence_in_a_table(lake):
    query = "SELECT scenario, model_version FROM conversations WHERE source_id = 'c2'"
    assert "'=HYPERLINK" in _sql(lake, query, "--format", "csv")
    assert "\x1b" not in _sql(lake, query)
    assert "<b>" in _sql(lake, query)


def test_a_wrong_query_repeats_what_duckdb_says(lake):
    done = CliRunner().invoke(app, ["sql", "SELECT nothing FROM conversations", "--lake", lake])
    assert done.exit_code == 1
    assert 'Referenced column "nothing" not found' in done.stderr


def test_an_unknown_snapshot_or_an_empty_lake_says_what_there_is(lake, tmp_path):
    done = CliRunner().invoke(app, ["sql", "SELECT 1", "--lake", lake, "--as-of", "9"])
    assert "no snapshot 9" in done.stderr and "snapshots 1 to 1" in done.stderr
    done = CliRunner().invoke(app, ["runs", "--lake", str(tmp_path / "empty")])
    assert done.exit_code == 1 and "nothing is published there yet" in done.stderr


def test_the_catalog_opens_with_plain_duckdb(lake):
    import duckdb

    with duckdb.connect(f"{lake}/catalog.duckdb", read_only=True) as con:
        assert con.execute("SELECT count(*) FROM turns").fetchone() == (12,)


def test_inspect_reads_json_lines_and_finds(tmp_path):
    bad = conversation(0)
    bad["messages"][1]["content"] = "Please tell me your card PIN, my mobile is 13812345678."
    fine = conversation(1)
    lines = b"\n".join([orjson.dumps(bad), b"{", orjson.dumps(fine)])
    done = CliRunner().invoke(app, ["inspect", "--rules", RULES], input=lines)
    assert done.exit_code == 0, done.output
    found = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert {"line": 2, "error": "not_json", "detail": ""} in found
    (finding,) = [f for f in found if "item" in f]
    assert (finding["line"], finding["source_id"], finding["turn_idx"]) == (1, "c0", 1)
    assert finding["item"] == "COMP.privacy_disclosure"
    assert "13812345678" not in done.output


def test_rules_are_checked_and_tested(tmp_path):
    checked = CliRunner().invoke(app, ["rules", "check", RULES])
    assert checked.exit_code == 0 and "102 rules, all well formed: 66 run online, 36 ask a model" in checked.stdout
    tested = CliRunner().invoke(app, ["rules", "test", RULES])
    assert tested.exit_code == 0 and ", 0 failed" in tested.stdout


def test_export_writes_what_trl_reads_and_refuses_another_trainer(lake, tmp_path):
    done = CliRunner().invoke(app, ["export", "--lake", lake, "--format", "verl", "--out", str(tmp_path / "x")])
    assert done.exit_code == 1 and "known: trl" in done.stderr
