"""Sniffing says what lies at a path, shows it masked, and gives the lines of a plan that reads it."""

from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from refinery.cli import app
from refinery.errors import InputError, PlanError
from refinery.intake.reader import Limits, read
from refinery.intake.sniff import sniff, source_name
from refinery.intake.source import Source
from tests.engine.runs import rows as lake_rows
from tests.engine.runs import run
from tests.logs import conversation, write
from tests.properties.records import DOCUMENTS


def told(path: Path | str, **more: object) -> str:
    return "\n".join(sniff(str(path), **more))


def planned(said: str) -> dict:
    """The source that is proposed for a plan."""
    (source,) = yaml.safe_load(said.split("For a plan:\n")[1])["sources"]
    return source


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_format_is_named_and_the_proposed_source_reads_the_same(tmp_path, name):
    (tmp_path / "x.json").write_bytes(orjson.dumps(DOCUMENTS[name]))
    said = told(tmp_path)
    assert f"format     {name}, by the keys of its first record: " in said
    source = Source(**planned(said))
    assert (source.format, source.path) == (name, str(tmp_path))
    (file,) = source.freeze()
    auto = Source(name="s", path=str(tmp_path))
    assert list(map(str, read(source, file, Limits()))) == [
        text.replace("source='s'", f"source='{source.name}'") for text in map(str, read(auto, file, Limits()))
    ]


def test_what_came_in_is_counted(tmp_path):
    broken = [b"{", {"messages": 5}, conversation(7, messages=[{"role": "robot", "content": "x"}])]
    write(tmp_path / "b" / "two.jsonl.gz", [conversation(3), *broken])
    write(tmp_path / "a.jsonl", [conversation(i) for i in range(3)])
    said = told(tmp_path, width=400)
    assert "files      2 (.jsonl 1, .jsonl.gz 1), " in said
    assert "read       4 conversations of 2 files, 3 refused" in said
    assert "roles      user 8, assistant 8; 0 tool calls" in said
    assert "turns      4 to 4 a conversation, 4 in the middle" in said
    assert "ids        4 have an id of their own" in said
    assert "dated      4, 2026-05-01 to 2026-05-03" in said
    assert "refused    1 not_json; first at b/two.jsonl.gz, line 2: " in said
    assert "refused    1 no_messages; first at b/two.jsonl.gz, line 3: " in said
    assert "refused    1 unknown_role; first at b/two.jsonl.gz, line 4: " in said


def test_three_conversations_are_shown_and_nothing_personal_in_them(tmp_path):
    secrets = ("13812345678", "ann@example.com", "张三丰", "4111111111111111")
    call = {"id": "c", "type": "function", "function": {"name": "pay", "arguments": f'{{"card": "{secrets[3]}"}}'}}
    talk = [
        {"role": "user", "content": f"我是张三丰，电话{secrets[0]}，邮箱{secrets[1]}"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "assistant", "content": "好的，张三丰"},
    ]
    signals = [{"turn_idx": 0, "user": {"name": "张三丰", "phone": secrets[0]}}]
    record = conversation(1, conversation_id=f"talk of {secrets[1]}", messages=talk, signals=signals)
    write(tmp_path / "x.jsonl", [record, *(conversation(i) for i in range(2, 6))])
    said = told(tmp_path, width=200)
    assert said.count("turns, masked)") == 3
    assert not any(secret in said for secret in secrets)
    for shown in ("[PHONE_1]", "[EMAIL_1]", "[NAME_1]", "pay(", "  0 user", "  1 assistant"):
        assert shown in said


def test_what_is_refused_is_told_by_reason_and_shape_and_never_by_its_text(tmp_path):
    secret = "张三丰 13812345678"
    lines = [f'{{"broken": "{secret}'.encode(), {"note": secret, "13812345678": {"phone": secret}}]
    write(tmp_path / "x.jsonl", lines)
    said = told(tmp_path)
    assert "张三丰" not in said and "13812345678" not in said
    assert "No format is known for these records." in said
    assert '"note":"str"' in said and "[PHONE_1]" in said


def test_no_control_character_of_a_log_reaches_the_terminal(tmp_path):
    wild = conversation(1, conversation_id="\x1b[31m\u202eid")
    wild["messages"][0]["content"] = "\x1b]0;owned\x07 a\u202eb\u200b\nsecond line"
    write(tmp_path / "x\x1b[31m.jsonl", [wild])
    for line in sniff(str(tmp_path)):
        assert all(part.isprintable() for part in line.splitlines()), ascii(line)
    assert "owned" in told(tmp_path)


