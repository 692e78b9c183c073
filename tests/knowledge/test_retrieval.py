"""Units fetched by scenario, ranked by words."""

from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pytest

from refinery.knowledge.base import build
from refinery.knowledge.ranking import index, rank
from refinery.knowledge.retrieval import Retrieval, text
from refinery.knowledge.tables import snippets
from refinery.knowledge.terms import terms
from refinery.knowledge.unit import Unit
from refinery.records.conversation import TURN
from refinery.storage.store import Store
from tests.knowledge.test_base import unit


@pytest.fixture
def base(tmp_path: Path) -> Path:
    store = Store(tmp_path / "base")
    bags = unit("bags", "Extra bags cost 50 dollars.", scenarios=("airline",))
    pets = unit("pets", "Dogs may come along.", scenarios=("airline",))
    refund = unit("refund", "超时三十分钟以上可以退款。", scenarios=("外卖",))
    build(store, [bags, pets, refund], "2026-01-01")
    build(store, [unit("bags", "Extra bags cost 60 dollars.", scenarios=("airline",)), pets, refund], "2026-03-01")
    return tmp_path / "base" / "00000002.jsonl"


def fetch(base: Path, rows: list[tuple[str | None, str | None, list[str] | None]], most: int = 50) -> list[list[str]]:
    """The solutions fetched for each row of scenario, day and what was said."""
    stage = Retrieval(knowledge=base, max_units=most)
    turns = [said if said is None else [{"role": "user", "content": s} for s in said] for *_, said in rows]
    table = pa.table(
        {
            "scenario": pa.array([row[0] for row in rows], pa.string()),
            "event_date": pa.array([row[1] for row in rows], pa.string()),
            "turns": pa.array(turns, pa.list_(TURN)),
        }
    )
    found = stage.open()(table)
    assert found.schema.equals(stage.writes())
    by_id = {one.unit_id: one.solution for one in map(Unit.of, map(orjson.loads, base.read_bytes().splitlines()))}
    return [[by_id[one["unit_id"]] for one in row] for row in found["knowledge"].to_pylist()]


def test_all_units_of_the_scenario_are_fetched_the_nearest_first(base):
    found = fetch(base, [("airline", "2026-04-01", ["may my dog come?"]), ("airline", "2026-04-01", ["a bag more"])])
    assert found == [
        ["Dogs may come along.", "Extra bags cost 60 dollars."],
        ["Extra bags cost 60 dollars.", "Dogs may come along."],
    ]


def test_a_conversation_gets_what_held_on_its_day(base):
    found = fetch(base, [("airline", day, ["bags"]) for day in ("2026-02-28", "2026-03-01", "undated", None)], most=1)
    assert [row[0].split()[3] for row in found] == ["50", "60", "60", "60"]


def test_chinese_is_ranked_by_pairs_of_characters(base):
    assert fetch(base, [("外卖", "2026-04-01", ["餐超时了，能退款吗？"])]) == [["超时三十分钟以上可以退款。"]]


def test_where_there_is_no_scenario_or_no_text_nothing_fails(base):
    assert fetch(base, [(None, "2026-04-01", ["x"]), ("weather", None, []), ("外卖", None, None)]) == [
        [],
        [],
        ["超时三十分钟以上可以退款。"],
    ]


def test_terms_fold_case_width_and_plurals_and_pair_chinese_characters():
    def of(one: str) -> set[int]:
        return set(terms(pa.array([one]))[0].tolist())

    assert of("Ｂags") == of("bag") != of("glass")
    assert of("退款吧") == of("退款") | of("款吧")
    assert of("") == of("。!") == set()


def test_ranking_is_bm25_as_written_down():
    texts = ["dog dog cat", "cat", "bird bird bird bird"]
    found = index(pa.array(texts))
    places, scores = rank(found, pa.array(["dog cat"]), np.arange(3), 3)
    mean = 8 / 3

    def weight(count: int, length: int, holding: int) -> float:
        idf = np.log(1 + (3 - holding + 0.5) / (holding + 0.5))
        return idf * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / mean))

    assert places.tolist() == [[0, 1, 2]]
    assert scores[0].tolist() == pytest.approx([weight(2, 3, 1) + weight(1, 3, 2), weight(1, 1, 2), 0], rel=1e-5)


def test_slices_are_read_where_they_begin():
    whole = pa.array(["cat", "dog", "bird"])
    assert terms(whole.slice(1, 2))[0].tolist() == terms(pa.array(["dog", "bird"]))[0].tolist()


def test_the_gold_snippet_is_among_the_first_five_of_its_entity(shared):
    data = shared / "dstc9" / "data_eval"
    units = list(snippets("kb", orjson.loads((data / "knowledge.json").read_bytes()), ()))
    places = {one.key: place for place, one in enumerate(units)}
    entities: dict[str, list[int]] = {}
    for one in units:
        entities.setdefault(one.key.rpartition("/")[0], []).append(places[one.key])
    found = index(pa.array([text(one) for one in units]))
    labels = [label for label in orjson.loads((data / "test" / "labels.json").read_bytes()) if label["target"]][::4]
    hits = 0
    for label in labels:
        ((domain, entity, doc),) = [tuple(map(str, gold.values())) for gold in label["knowledge"]]
        among = np.array(entities[f"kb#{domain}/{entity}"])
        nearest, _ = rank(found, pa.array([label["response"]]), among, 5)
        hits += places[f"kb#{domain}/{entity}/{doc}"] in nearest[0]
    assert hits / len(labels) > 0.94  # 0.967 of all 1,981
