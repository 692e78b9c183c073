"""The scaled corpus: readable, seeded, no copy equal to another, nothing hidden changed."""

import io
import re
import tarfile
from pathlib import Path

import orjson
import pytest

from benchmarks import scale
from refinery.errors import InputError
from refinery.intake.reader import Bad, Limits, read
from refinery.intake.rows import Reading, row, zone_of
from refinery.intake.source import Source
from refinery.plan import load

READING = Reading(b"k" * 32)
STAR = {
    "DialogueID": 7,
    "CompletionLevel": "Complete",
    "Scenario": {"WizardCapabilities": [{"Task": "bank_balance"}]},
    "Events": [
        {"Agent": "UserGuide", "Action": "instruct", "Text": "Hidden: say 45678"},
        {"Agent": "User", "Action": "utter", "Text": "I am Ben, account 45678"},
        {"Agent": "Wizard", "Action": "request_suggestions", "Text": "Draft 9"},
        {
            "Agent": "Wizard",
            "Action": "query",
            "APIName": "bank",
            "Constraints": [{"Account": '"45678"'}, {"N": "30.5"}],
        },
        {"Agent": "KnowledgeBase", "Action": "return_item", "Item": {"Balance": 947, "Open": True}, "TotalItems": 1},
        {"Agent": "Wizard", "Action": "pick_suggestion", "Text": "It is 947", "ActionLabel": "bank_inform"},
    ],
}
STC3 = {
    "id": "s1",
    "turns": [
        {"sender": "customer", "utterances": ["", "我在北京"]},
        {"sender": "helpdesk", "utterances": ["请拨打10086"]},
    ],
    "annotations": [{"quality": {"A": 1, "S": 1, "E": 1}, "nugget": ["CNUG0", "HNUG"]}],
}
TAU = {
    "task_id": 3,
    "reward": 1.0,
    "info": {"task": {"instruction": "Hidden 345"}},
    "traj": [
        {"role": "user", "content": "Order 345"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c3", "function": {"name": "f", "arguments": '{"n": 345}'}}],
        },
        {"role": "tool", "tool_call_id": "c3", "content": '{"n": 345, "w": "\\u4f60"}'},
    ],
}
TAU2 = {"info": {}, "tasks": ["Hidden 345"], "simulations": [
    {"id": "t", "reward_info": {"reward": 1.0}, "messages": [{"role": "user", "content": "Flight 345"}]}]}  # fmt: skip
TASKMASTER = {
    "conversation_id": "d1",
    "vertical": "Coffee",
    "instructions": "Hidden 345",
    "utterances": [
        {
            "speaker": "user",
            "text": "a latte for Mark",
            "annotations": [
                {"name": "api_call", "value": "add_3", "context": "api_call_0"},
                {"name": "request", "value": '{"order": 345}', "context": "api_call_0"},
            ],
        }
    ],
}


NUM = 7
"""Conversations in `data`."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small folder of sets in the real ones' places; the second STAR dialogue has the content of the first."""
    home = tmp_path_factory.mktemp("data")
    for folder in ("star", "stc3", "tau_bench", "tau2", "taskmaster4/data"):
        (home / folder).mkdir(parents=True)
    with tarfile.open(home / "star" / "dialogues.tar.gz", "w:gz") as archive:
        for number in (7, 8):
            body = orjson.dumps(STAR | {"DialogueID": number}, option=orjson.OPT_INDENT_2)
            member = tarfile.TarInfo(f"dialogues/{number}.json")
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    for name, document in {
        "stc3/stc3_cn.masked.json": [STC3],
        "stc3/stc3_en.masked.json": [STC3],
        "tau_bench/gpt-4o-airline.json": [TAU],
        "tau2/a.json": TAU2,
        "taskmaster4/data/data_00.json": [TASKMASTER],
    }.items():
        (home / name).write_bytes(orjson.dumps(document))
    return home


