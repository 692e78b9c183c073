"""JSONL for TRL: what stands in it, and that a folder is written whole or not at all."""

import json

import duckdb
import pyarrow as pa
import pytest

from refinery.errors import LakeError
from refinery.export import trl
from refinery.export.trl import export
from refinery.records.training import SAMPLE

PROMPT = [{"role": "system", "content": "# 角色\n客服🙂"}, {"role": "user", "content": 'a\u2028"b"'}]
ANSWER = '{"reply":"好","tool_calls":[]}'
VIEW = pa.schema([*SAMPLE, *(pa.field(n, pa.string()) for n in ("conversation_id", "source_id", "scenario", "run_id"))])


def sample(number, kind="sft", split="train", **columns):
    row = {
        "sample_id": f"{number:032x}",
        "kind": kind,
        "split": split,
        "prompt": PROMPT,
        "conversation_id": f"c{number}",
    }
    row |= {"ground_truth": ANSWER, "history": ["您好"], "policies": ["refund"], "solution_type": "reply_only"}
    row |= {"completion": [{"role": "assistant", "content": ANSWER}] if kind == "sft" else None}
    return row | columns


def lake(*samples):
    con = duckdb.connect()
    con.register("samples", pa.Table.from_pylist(list(samples), schema=VIEW))
    return con


def read(path):
    return [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]


def test_an_sft_row_is_the_prompt_and_its_completion_as_messages(tmp_path):
    export(lake(sample(1)), tmp_path / "out")
    assert read(tmp_path / "out/sft/train.jsonl") == [
        {"sample_id": f"{1:032x}", "messages": [*PROMPT, {"role": "assistant", "content": ANSWER}]}
    ]


def test_tools_stand_only_on_rows_that_have_them(tmp_path):
    export(lake(sample(1), sample(2, tools='[{"type":"function"}]')), tmp_path / "out")
    bare, tooled = read(tmp_path / "out/sft/train.jsonl")
    assert "tools" not in bare
    assert tooled["tools"] == '[{"type":"function"}]'


def test_an_rl_row_is_a_prompt_and_the_columns_a_reward_needs(tmp_path):
    export(lake(sample(1, "rl")), tmp_path / "out")
    assert read(tmp_path / "out/rl/train.jsonl") == [
        {
            "sample_id": f"{1:032x}",
            "conversation_id": "c1",
            "policies": ["refund"],
            "solution_type": "reply_only",
            "ground_truth": ANSWER,
            "history": ["您好"],
            "prompt": PROMPT,
        }
    ]


def test_counts_are_those_of_the_files_and_a_file_without_rows_is_not_written(tmp_path):
    rows = [sample(1), sample(2), sample(3, split="validation"), sample(4, "rl")]
    counts = export(lake(*rows), tmp_path / "out")
    assert counts == {"sft/train": 2, "sft/validation": 1, "rl/train": 1, "rl/validation": 0}
    files = {
        p.relative_to(tmp_path / "out").with_suffix("").as_posix(): len(read(p)) for p in tmp_path.rglob("*.jsonl")
    }
    assert files == {name: count for name, count in counts.items() if count}


def test_rows_keep_the_order_of_the_view_over_many_batches(tmp_path):
    export(lake(*(sample(n) for n in range(3 * trl.BATCH_ROWS + 1))), tmp_path / "out")
    ids = [int(row["sample_id"], 16) for row in read(tmp_path / "out/sft/train.jsonl")]
    assert ids == list(range(3 * trl.BATCH_ROWS + 1))


def test_the_same_samples_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        export(lake(sample(1), sample(2)), tmp_path / name)
    assert (tmp_path / "a/sft/train.jsonl").read_bytes() == (tmp_path / "b/sft/train.jsonl").read_bytes()


def test_a_folder_that_holds_anything_is_refused_and_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("keep")
    with pytest.raises(LakeError, match="out is not an empty folder: export to a new one"):
        export(lake(sample(1)), tmp_path / "out")
    assert [p.name for p in tmp_path.rglob("*.*")] == ["mine.txt"]


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "out").write_text("keep")
    with pytest.raises(LakeError, match="not an empty folder"):
        export(lake(sample(1)), tmp_path / "out")


def test_an_empty_folder_is_taken_and_a_missing_parent_made(tmp_path):
    (tmp_path / "out").mkdir()
    export(lake(sample(1)), tmp_path / "out")
    export(lake(sample(1)), tmp_path / "deep/er/out")
    assert (tmp_path / "out/sft/train.jsonl").exists() and (tmp_path / "deep/er/out/sft/train.jsonl").exists()


def test_an_export_that_fails_midway_leaves_nothing(tmp_path, monkeypatch):
    def fail(row):
        if row["sample_id"].endswith("3"):
            raise OSError("disk full")
        return row

    monkeypatch.setattr(trl, "_form", fail)
    with pytest.raises(OSError, match="disk full"):
        export(lake(sample(1), sample(3)), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_lake_without_samples_says_what_to_do(tmp_path):
    with pytest.raises(LakeError, match="no view `samples`: publish a run"):
        export(duckdb.connect(), tmp_path / "out")
    with pytest.raises(LakeError, match="view `samples` is empty: nothing to export"):
        export(lake(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("row", [sample(1, "dpo"), sample(1, split="../../etc"), sample(1, split=None)])
def test_a_kind_or_split_without_a_form_is_refused_and_never_left_out_silently(tmp_path, row):
    with pytest.raises(LakeError, match=r"have no form for TRL; known: .*sft/train"):
        export(lake(sample(2), row), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