def test_lines_of_talk_fit_the_terminal_chinese_counted_double(tmp_path):
    from rich.cells import cell_len

    long = conversation(1, messages=[{"role": "user", "content": "很长" * 500}])
    write(tmp_path / "x.jsonl", [long])
    (line,) = [line for line in sniff(str(tmp_path), width=60) if "很长" in line]
    assert 58 <= cell_len(line) <= 60 and line.endswith("…")


def test_records_are_bounded_over_all_files(tmp_path):
    for name in "abcd":
        write(tmp_path / f"{name}.jsonl", [conversation(i) for i in range(50)])
    assert "read       20 conversations of 4 files, 0 refused" in told(tmp_path, records=20)


def test_bytes_are_bounded(tmp_path, monkeypatch):
    line = orjson.dumps(conversation(1)) + b"\n"
    monkeypatch.setattr("refinery.intake.sniff._BYTES", 3 * len(line))
    (tmp_path / "x.jsonl").write_bytes(line * 50)
    assert "read       3 conversations of 1 files" in told(tmp_path)
    monkeypatch.setattr("refinery.intake.sniff._LIMITS", Limits(max_document_bytes=3 * len(line)))
    (tmp_path / "x.json").write_bytes(orjson.dumps([conversation(1)] * 50))
    assert "document_too_long" in told(tmp_path / "x.json", width=300)


def test_a_folder_of_several_formats_says_so_and_leaves_the_format_to_detection(tmp_path):
    for name in ("stc3", "star"):
        (tmp_path / f"{name}.json").write_bytes(orjson.dumps(DOCUMENTS[name]))
    said = told(tmp_path)
    assert "Files of several formats (star, stc3)" in said
    assert planned(said)["format"] == "auto"


def test_files_that_a_run_would_pass_over_are_counted(tmp_path):
    write(tmp_path / "x.jsonl", [conversation(1)])
    for name in ("notes.txt", ".hidden.jsonl", "more.txt"):
        (tmp_path / name).write_text("x")
    assert "passed     over 3 files (.txt 2, hidden 1)" in told(tmp_path)


def test_conversations_in_parquet_are_no_turn_table(tmp_path):
    talk = [{"role": "user", "content": "餐到哪了？"}, {"role": "assistant", "content": "在路上"}]
    pq.write_table(pa.table({"conversation_id": ["a"], "messages": [talk]}), tmp_path / "x.parquet")
    said = told(tmp_path)
    assert "format     native, by the keys of its first record: conversation_id, messages" in said
    assert planned(said)["format"] == "native" and "餐到哪了" in said


def test_a_table_beside_logs_does_not_hide_why_the_logs_are_refused(tmp_path):
    write(tmp_path / "x.jsonl", [{"unheard": "of"}])
    (tmp_path / "x.csv").write_text("session,role,text\na,user,hi\n")
    said = told(tmp_path)
    assert "refused    1 unknown_format" in said and "over 1 file (.csv 1)" in said


def test_a_stated_format_is_used_and_an_unknown_one_names_the_known(tmp_path):
    write(tmp_path / "x.jsonl", [conversation(1)])
    assert "format     native, as stated" in told(tmp_path, form="native")
    assert "refused    1 wrong_shape" in told(tmp_path, form="star")
    with pytest.raises(PlanError, match="known: auto, native"):
        told(tmp_path, form="xml")


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "tsv", "parquet"])
def test_a_turn_table_is_shown_by_columns_and_the_proposed_source_reads_it(tmp_path, ending):
    columns = {"会话ID": ["a", "a"], "发送方": ["客户", "客服"], "内容": ["餐到哪了？", "在路上"], "门店": ["3", "3"]}
    path = tmp_path / f"turns.{ending}"
    if ending == "parquet":
        pq.write_table(pa.table(columns), path)
    else:
        cut = "\t" if ending == "tsv" else ","
        lines = [cut.join(columns), *(cut.join(cells) for cells in zip(*columns.values(), strict=True))]
        packed = pa.output_stream(path, compression="gzip" if ending.endswith("gz") else None)
        with packed as out:
            out.write("\n".join(lines).encode())
    said = told(tmp_path)
    assert "门店" in said and "metadata" in said and "餐到哪了" not in said
    proposed = planned(said)
    assert proposed["columns"] == {"conversation_id": "会话ID", "role": "发送方", "content": "内容"}
    assert run_pasted(tmp_path, said) == [("a", "user", "餐到哪了？"), ("a", "assistant", "在路上")]


