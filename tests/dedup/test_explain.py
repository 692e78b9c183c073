"""`refinery dedup explain`: the group, the kept one, what differs and why it won; nothing a terminal would obey."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from refinery.cli import app
from refinery.dedup.explain import explain, weakest
from refinery.dedup.explain_shown import plain
from refinery.errors import LakeError
from refinery.lake.views import connect
from refinery.storage.store import Store
from tests.logs import plan, write

STAGES = (
    "intake.redact",
    "quality.heuristics",
    "intake.identity",
    "dedup.exact",
    "dedup.near: {template_contexts: null}",
    "inspection.policies: {path: RULES/policies.yaml}",
    "dedup.semantic: {embedder: null, threshold: 0.9, min_threshold: 0.8, template_contexts: null}",
    "routing.srt",
)
ZH = (
    "我的餐到现在还没有送到，骑手的电话也打不通，麻烦您帮我看一下吧",
    "非常抱歉，我马上为您催促骑手，请您再耐心等待一会儿",
)
EN = (
    "My meal has not come yet and the rider does not answer the phone, please look where it is",
    "I am sorry for that, I am calling the rider right now, please wait a little while for it",
)


def record(name: str, day: int, *texts: str) -> dict[str, Any]:
    messages = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]
    return {"conversation_id": name, "created_at": f"2026-05-{day:02d}T08:00:00Z", "messages": messages}


RECORDS = [
    record("zh-old", 1, *ZH),
    record("zh-equal", 1, *ZH),
    record("zh-new", 2, ZH[0], f"{ZH[1]}哦"),
    record("en-old", 1, *EN),
    record("en-new", 2, EN[0], EN[1].replace("a little while", "a short while")),
    record("en-reworded", 3, " ".join(EN[0].split()[::-1]), " ".join(EN[1].split()[::-1])),
    record("order-1", 1, f"{EN[1]} 88123, what about that?", EN[0][:20]),
    record("order-2", 1, f"{EN[1]} 99321, what about that?", EN[0][:20]),
    record(
        "wild",
        1,
        "Where is my \x1b[31mmeal\x07, it should have been here \u202elong ago?\nI wait.",
        "Soon [bold]it[/].",
    ),
    record(
        "wild-2",
        1,
        "Where is my \x1b[31mmeal\x07, it should have been here \u202elong ago?\nI wait!",
        "Soon [bold]it[/].",
    ),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lake with exact, near and semantic duplicates."""
    home = tmp_path_factory.mktemp("explain")
    rules = str(Path(__file__).resolve().parents[2] / "rules")
    path = plan(home, write(home / "logs" / "a.jsonl", RECORDS), [s.replace("RULES", rules) for s in STAGES])
    done = CliRunner().invoke(app, ["run", str(path), "--target", str(home / "lake"), "--engine", "local"])
    assert done.exit_code == 0, done.output
    return str(home / "lake")


@pytest.fixture
def con(lake):
    with connect(Store(lake)) as found:
        yield found


def name(con: duckdb.DuckDBPyConnection, one: str) -> str:
    return str(con.execute("SELECT source_id FROM conversations WHERE conversation_id = ?", [one]).fetchall()[0][0])


def shown(lake: str, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["dedup", "explain", *arguments, "--lake", lake])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_group_holds_exact_and_near_duplicates_and_names_the_kept_one(con):
    found = explain(con, "zh-old")
    assert name(con, found.kept.conversation_id) == "zh-new"
    assert found.num_members == 3
    assert {name(con, pair.other.conversation_id) for pair in found.pairs} == {"zh-old", "zh-equal"}
    assert {pair.other.by for pair in found.pairs} == {"dedup.near", "dedup.exact"}


def test_it_is_the_same_group_whichever_member_is_named_by_whichever_id(con):
    groups = [explain(con, one) for one in ("zh-old", "zh-equal", "zh-new")]
    assert len({found.kept for found in groups}) == 1
    assert len({frozenset(pair.other for pair in found.pairs) for found in groups}) == 1
    assert explain(con, groups[0].asked.conversation_id) == groups[0]


def test_one_that_a_later_stage_set_aside_leads_to_the_one_kept_in_the_end(con):
    found = explain(con, "en-old")
    assert name(con, found.kept.conversation_id) == "en-reworded"
    by = {name(con, pair.other.conversation_id): (pair.other.by, name(con, pair.kept.conversation_id))
          for pair in found.pairs}  # fmt: skip
    assert by == {"en-old": ("dedup.near", "en-new"), "en-new": ("dedup.semantic", "en-reworded")}


def test_it_says_why_the_kept_one_won(con):
    assert {pair.why for pair in explain(con, "en-new").pairs} == {
        "more recent: 2026-05-02 08:00:00+00:00 against 2026-05-01 08:00:00+00:00",
        "more recent: 2026-05-03 08:00:00+00:00 against 2026-05-02 08:00:00+00:00",
    }
    exact = next(pair for pair in explain(con, "zh-old").pairs if pair.other.by == "dedup.exact")
    assert exact.why == "no later than the other, and of the smaller id"
    assert exact.kept.conversation_id < exact.other.conversation_id


