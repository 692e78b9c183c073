"""Flat turn tables: a conversation's rows in several files come together, sealed on the way, bad rows beside them."""

import csv
import gzip
import io
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from refinery.errors import PlanError, StorageError
from refinery.plan import load
from refinery.storage.sealed import Seal
from tests.engine.runs import DyingExecutor, Killed, published_bytes, rows, run, table_hashes

HEADER = ("session", "n", "speaker", "text", "at", "desk", "shift")
COLUMNS = "{conversation_id: session, role: speaker, content: text, turn_idx: n, created_at: at}"
PLAN = """
name: tables
sources: [{{name: desk, path: {path}, format: turns, columns: {columns}, {more}
  roles: {{customer: user, 客户: user, desk: assistant, 客服: assistant}}}}]
shards: {{rows: 5, input_bytes: {input_bytes}, reducer_rows: 50}}
stages: [intake.redact, quality.heuristics, quality.gate, intake.identity, dedup.exact, routing.srt]
"""
PHONE = "13812345678"
TURNS = "SELECT source_id, turn_idx, role, content FROM turns ORDER BY 1, 2"


def turns(number: int) -> list[tuple[Any, ...]]:
    """One conversation of four turns; odd ones are Chinese."""
    who = ("客户", "客服") if number % 2 else ("customer", "desk")
    said = (
        (f"我的电话{PHONE},\n订单“{number}”到哪了", "正在查询")
        if number % 2
        else (f'call {PHONE}, "order" {number}', "on it")
    )
    rows = [(who[i % 2], said[i % 2] + f" {i}") for i in range(4)]
    return [(f"s{number}", i, *row, f"2026-05-01T08:0{i}:00+08:00", "d1", "") for i, row in enumerate(rows)]


