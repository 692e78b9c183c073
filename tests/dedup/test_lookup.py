"""`refinery dedup lookup`: what is published that a conversation repeats, as datasketch and a run would say."""

import orjson
import pytest
from typer.testing import CliRunner

from refinery.cli import app
from refinery.dedup.near import NearDuplicates
from refinery.engine.key import deployment_key
from refinery.engine.nights import Index
from refinery.lake.compaction import compact
from refinery.storage.store import Store
from tests.dedup import nights, oracle
from tests.dedup.nights import about, record, refine, rows, simulated, write
from tests.dedup.talks import seeded, table, talk, typos

datasketch = pytest.importorskip("datasketch")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A lake of four nights, and what they brought."""
    home, data = tmp_path_factory.mktemp("lookup"), simulated(4, fresh=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nights, "KEY", deployment_key())
        for number, night in enumerate(data):
            refine(write(home / f"night-{number}", night), home / "lake")
    return home / "lake", [one for night in data for one in night]


def turns(one: nights.Record) -> list[dict]:
    return [{"turn_idx": 0, "tool_calls": [], **message} for message in one["messages"]]


def looked_up(lake, turns_of: list[dict], name: str = "new") -> dict:
    with Index(Store(lake)) as index:
        return index.look_up(record(name, turns_of, 9), 1, deployment_key())


@pytest.mark.parametrize("language", [0, 1])
def test_a_copy_names_its_original_and_the_kept_one_with_the_exact_similarity(published, language):
    lake, data = published
    original = [one for one in data if one["conversation_id"].startswith("fresh-2")][language]
    copy = typos(turns(original), seeded(language), 0.01)
    ids = dict(rows(lake, "SELECT source_id, conversation_id FROM conversations"))
    best = looked_up(lake, copy)["near"][0]
    assert best["conversation_id"] == ids[original["conversation_id"]]
    sets = oracle.shingle_sets(table([turns(original), copy]), None)
    assert best["similarity"] == pytest.approx(oracle.jaccard(*sets))
    assert best["duplicate"]
    assert not best["entity_conflict"]


def test_the_very_same_content_is_told_and_so_is_another_order(published):
    lake, data = published
    ids = dict(rows(lake, "SELECT source_id, coalesce(dedup_kept_id, conversation_id) FROM conversations"))
    same = data[0]
    assert looked_up(lake, turns(same))["exact_kept_id"] == ids[same["conversation_id"]]
    long = next(one for one in data if one["conversation_id"].startswith("fresh-1"))
    other = looked_up(lake, about(turns(long)[:-1], 55_555))
    assert other["exact_kept_id"] is None
    assert other["near"][0]["entity_conflict"]
    assert not other["near"][0]["duplicate"]


def test_what_is_new_has_no_match_and_a_line_that_is_none_says_why(published, tmp_path):
    lake, _ = published
    lines = [orjson.dumps(record("new", talk(77_777, "zh"), 9)), b"{", orjson.dumps({"messages": 3})]
    (tmp_path / "lines.jsonl").write_bytes(b"\n".join(lines))
    found = CliRunner().invoke(app, ["dedup", "lookup", str(tmp_path / "lines.jsonl"), "--lake", str(lake)])
    assert found.exit_code == 0, found.output
    new, cut, wrong = [orjson.loads(line) for line in found.stdout.splitlines()]
    assert new["near"] == []
    assert new["exact_kept_id"] is None
    assert (cut["line"], cut["error"]) == (2, "not_json")
    assert wrong["line"] == 3
    assert wrong["error"]


def test_lookup_finds_what_datasketch_finds_and_more(published):
    lake, data = published
    stage = NearDuplicates(template_contexts=None)
    sets = oracle.shingle_sets(table([turns(one) for one in data]), None)
    lsh = datasketch.MinHashLSH(threshold=stage.threshold, num_perm=128)
    for number, one in enumerate(sets):
        lsh.insert(number, signed(one))
    ids = dict(rows(lake, "SELECT source_id, conversation_id FROM conversations"))
    names = [ids[one["conversation_id"]] for one in data]
    wanted, found = set(), set()
    for number in range(0, len(data), 3):
        copy = typos(turns(data[number]), seeded(number), 0.01)
        (mine,) = oracle.shingle_sets(table([copy]), None)
        near = [k for k in lsh.query(signed(mine)) if oracle.jaccard(mine, sets[k]) >= stage.threshold]
        wanted |= {(number, frozenset(sets[k])) for k in near}
        got = {match["conversation_id"] for match in looked_up(lake, copy)["near"]}
        found |= {(number, frozenset(sets[k])) for k, name in enumerate(names) if name in got}
    assert len(wanted) > 25
    assert len(wanted - found) <= 0.03 * len(wanted)


def signed(shingles: set[int]):
    sketch = datasketch.MinHash(num_perm=128)
    sketch.update_batch([int(one).to_bytes(8, "little") for one in shingles])
    return sketch


def test_lookup_answers_alike_after_compaction(published, tmp_path):
    lake, data = published
    copy = typos(turns(data[3]), seeded(3), 0.01)
    before = looked_up(lake, copy)
    assert compact(Store(lake)) == 4
    assert looked_up(lake, copy) == before
    assert before["near"]


def test_a_lake_without_an_index_says_so(tmp_path):
    found = CliRunner().invoke(app, ["dedup", "lookup", str(tmp_path / "none.jsonl"), "--lake", str(tmp_path / "lake")])
    assert found.exit_code == 1
    assert "none.jsonl" in found.output or "published" in found.output
