"""Malformed files: no crash, good rows beside bad ones live, each bad one is quarantined with a reason, masked."""
# ruff: noqa: E501 (cases read best a line each)

import re
from pathlib import Path

import orjson
import pytest

from refinery.lake.views import TABLES
from tests.engine.runs import rows
from tests.intake.hostile import places
from tests.intake.hostile.case import SECRETS
from tests.intake.hostile.table import CASES, GOLDEN, expected, outcomes, run_sources, text

NOTHING = (0, {}, {}, {})


@pytest.fixture(scope="module")
def each(tmp_path_factory) -> Path:
    """Each file as a source of one run; the folder of the run."""
    home = tmp_path_factory.mktemp("each")
    (home / "logs").mkdir()
    run_sources(home, [case.write(home / "logs") for case in CASES])
    return home


@pytest.fixture(scope="module")
def together(tmp_path_factory) -> Path:
    """All files in one folder, with what is no log at all, cut into many small tasks."""
    home = tmp_path_factory.mktemp("together")
    (home / "logs").mkdir()
    for case in CASES:
        case.write(home / "logs")
    places.fill(home / "logs")
    report = run_sources(home, [home / "logs"], input_bytes=2**20, rows=500)
    (home / "passed_over.txt").write_text(report.passed_over)
    return home


@pytest.fixture(scope="module")
def found(each) -> dict:
    """The outcome of each case in the run in which each is a source."""
    by_source = outcomes(each / "lake", "source")
    return {case.name: by_source.get(f"s{n}", NOTHING) for n, case in enumerate(CASES)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.encode("unicode_escape").decode()[:40])
def test_a_malformed_file_has_the_outcome_that_it_states(found, case):
    assert found[case.name] == expected(case)


def test_the_table_of_outcomes_is_the_accepted_one(found, tmp_path):
    (tmp_path / "outcomes.md").write_text(text(found), encoding="utf-8")
    wanted = GOLDEN.read_text(encoding="utf-8")
    assert text(found) == wanted, f"see {tmp_path / 'outcomes.md'}; to take it: python -m tests.intake.hostile.accept"


def test_side_by_side_in_one_folder_no_file_costs_another_a_row(together):
    by_file = outcomes(together / "lake", "source_file")
    assert {case.name: by_file.get(case.name, NOTHING) for case in CASES} == {c.name: expected(c) for c in CASES}
    assert set(by_file) - {case.name for case in CASES} == {"folder.jsonl/x.jsonl"}
    assert by_file["folder.jsonl/x.jsonl"] == (2, {}, {}, {})


def test_what_is_no_log_is_counted_in_the_frozen_input_and_told_in_the_report(together):
    (frozen,) = (together / "lake" / "runs").glob("*/input.json")
    (source,) = orjson.loads(frozen.read_bytes())
    assert source["passed_over"] == places.PASSED_OVER
    told = (together / "passed_over.txt").read_text()
    assert told.startswith("s0: 11 files (dangling link 2, hidden 2, no regular file 2, .csv 1")
    assert "13812345678" not in told


@pytest.mark.parametrize("run", ["each", "together"])
@pytest.mark.parametrize("secret", SECRETS)
def test_no_personal_value_of_a_bad_line_stands_in_the_lake(request, run, secret):
    lake = request.getfixturevalue(run) / "lake"
    for table in TABLES:
        assert rows(lake, f"SELECT count(*) FROM {table} t WHERE contains(t::VARCHAR, '{secret}')") == [(0,)]


def test_no_personal_value_stands_in_a_kept_line_between_nulls_and_signs_either(each):
    """As in UTF-16, where each digit has a null beside it."""
    kept = [raw for (raw,) in rows(each / "lake", "SELECT raw FROM quarantine WHERE raw <> ''")]
    assert len(kept) > 100
    for secret in SECRETS:
        assert not [raw for raw in kept if secret in re.sub(r"[^0-9A-Za-z@.]", "", raw)]


def test_every_bad_line_says_where_it_stands(each):
    assert rows(each / "lake", "SELECT count(*) FROM quarantine WHERE source_file IS NULL OR reason IS NULL") == [(0,)]
    assert rows(each / "lake", "SELECT max(length(raw)), max(length(detail)) < 300 FROM quarantine") == [(500, True)]
    place = "source = (SELECT min(source) FROM quarantine WHERE source_file = 'not_objects.jsonl')"
    found = rows(each / "lake", f"SELECT source_line FROM quarantine WHERE {place} ORDER BY 1")
    assert found == [(line,) for line in range(2, 8)]


def test_the_ledger_counts_what_the_tables_hold(each):
    counted = rows(each / "lake", "SELECT fate, sum(num_rows)::INT FROM ledger WHERE step = 0 GROUP BY 1 ORDER BY 1")
    read, aside, bad = (
        rows(each / "lake", f"SELECT count(*)::INT FROM {what}")[0][0]
        for what in ("conversations", "conversations WHERE set_aside_why IS NOT NULL", "quarantine")
    )
    assert dict(counted) == {"read": read, "live": read - aside, "set_aside": aside, "quarantined": bad}


def test_one_id_with_other_content_is_kept_and_flagged(each):
    query = "SELECT source_id, count(*), count(DISTINCT conversation_id), bool_and(id_collision) FROM conversations"
    named = {f"s{n}": case.name for n, case in enumerate(CASES)}
    flagged = {
        named[source]: found
        for source, *found in rows(
            each / "lake", query.replace("SELECT", "SELECT source,") + " WHERE id_collision GROUP BY 1, 2"
        )
    }
    assert flagged == {"same_id.jsonl": ["same", 3, 3, True]}


def test_calls_without_an_answer_and_answers_without_a_call_are_kept_and_counted(each):
    source = next(f"s{n}" for n, case in enumerate(CASES) if case.name == "unpaired_calls.jsonl")
    query = (
        f"SELECT source_line, num_unpaired_calls, len(turns) FROM conversations WHERE source = '{source}' ORDER BY 1"
    )
    assert rows(each / "lake", query) == [(1, 0, 4), (2, 2, 3), (3, 0, 4)]


def test_harmful_texts_are_data_and_come_back_as_they_went_in(each):
    source = next(f"s{n}" for n, case in enumerate(CASES) if case.name == "harmful_ids.jsonl")
    found = {row[0] for row in rows(each / "lake", f"SELECT source_id FROM conversations WHERE source = '{source}'")}
    assert {
        "../../etc/passwd",
        "'; DROP TABLE conversations; --",
        "=cmd|' /C calc'!A0",
        "\u202egnp.exe",
        "a\0b",
    } <= found
    written = {path.name for path in (each / "lake").rglob("*")}
    assert all("passwd" not in name and "DROP" not in name for name in written)