@pytest.fixture(scope="module")
def corpus(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three copies."""
    target = tmp_path_factory.mktemp("corpus")
    assert scale.write(data, target, 3 * NUM).conversations == 3 * NUM
    return target


def conversations(folder: Path) -> list[dict]:
    """What the plan reads there, as rows; the copy's number under `copy`."""
    found = []
    for source in load(scale.PLAN, str(folder)).sources:
        for file in source.freeze():
            for record in read(source, file, Limits()):
                assert not isinstance(record, Bad), record
                found.append(row(record[1], record[0], READING, zone_of(READING)) | {"copy": Path(file.name).name[:4]})
    return found


def test_the_same_plan_reads_every_copy_of_every_set(data, corpus):
    original, scaled = conversations(data), conversations(corpus)
    assert len(scaled) == 3 * len(original)
    assert {r["source"] for r in scaled} == {r["source"] for r in original}
    kept = ("source", "source_id", "content_hash", "metadata", "outcome")
    assert [[r[k] for k in kept] for r in scaled if r["copy"] == "0000"] == [[r[k] for k in kept] for r in original]


def test_equal_contents_stay_equal_within_a_copy_and_no_two_copies_share_one(corpus):
    scaled = conversations(corpus)
    assert len({(r["copy"], r["content_hash"]) for r in scaled}) == len({r["content_hash"] for r in scaled}) == 3 * 5
    assert len({(r["source"], r["source_id"]) for r in scaled}) == len(scaled)
    star = [r["content_hash"] for r in scaled if r["source"] == "star"]
    assert len(star) == 6 and len(set(star)) == 3


def test_one_number_stays_one_number_in_speech_calls_and_results(corpus):
    for found in conversations(corpus):
        if found["source"] == "star":
            said, call, result, reply = (t["content"] or t["tool_calls"][0]["arguments"] for t in found["turns"])
            assert re.search(r"\d{5}", said)[0] in call
            assert str(orjson.loads(result)["Balance"]) in reply
            assert orjson.loads(result)["Open"] is True


def test_only_what_was_said_and_done_changes(corpus):
    with tarfile.open(corpus / "star" / "dialogues.tar.gz" / "0002-dialogues-000.tar.gz") as archive:
        star = orjson.loads(archive.extractfile("dialogues/7.json").read())
    assert [star["Events"][i] for i in (0, 2)] == [STAR["Events"][i] for i in (0, 2)]
    assert star["Events"][1]["Text"] != STAR["Events"][1]["Text"]
    tau = orjson.loads((corpus / "tau_bench" / "gpt-4o-airline.json" / "0002-gpt-4o-airline.json").read_bytes())[0]
    assert (tau["reward"], tau["info"]) == (TAU["reward"], TAU["info"])
    assert [m.get("tool_call_id") for m in tau["traj"]] == [None, None, "c3"]
    assert orjson.loads(tau["traj"][2]["content"])["w"] == "你"
    stc3 = orjson.loads((corpus / "stc3" / "stc3_cn.masked.json" / "0002-stc3_cn.masked.json").read_bytes())[0]
    assert stc3["annotations"] == STC3["annotations"]
    assert stc3["turns"][0]["utterances"][0] == ""
    coffee = orjson.loads((corpus / "taskmaster4" / "data" / "0002-data_00.json").read_bytes())[0]
    assert coffee["instructions"] == "Hidden 345"
    assert coffee["utterances"][0]["annotations"][0]["value"] == "add_3"


def test_the_seed_fixes_every_byte(data, corpus, tmp_path):
    scale.write(data, tmp_path / "again", 3 * NUM)
    scale.write(data, tmp_path / "other", 3 * NUM, seed=2)
    assert _bytes(tmp_path / "again") == _bytes(corpus)
    assert _bytes(tmp_path / "other") != _bytes(corpus)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("num", [1, 3, 6, 8, 11, 20])
def test_a_corpus_has_as_many_conversations_as_asked_for(data, corpus, tmp_path, monkeypatch, num):
    monkeypatch.setattr(Source, "freeze", _freeze_or_nothing)
    facts = scale.write(data, tmp_path, num)
    found, whole = conversations(tmp_path), conversations(corpus)
    assert len(found) == facts.conversations == num
    said = [(r["source"], r["source_id"], r["content_hash"]) for r in whole]
    assert all((r["source"], r["source_id"], r["content_hash"]) in said for r in found), "each as in the whole copy"
    assert facts.bytes == sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file())


def _freeze_or_nothing(source, freeze=Source.freeze):
    """A few conversations leave some sets empty, which a plan would refuse."""
    try:
        return freeze(source)
    except InputError:
        return []


def test_a_share_is_spread_evenly():
    kept = [number for number in range(10) if number in scale.Share(4, 10)]
    assert kept == [2, 4, 7, 9]
    for wanted in (0, 1, 9_999, 13_958):
        assert sum(number in scale.Share(wanted, 13_958) for number in range(13_958)) == wanted


def test_archives_are_cut_by_their_unpacked_size(data, tmp_path):
    scale.write(data, tmp_path, NUM, pack_bytes=100)
    assert len(list((tmp_path / "star" / "dialogues.tar.gz").iterdir())) == 2


@pytest.mark.parametrize("copy", range(1, 20))
def test_phones_years_and_numbers_keep_their_shape(copy):
    vary = scale.Variation(copy, 1)
    assert re.fullmatch(r"1[3-9]\d{9}", vary.text("13812345678"))
    assert vary.text("2020-12-01") == "2020-12-01"
    assert vary.value([True, None, 0.5, 1e30])[:2] == [True, None]
    assert "北京" not in vary.text("北京") or vary.text("北京") == "北京"


def test_absent_sets_end_with_one_sentence(tmp_path):
    with pytest.raises(SystemExit, match="real sets are not at"):
        scale.cached(tmp_path / "nowhere", 2)
    with pytest.raises(SystemExit, match="are not whole: source 'star'"):
        scale.cached(tmp_path, 2)


def test_a_corpus_is_made_once(data, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, facts = scale.cached(data, 2)
    stamp = first.stat().st_mtime_ns
    assert scale.cached(data, 2) == (first, facts)
    assert scale.cached(data, 3)[0] != first
    assert first.stat().st_mtime_ns == stamp
    assert len(list(tmp_path.iterdir())) == 2, "nothing unfinished is left behind"
