"""The knowledge commands on a small base and a lake whose rows rest on it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from refinery.cli import app
from tests.logs import STAGES, conversation, plan, write

POLICY = "# Desk\n\nAn order is delivered within {} days. Refunds take 3 days.\n"


def said(*words: str) -> str:
    done = CliRunner().invoke(app, ["knowledge", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "documents.yaml").write_text(
        "documents: [{name: desk, path: desk.md, format: markdown, scenarios: [desk]}]"
    )
    (tmp_path / "desk.md").write_text(POLICY.format(5))
    return tmp_path


def build(home: Path, day: str) -> str:
    return said("build", str(home / "documents.yaml"), "--base", str(home / "base"), "--on", day)


def test_build_counts_units_and_writes_no_version_that_says_the_same(home):
    first, again = build(home, "2026-01-01"), build(home, "2026-02-01")
    assert "desk  fragment  live  2" in first and "version 1 written: 2 units" in first
    assert "version 1 says the same; nothing written" in again


def test_diff_lists_changed_units_and_exactly_the_rows_that_were_given_them(home):
    build(home, "2026-01-01")
    logs = write(home / "logs" / "a.jsonl", [conversation(i, scenario="desk" if i < 2 else "other") for i in range(4)])
    retrieval = f"knowledge.retrieval: {{knowledge: {home / 'base' / '00000001.jsonl'}}}"
    path = plan(home, logs, (*STAGES[:-1], retrieval, "routing.srt"))
    done = CliRunner().invoke(app, ["run", str(path), "--target", str(home / "lake"), "--engine", "local"])
    assert done.exit_code == 0, done.output
    (home / "desk.md").write_text(POLICY.format(7))
    build(home, "2026-02-01")
    lines = said("diff", "--base", str(home / "base"), "--lake", str(home / "lake")).splitlines()
    assert lines[0] == "version 1 to 2: 1 units changed"
    assert lines[1] == "changed  desk#desk/an-order-is-delivered-within-days"
    assert "within 5 days" in lines[2] and "within 7 days" in lines[3]
    assert len(lines) == 7 and all("  logs  " in line for line in lines[4:6])
    assert lines[6] == "2 conversations rest on changed units; ground these again"


def test_a_lake_without_retrieval_says_so(home):
    build(home, "2026-01-01")
    (home / "desk.md").write_text(POLICY.format(7))
    build(home, "2026-02-01")
    path = plan(home, write(home / "logs" / "a.jsonl", [conversation(0)]))
    CliRunner().invoke(app, ["run", str(path), "--target", str(home / "lake"), "--engine", "local"])
    done = CliRunner().invoke(app, ["knowledge", "diff", "--base", str(home / "base"), "--lake", str(home / "lake")])
    assert done.exit_code == 1 and "no plan of this lake has the stage knowledge.retrieval" in done.stderr


def test_show_prints_a_unit_by_scenario_key_or_id(home):
    build(home, "2026-01-01")
    shown = said("show", "desk", "--base", str(home / "base"))
    assert "An order is delivered within 5 days." in shown and "Refunds take 3 days." in shown
    unit_id = shown.split()[0]
    assert said("show", unit_id, "--base", str(home / "base")).startswith(unit_id)
    done = CliRunner().invoke(app, ["knowledge", "show", "nothing", "--base", str(home / "base")])
    assert done.exit_code == 1 and "scenarios: desk" in done.stderr


def test_a_day_that_is_none_is_refused(home):
    done = CliRunner().invoke(
        app, ["knowledge", "build", str(home / "documents.yaml"), "--base", str(home / "base"), "--on", "today"]
    )
    assert done.exit_code == 1 and "a day is YYYY-MM-DD" in done.stderr
