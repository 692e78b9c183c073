"""All real sets in one command: counts that add up, duplicates that merge, rows that are traced, nothing hidden."""

import contextlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from refinery.engine.main import refine
from refinery.lake.views import TABLES, connect
from refinery.storage.store import Store
from tests.engine.runs import rows
from tests.pipelines.scanner import found, texts

pytestmark = pytest.mark.slow
PLAN = Path(__file__).resolve().parents[2] / "pipelines" / "plans" / "all_sets.yaml"
READ = {"star": 5234, "stc3-cn": 2981, "stc3-en": 1365, "tau-bench": 200, "tau2": 468, "taskmaster4": 3710}


@pytest.fixture(scope="module")
def printed() -> io.StringIO:
    """What the run prints."""
    return io.StringIO()


@pytest.fixture(scope="module")
def lake(shared: Path, tmp_path_factory: pytest.TempPathFactory, printed: io.StringIO) -> Path:
    """All sets, refined in this process."""
    home = tmp_path_factory.mktemp("sets")
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        refine(PLAN, source=str(shared), target=str(home / "lake"), limit=None, engine="local")
    return home / "lake"


@pytest.fixture(scope="module")
def said(lake: Path, printed: io.StringIO) -> str:
    """The same, when the run is over."""
    return printed.getvalue()


def test_every_record_of_every_set_is_a_row(lake):
    assert dict(rows(lake, "SELECT source, count(*) FROM conversations GROUP BY 1")) == READ
    assert rows(lake, "SELECT count(*), count(DISTINCT conversation_id) FROM conversations") == [(13958, 13958)]
    assert rows(lake, "SELECT count(*) FROM quarantine") == [(0,)]


def test_the_ledger_adds_up_for_each_set_and_stage(lake):
    lines = rows(lake, "SELECT source, step, fate, sum(num_rows) FROM ledger GROUP BY ALL")
    table = {(source, step, fate): n for source, step, fate, n in lines}
    steps = range(max(step for _, step, _ in table) + 1)
    for source, num_read in READ.items():
        live = [num_read, *(table.get((source, step, "live"), 0) for step in steps)]
        aside = [table.get((source, step, "set_aside"), 0) for step in steps]
        assert live[:-1] == [after + gone for after, gone in zip(live[1:], aside, strict=True)], source
        kept = "SELECT count(*) FROM conversations WHERE set_aside_by IS NULL AND source = '" + source + "'"
        assert rows(lake, kept) == [(live[-1],)]


def test_the_164_tau2_conversations_that_were_written_twice_merge_by_their_content(lake):
    query = """SELECT count(*) FROM conversations a JOIN conversations b ON a.dedup_kept_id = b.conversation_id
               WHERE a.set_aside_why = 'exact_duplicate' AND a.source = 'tau2' AND a.source_id = b.source_id
               AND a.source_file <> b.source_file"""
    assert rows(lake, query) == [(164,)]
    assert rows(lake, "SELECT count(*) FROM conversations WHERE source = 'tau2' AND dedup_group IS NOT NULL") == [
        (328,)
    ]


def test_stc3_falls_into_table_2_as_its_annotators_voted(lake):
    """Over all dialogues, before the gate: the figures of the data's own description."""
    query = """SELECT CASE WHEN s AND u AND q THEN 'good' WHEN s AND (NOT u OR (u AND NOT q)) THEN 'bad'
                      WHEN NOT s THEN 'unused' ELSE 'pending' END, count(*)
               FROM (SELECT outcome.solution s, outcome.satisfied u, outcome.quality q FROM conversations
                     WHERE source = 'stc3-cn') GROUP BY 1"""
    assert dict(rows(lake, query)) == {"good": 738, "bad": 116, "unused": 2017, "pending": 110}


def test_a_sample_is_traced_to_its_log_line(lake, shared):
    query = """SELECT c.source_file, c.source_line, c.source_id
               FROM samples s JOIN conversations c USING (conversation_id) WHERE s.source = 'stc3-en' LIMIT 20"""
    for file, line, source_id in rows(lake, query):
        assert json.loads((shared / "stc3" / file).read_bytes())[line - 1]["id"] == source_id


def test_instructions_drafts_and_rewards_are_nowhere_in_the_lake(lake, shared):
    with connect(Store(lake)) as con:
        query = "SELECT COLUMNS(*)::VARCHAR FROM {} WHERE source IN ('star', 'tau-bench', 'tau2')"
        tables = [t for t in TABLES if t not in ("runs", "quarantine", "models")]
        text = "\n".join(str(r) for t in tables for r in con.execute(query.format(t)).fetchall())
    with tarfile.open(shared / "star" / "dialogues.tar.gz") as archive:
        members = [m for m in archive.getmembers() if m.isfile()][:40]
        dialogues = [json.load(archive.extractfile(m)) for m in members]
    said = {e["Text"] for d in dialogues for e in d["Events"] if e["Action"] in ("utter", "pick_suggestion")}
    hidden = {e["Text"] for d in dialogues for e in d["Events"] if e["Agent"] == "UserGuide" and len(e["Text"]) > 40}
    assert [h for h in hidden - said if h in text] == []
    assert len(hidden) > 30
    tasks = json.loads((shared / "tau_bench" / "gpt-4o-airline.json").read_bytes())
    assert [t["task_id"] for t in tasks[::10] if t["info"]["task"]["instruction"] in text] == []
    for word in ("reward_info", "action_checks", "user_simulator"):
        assert word not in text


def test_no_email_card_or_valid_identity_number_is_left_in_any_file_of_the_run(lake, said):
    """Tables, work files, catalog, manifests, the frozen input and what the run printed, decoded."""
    files, left = set[str](), list[tuple[str, str]]()
    for path, text in [*texts(lake), (lake / "said", said)]:
        files.add(path.suffix or path.name)
        left += [(path.relative_to(lake).as_posix(), kind) for kind, _ in found(text)]
    assert left == []
    assert {".parquet", ".arrow", ".json", ".duckdb", "said"} <= files