def as_csv(rows: list[tuple[Any, ...]], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([HEADER, *rows])
    return text.getvalue().encode(encoding)


def write(folder: Path, name: str, rows: list[tuple[Any, ...]]) -> None:
    """One file in the form its name says."""
    folder.mkdir(exist_ok=True)
    if name.endswith(".parquet"):
        table = pa.table({h: list(c) for h, c in zip(HEADER, zip(*rows, strict=True), strict=True)})
        pq.write_table(table, folder / name, row_group_size=20)
        return
    data = as_csv(rows, delimiter="\t" if ".tsv" in name else ",")
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def plan(folder: Path, logs: Path, columns: str = COLUMNS, more: str = "", input_bytes: int = 20_000) -> Path:
    path = folder / "plan.yaml"
    path.write_text(PLAN.format(path=logs, columns=columns, more=more, input_bytes=input_bytes), encoding="utf-8")
    return path


def scatter(folder: Path, seed: int, num: int = 30) -> Path:
    """The turns of `num` conversations dealt out to files of four forms."""
    names = ("a.csv", "b.csv.gz", "c.tsv", "d.parquet")
    dealt = {name: list[tuple[Any, ...]]() for name in names}
    random.seed(seed)
    for row in (row for i in range(num) for row in turns(i)):
        dealt[random.choice(names)].append(row)
    for name, held in dealt.items():
        random.shuffle(held)
        write(folder, name, held)
    return folder


@pytest.mark.parametrize("seed", range(4))
def test_a_conversation_is_whole_however_its_turns_are_dealt_out_to_files(tmp_path, seed):
    run(plan(tmp_path, scatter(tmp_path / "logs", seed)), tmp_path / "lake")
    expected = [
        (
            row[0],
            row[1],
            {"客户": "user", "customer": "user"}.get(row[2], "assistant"),
            row[3].replace(PHONE, "[PHONE_1]"),
        )
        for i in range(30)
        for row in turns(i)
    ]
    assert rows(tmp_path / "lake", TURNS) == sorted(expected)
    facts = "SELECT DISTINCT created_at::VARCHAR, event_date, metadata FROM conversations"
    [(created, day, metadata)] = rows(tmp_path / "lake", facts)
    assert (created, day, metadata) == ("2026-05-01 00:00:00+00", "2026-05-01", '{"columns":{"desk":"d1"}}')


def test_one_big_file_and_many_small_ones_give_equal_conversations(tmp_path):
    one, query = tmp_path / "one", "SELECT conversation_id, content_hash, turns FROM conversations ORDER BY 1"
    write(one, "all.parquet", [row for i in range(30) for row in turns(i)])
    run(plan(tmp_path, one), tmp_path / "lake one")
    run(plan(tmp_path, scatter(tmp_path / "logs", 1)), tmp_path / "lake many")
    run(plan(tmp_path, one, input_bytes=10**9), tmp_path / "lake uncut")
    assert (
        rows(tmp_path / "lake one", query)
        == rows(tmp_path / "lake many", query)
        == rows(tmp_path / "lake uncut", query)
    )


@pytest.mark.parametrize("lives", [0, 1, 3, 8, 15])
def test_killed_anywhere_and_started_again_it_publishes_the_same_bytes(tmp_path, lives):
    path = plan(tmp_path, scatter(tmp_path / "logs", 0))
    run(path, tmp_path / "calm")
    with pytest.raises(Killed):
        run(path, tmp_path / "lake", DyingExecutor(lives))
    assert run(path, tmp_path / "lake").published
    assert table_hashes(tmp_path / "lake") == table_hashes(tmp_path / "calm")
    assert published_bytes(tmp_path / "lake") == published_bytes(tmp_path / "calm")


def test_no_file_that_a_run_writes_holds_a_text_that_is_not_masked(tmp_path):
    run(plan(tmp_path, scatter(tmp_path / "logs", 0)), tmp_path / "lake")
    pieces = list((tmp_path / "lake").rglob("turns-*.arrow"))
    assert len(pieces) > 1
    sealed = [one for piece in pieces for one in pa.ipc.open_file(piece).read_all()["sealed"].drop_null().to_pylist()]
    assert not any(text in one for one in sealed for text in (PHONE.encode(), b"conversation_id", "正在查询".encode()))
    with pytest.raises(StorageError, match="another key"):
        Seal(b"another key, as long").open(sealed[0])


def test_each_bad_row_costs_itself_or_its_conversation_and_says_why(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    good = [row for i in range(4) for row in turns(i)]
    unknown = [("u", 0, "robot", "hi", "", "", ""), ("u", 1, "desk", "hello", "", "", "")]
    twice = [("t", 0, "desk", "one", "", "", ""), ("t", 0, "desk", "two", "", "", "")]
    timeless = [("w", 0, "desk", "one", "yesterday", "", ""), ("n", "x", "desk", "two", "", "", "")]
    data = as_csv([*good[:3], ("", 0, "desk", "nobody's", "", "", ""), *good[3:], *unknown, *twice, *timeless])
    (logs / "a.csv").write_bytes(
        data + b"s9,0\n" + b"s8,0,desk,\xff\xfe,,,\n\n" + as_csv(good[:1]).splitlines()[-1] + b"\n"
    )
    (logs / "b.csv").write_bytes(b"session,n,speaker,at\ns1,9,desk,\n")
    (logs / "c.csv").write_bytes(as_csv(turns(7)) + b's10,0,desk,"never closed\n' + b"x,y\n" * 9)
    (logs / "d.parquet").write_bytes(b"PAR1 no, it is not PAR1")
    (logs / "e.csv").write_bytes(b"")
    run(plan(tmp_path, logs), tmp_path / "lake")
    bad = rows(tmp_path / "lake", "SELECT source_file, source_line, reason, source_id FROM quarantine ORDER BY 1, 3, 2")
    assert bad == [
        ("a.csv", 22, "bad_time", "w"),
        ("a.csv", 4, "no_conversation_id", None),
        ("a.csv", 20, "turn_twice", "t"),
        ("a.csv", 18, "unknown_role", "u"),
        ("a.csv", 24, "wrong_columns", None),
        ("a.csv", 25, "wrong_encoding", None),
        ("a.csv", 23, "wrong_type", "n"),
        ("b.csv", None, "wrong_columns", None),
        ("c.csv", 5, "wrong_columns", None),
        ("d.parquet", None, "corrupt_file", None),
        ("e.csv", None, "wrong_columns", None),
    ]
    live = rows(tmp_path / "lake", "SELECT source_id, len(turns) FROM conversations ORDER BY 1")
    assert live == [("s0", 4), ("s1", 4), ("s2", 4), ("s3", 4), ("s7", 4)]
    assert rows(tmp_path / "lake", "SELECT sum(num_rows) FROM ledger WHERE fate = 'quarantined'") == [(len(bad),)]


def test_a_row_that_two_exports_hold_counts_once_and_is_said_to_have_come_again(tmp_path):
    write(tmp_path / "logs", "a.csv", turns(1))
    write(tmp_path / "logs", "b.csv", turns(1)[2:])
    run(plan(tmp_path, tmp_path / "logs"), tmp_path / "lake")
    [(num, metadata)] = rows(tmp_path / "lake", "SELECT len(turns), metadata FROM conversations")
    assert (num, metadata) == (4, '{"columns":{"desk":"d1"},"repeated_rows":2}')


def test_turns_without_numbers_go_by_their_times_and_without_times_as_they_stand(tmp_path):
    held = turns(2)
    write(tmp_path / "logs", "a.csv", [held[3], held[0]])
    write(tmp_path / "logs", "b.csv", [held[2], held[1]])
    timed = "{conversation_id: session, role: speaker, content: text, created_at: at}"
    run(plan(tmp_path, tmp_path / "logs", timed), tmp_path / "timed")
    assert [row[3][-1] for row in rows(tmp_path / "timed", TURNS)] == ["0", "1", "2", "3"]
    run(
        plan(tmp_path, tmp_path / "logs", "{conversation_id: session, role: speaker, content: text}"),
        tmp_path / "plain",
    )
    assert [row[3][-1] for row in rows(tmp_path / "plain", TURNS)] == ["3", "0", "2", "1"]


def test_a_table_in_gb18030_is_read_where_the_plan_says_so(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.csv").write_bytes(as_csv(turns(1), "gb18030"))
    run(plan(tmp_path, tmp_path / "logs", more="encoding: gb18030,"), tmp_path / "lake")
    assert rows(tmp_path / "lake", TURNS)[1][3] == "正在查询 1"


def test_tool_calls_in_a_json_column_become_calls(tmp_path):
    (tmp_path / "logs").mkdir()
    call = '[{""id"":""c1"",""function"":{""name"":""order.track"",""arguments"":""{}""}}]'
    text = f'id,who,said,calls,answers\n1,user,hi,,\n1,assistant,,"{call}",\n1,tool,ok,,c1\n1,assistant,done,,\n'
    (tmp_path / "logs" / "a.csv").write_text(text)
    columns = "{conversation_id: id, role: who, content: said, tool_calls: calls, tool_call_id: answers}"
    run(plan(tmp_path, tmp_path / "logs", columns), tmp_path / "lake")
    found = rows(tmp_path / "lake", "SELECT tool_calls[1].name, tool_call_id FROM turns ORDER BY turn_idx")
    assert found == [(None, None), ("order.track", None), (None, "c1"), (None, None)]


def test_a_trial_takes_whole_conversations_of_the_first_files(tmp_path):
    write(tmp_path / "logs", "a.csv", [row for i in range(9) for row in turns(i)])
    path = plan(tmp_path, tmp_path / "logs")
    path.write_text(path.read_text() + "limit: 3\n")
    run(path, tmp_path / "lake")
    live = rows(tmp_path / "lake", "SELECT source_id, len(turns) FROM conversations ORDER BY 1")
    assert live == [("s0", 4), ("s1", 4), ("s2", 4)]


@pytest.mark.parametrize(
    ("columns", "more", "said"),
    [
        ("{role: speaker}", "", r"\['content', 'conversation_id'\] are not mapped"),
        (COLUMNS[:-1] + ", mood: desk}", "", r"\['mood'\] are not known; known: conversation_id"),
        (COLUMNS[:-1] + ", scenario: at}", "", "mapped twice"),
        (COLUMNS, "encoding: klingon,", "unknown encoding 'klingon'"),
    ],
)
def test_a_plan_with_a_wrong_mapping_is_refused_before_anything_runs(tmp_path, columns, more, said):
    with pytest.raises(PlanError, match=said):
        load(plan(tmp_path, tmp_path, columns, more))


def test_an_id_on_ever_so_many_rows_is_set_aside_as_too_long_beside_good_conversations(tmp_path):
    endless = [("-", i, "desk", f"hello {i}", "", "", "") for i in range(5_000)]
    for part in range(5):
        write(tmp_path / "logs", f"{part}.csv", [*turns(part), *endless[part::5]])
    run(plan(tmp_path, tmp_path / "logs", input_bytes=30_000), tmp_path / "lake")
    found = rows(tmp_path / "lake", "SELECT source_id, set_aside_why = 'too_long' FROM conversations ORDER BY 1")
    assert found == [("-", True), *((f"s{i}", False) for i in range(5))]


def test_values_of_every_parquet_type_are_read_and_text_that_is_no_text_costs_its_row(tmp_path):
    (tmp_path / "logs").mkdir()
    said = pa.array([b"hi", b"\xff\xfe", "好".encode(), b"on it"], pa.binary()).view(pa.string())
    at = pa.array([1_777_600_000_000_000 + i for i in range(4)], pa.timestamp("us", "UTC"))
    columns = {
        "id": pa.array([7, 7, 8, 8], pa.int64()),
        "who": pa.array(["user", "user", "user", "assistant"]).dictionary_encode(),
        "said": said,
        "at": at,
        "map": pa.array([[("k", 1)]] * 4, pa.map_(pa.string(), pa.int32())),
        "parts": pa.array([{"x": [1, None]}] * 4),
        "blob": pa.array([b"\x00\xff"] * 4),
        "price": pa.array([1.5] * 4, pa.float32()),
        "gap": pa.array([60] * 4, pa.duration("s")),
        "none": pa.nulls(4),
    }
    pq.write_table(pa.table(columns), tmp_path / "logs" / "a.parquet")
    mapped = "{conversation_id: id, role: who, content: said, created_at: at}"
    run(plan(tmp_path, tmp_path / "logs", mapped), tmp_path / "lake")
    assert rows(tmp_path / "lake", TURNS) == [
        ("7", 0, "user", "hi"),
        ("8", 0, "user", "好"),
        ("8", 1, "assistant", "on it"),
    ]
    assert rows(tmp_path / "lake", "SELECT source_line, reason FROM quarantine") == [(2, "wrong_encoding")]
    [(metadata,)] = rows(tmp_path / "lake", "SELECT DISTINCT metadata FROM conversations")
    assert '"price":"1.5"' in metadata
