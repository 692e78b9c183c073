"""The golden walk: what each stop adds to three conversations and a copy, and that a run publishes the same."""

import difflib

import pytest

from refinery.engine.local import LocalExecutor
from refinery.engine.run import Run
from refinery.lake.views import connect
from refinery.storage.store import Store
from tests.walk.show import GOLDEN, KEY, LOG, plan, shown, stops

ACCEPT = "read the change, then `make walk-accept` takes it"
PERSONAL = ("13812345678", "138-1234-5678", "李娜", "Dana Reed", "dana.reed@example.com")


@pytest.fixture(scope="module")
def walks():
    return shown()


@pytest.fixture(scope="module")
def ends():
    """Each conversation's row after the last stop."""
    *_, (_, rows) = stops(plan())
    return {row["source_id"]: row for row in rows.to_pylist()}


@pytest.mark.parametrize("name", ["good", "copy", "bad", "short"])
def test_the_walk_is_the_golden_one(walks, name):
    golden = (GOLDEN / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    diff = "\n".join(difflib.unified_diff(golden, walks[name].splitlines(), f"golden/{name}.yaml", "now", lineterm=""))
    assert not diff, f"{diff}\n{ACCEPT}"


def test_every_conversation_of_the_log_has_a_golden_walk(walks):
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == walks.keys()
    assert len(LOG.read_bytes().splitlines()) == len(walks)


def test_the_good_one_gives_sft_rows_for_each_turn_of_the_agent(ends):
    row = ends["good"]
    agent = [turn["turn_idx"] for turn in row["turns"] if turn["role"] == "assistant"]
    assert (row["usage"], row["findings"]) == ("good", [])
    assert [(sample["kind"], sample["turn_idx"]) for sample in row["samples"]] == [("sft", idx) for idx in agent]


def test_the_bad_one_gives_an_rl_prompt_of_the_turn_with_the_gravest_finding(ends):
    row = ends["bad"]
    (sample,) = row["samples"]
    gravest = row["findings"][0]
    assert (row["usage"], gravest["item"]) == ("bad", "SOL.irreversible_without_precondition")
    assert (sample["kind"], sample["turn_idx"]) == ("rl", gravest["turn_idx"])
    assert gravest["rule_id"] in sample["rule_hits"]


def test_the_others_say_who_set_them_aside_and_why_and_a_copy_which_one_was_kept(ends):
    fates = {name: (ends[name]["set_aside_by"], ends[name]["set_aside_why"]) for name in ends}
    assert fates["short"] == ("quality.gate", "too_few_turns")
    assert fates["copy"] == ("dedup.exact", "exact_duplicate")
    assert fates["good"] == fates["bad"] == (None, None)
    assert ends["copy"]["dedup_kept_id"] == ends["good"]["conversation_id"]


def test_no_stop_after_redact_holds_personal_data():
    (_, parsed), *later = stops(plan())
    assert all(words in str(parsed.to_pylist()) for words in PERSONAL)
    for stop, rows in later:
        assert not [words for words in PERSONAL if words in str(rows.to_pylist())], stop


def test_a_run_publishes_what_the_walk_shows(tmp_path, ends):
    Run(plan(), Store(tmp_path / "lake"), KEY, LocalExecutor(), lambda *_: None)()
    with connect(Store(tmp_path / "lake")) as con:
        rows = con.sql("SELECT * EXCLUDE (run_id) FROM conversations").to_arrow_table().to_pylist()
        samples = con.sql("SELECT sample_id, kind, prompt FROM samples").to_arrow_table().to_pylist()
    assert {row["source_id"]: row for row in rows} == {
        name: {k: v for k, v in row.items() if k != "samples"} for name, row in ends.items()
    }
    walked = [{k: one[k] for k in samples[0]} for row in ends.values() for one in row["samples"] or ()]
    assert sorted(samples, key=str) == sorted(walked, key=str)