def test_what_differs_is_marked_side_by_side_and_what_is_equal_is_counted(lake):
    text = shown(lake, "en-old")
    assert "{+little+}" in text
    assert "[-short-]" in text
    assert "… 1 equal turn" in text
    assert "{+哦+}" not in text


def test_chinese_is_compared_character_by_character(lake):
    assert "[-哦-]" in shown(lake, "zh-old")


def test_conversations_kept_apart_by_what_they_state_say_so(lake):
    assert "states other numbers, arguments, orders or outcomes, so both are kept" in shown(lake, "order-1")


def test_the_least_alike_pairs_of_each_stage_come_first(con, lake):
    pairs = weakest(con, 5)
    by = [pair.other.by for pair in pairs]
    assert by == sorted(by)
    assert set(by) == {"dedup.near", "dedup.semantic"}
    near = [pair.other.similarity for pair in pairs if pair.other.by == "dedup.near"]
    assert len(near) > 1
    assert near == sorted(near)
    assert len(weakest(con, 1)) == 2
    assert f"similarity {near[0]:.3f}" in shown(lake, "--weakest", "1")


def test_nothing_that_a_terminal_would_obey_is_shown_and_markup_is_text(lake):
    text = shown(lake, "wild") + shown(lake, "--weakest", "10")
    assert not [c for c in text if not c.isprintable() and c != "\n"]
    assert "·[31" in text or "·[[-31" in text
    assert "[bold]it[/]" in shown(lake, "wild") or "equal turn" in text


def test_control_characters_and_marks_of_direction_become_dots():
    assert plain("a\x1b[2J\x07\u202e\u200b\tb\nc") == "a·[2J····b⏎c"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody",), "holds no conversation of that id"),
        ((), "name a conversation, or --weakest N"),
        (("zh-old", "--weakest", "3"), "name a conversation, or --weakest N"),
    ],
)
def test_what_cannot_be_explained_is_one_sentence(lake, arguments, said):
    done = CliRunner().invoke(app, ["dedup", "explain", *arguments, "--lake", lake])
    assert done.exit_code == 1
    assert said in done.output
    assert "Traceback" not in done.output


def memory(columns: str, *rows: str) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(f"CREATE TABLE conversations ({columns})")
    for row in rows:
        con.execute(f"INSERT INTO conversations VALUES ({row})")
    return con


BASE = "conversation_id TEXT, source TEXT, source_id TEXT, source_file TEXT, source_line BIGINT, created_at TIMESTAMPTZ"
TURNS = "set_aside_by TEXT, turns STRUCT(role TEXT, content TEXT, tool_calls STRUCT(name TEXT, arguments TEXT)[])[]"


def test_a_lake_of_a_plan_that_looks_for_no_duplicates_says_so():
    with pytest.raises(LakeError, match=r"no stage of this lake looks for duplicates \(dedup.exact"):
        explain(memory(f"{BASE}, {TURNS}"), "x")


def test_a_lake_with_exact_duplicates_only_is_explained_and_has_no_weakest():
    row = "'{0}', 's', NULL, 'f', 1, NULL, 'a', {1}, NULL"
    con = memory(f"{BASE}, dedup_kept_id TEXT, {TURNS}", row.format("a", "NULL"), row.format("b", "'dedup.exact'"))
    found = explain(con, "a")
    assert [(pair.other.conversation_id, pair.other.similarity) for pair in found.pairs] == [("b", None)]
    with pytest.raises(LakeError, match="no stage of this lake measures"):
        weakest(con, 3)


def test_one_log_id_of_several_conversations_is_asked_back():
    row = "'{}', 's', 'same', 'f', 1, NULL, NULL, NULL, NULL"
    con = memory(f"{BASE}, dedup_kept_id TEXT, {TURNS}", row.format("a"), row.format("b"))
    with pytest.raises(LakeError, match="several conversations have that id in their logs: a, b"):
        explain(con, "same")


def test_a_large_group_shows_the_least_alike_and_counts_the_rest():
    head = "'{0}', 's', NULL, 'f', 1, NULL, 'k', {1}, 'dedup.near', NULL"
    rows = [head.format(f"m{i:02d}", 0.8 + i / 100) for i in range(15)]
    con = memory(f"{BASE}, dedup_kept_id TEXT, dedup_similarity DOUBLE, {TURNS}", head.format("k", 1.0), *rows)
    found = explain(con, "k")
    assert found.num_members == 16
    assert [pair.other.conversation_id for pair in found.pairs] == [f"m{i:02d}" for i in range(10)]


def test_kept_ones_that_go_round_in_a_circle_end_in_an_error():
    row = "'{0}', 's', NULL, 'f', 1, NULL, '{1}', NULL, NULL"
    con = memory(f"{BASE}, dedup_kept_id TEXT, {TURNS}", row.format("a", "b"), row.format("b", "a"))
    with pytest.raises(LakeError, match="and so on without end"):
        explain(con, "a")