def test_the_lines_for_a_plan_run_as_they_are_pasted(tmp_path):
    talk = [{"from": "客户", "value": "餐到哪了？"}, {"from": "客服", "value": "在路上"}]
    (tmp_path / "logs.jsonl").write_bytes(orjson.dumps({"id": "a", "conversations": talk}))
    pasted = run_pasted(tmp_path, told(tmp_path / "logs.jsonl"))
    assert pasted == [("a", "user", "餐到哪了？"), ("a", "assistant", "在路上")]


def run_pasted(folder: Path, said: str) -> list[tuple]:
    """Turns of a run whose plan has the lines that were proposed."""
    plan = folder / "plan.yaml"
    stages = "stages: [intake.redact, intake.identity]\n"
    plan.write_text("name: pasted\n" + stages + said.split("For a plan:\n")[1], encoding="utf-8")
    run(plan, folder / "lake")
    return lake_rows(folder / "lake", "SELECT source_id, role, content FROM turns ORDER BY turn_idx")


def test_a_table_in_gb18030_is_read_and_its_encoding_proposed(tmp_path):
    (tmp_path / "x.csv").write_bytes("会话,角色,文本\na,客户,餐到哪了？\n".encode("gb18030"))
    assert planned(told(tmp_path))["encoding"] == "gb18030"


def test_what_a_table_does_not_name_is_asked_for_and_its_values_are_not_shown(tmp_path):
    (tmp_path / "x.csv").write_text("who,role,note\n张三丰,张三丰,13812345678\n", encoding="utf-8")
    said = told(tmp_path)
    assert "No column has a name that is known for: conversation_id, content." in said
    assert "1 values of the role column are no known word" in said
    assert planned(said)["columns"] == {"conversation_id": "?", "role": "role", "content": "?"}
    assert "张三丰" not in said and "13812345678" not in said


def test_a_broken_table_says_so_without_its_text(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 secret")
    with pytest.raises(InputError, match="cannot be read as a table") as caught:
        told(tmp_path)
    assert "secret" not in str(caught.value)


def test_nothing_there_says_where_it_looked(tmp_path):
    for form in ("auto", "turns"):
        with pytest.raises(InputError, match=str(tmp_path)):
            told(tmp_path, form=form)


@pytest.mark.parametrize(
    ("path", "name"),
    [("/d/2026-05-01", "2026-05-01"), ("/d/Logs of May.jsonl.gz", "logs-of-may"), ("s3://b/k/*.json", "k")]
    + [("/d/日志.jsonl", "d"), ("/日志", "logs"), ("x.tar.gz", "x")],
)
def test_a_source_is_named_after_its_path(path, name):
    assert source_name(path) == name
    Source(name=source_name(path), path=path)


def test_the_command_prints_it_and_an_error_is_one_sentence(tmp_path):
    write(tmp_path / "x.jsonl", [conversation(1)])
    done = CliRunner().invoke(app, ["sniff", str(tmp_path), "--records", "5"])
    assert done.exit_code == 0 and "format: native" in done.stdout
    done = CliRunner().invoke(app, ["sniff", str(tmp_path / "nowhere")])
    assert done.exit_code == 1 and done.stderr.startswith("InputError: ") and "Traceback" not in done.output


def test_sniffing_writes_nothing(tmp_path):
    write(tmp_path / "x.jsonl", [conversation(1)])
    before = sorted(tmp_path.rglob("*"))
    told(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_real_sets_are_known(data):
    for place, name in {
        "star/dialogues.tar.gz": "star",
        "stc3": "stc3",
        "tau2": "tau",
        "tau_bench/gpt-4o-airline.json": "tau",
        "taskmaster4/data": "taskmaster",
    }.items():
        said = told(data / place, records=30)
        assert f"format     {name}, by the keys" in said and planned(said)["format"] == name
    assert "No format is known" in told(data / "ci_tod")
