"""`dedup.semantic` with embedders that need no model: what it finds, what it must not merge, what nothing decides."""

import string
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from refinery.dedup import semantic_cells, semantic_links, semantic_texts
from refinery.dedup.semantic import SemanticDuplicates
from refinery.dedup.semantic_rounds import CROWDED
from refinery.engine.exchange import decide
from refinery.errors import PlanError
from refinery.models.embedding import HashEmbedder
from refinery.stage import ROW, note_of
from refinery.stages import make
from tests.dedup import talks
from tests.dedup.talks import LANGUAGES, said, seeded, talk

NONE = np.zeros(0, np.uint64)
POLICY = [["late_delivery"]]


class Angles:
    """Texts that end in =degrees lie at that angle; all others at 90 degrees to each other."""

    name = "angles"

    def embed(self, texts: Sequence[str]) -> Any:
        turned = np.radians([float(text.rpartition("=")[2]) for text in texts])
        return np.stack([np.cos(turned), np.sin(turned)], axis=1).astype(np.float32).reshape(len(texts), 2)


class Concepts:
    """Knows a few words in two languages: texts of the same concepts lie at one place."""

    name = "concepts"
    words: ClassVar = [("退款", "refund"), ("餐", "meal"), ("地址", "address"), ("骑手", "rider"), ("发票", "invoice")]

    def embed(self, texts: Sequence[str]) -> Any:
        counts = [[any(word in text.lower() for word in pair) for pair in self.words] for text in texts]
        found = np.array(counts, np.float32).reshape(len(texts), len(self.words))
        return found / np.maximum(1, np.linalg.norm(found, axis=1, keepdims=True))


class Stage(SemanticDuplicates):
    """With an embedder of the test's own."""

    mine: ClassVar[Any] = None

    def model(self) -> Any:
        return self.mine


class ByAngle(Stage):
    mine = Angles()


class ByConcept(Stage):
    mine = Concepts()


def stage(kind: type = SemanticDuplicates, **parameters: Any) -> SemanticDuplicates:
    given = {"embedder": None, "threshold": 0.9, "min_threshold": 0.5} | parameters
    return kind(**given)


def table(found: list[talks.Talk], policies: list[Any] | None = None, **columns: list[Any]) -> pa.Table:
    """Talks as the stage gets them: under one policy, in the language of their letters, unless given."""
    languages = ["en" if "".join(turn["content"] for turn in one).isascii() else "zh" for one in found]
    rows = talks.table(found, **{k: v for k, v in columns.items() if k != "language"})
    rows = rows.append_column("language", pa.array(columns.get("language", languages), pa.string()))
    return rows.append_column("policies", pa.array(policies or [POLICY] * len(found), pa.list_(pa.list_(pa.string()))))


def outcome(one: SemanticDuplicates, rows: pa.Table, reducers: int = 1) -> dict[str, dict[str, Any]]:
    """What became of each conversation, by its id."""
    ids = dict(zip(rows[ROW.name].to_pylist(), rows["conversation_id"].to_pylist(), strict=True))
    return {ids[row.pop(ROW.name)]: row for row in decide(one, rows, reducers).to_pylist()}


def groups(one: SemanticDuplicates, rows: pa.Table) -> dict[str, list[str]]:
    """Kept id -> the ids of its group."""
    found: dict[str, list[str]] = {}
    for name, row in sorted(outcome(one, rows).items()):
        if row["dedup_group"]:
            found.setdefault(row["dedup_group"], []).append(name)
    return found


def reworded(original: talks.Talk) -> talks.Talk:
    """The halves of each turn swapped, and turns too: no copy by shingles, the same by its words."""
    halves = [(one, one["content"].rstrip("。").split("，")) for one in original]
    return [one | {"content": f"{right}，{left}。"} for one, (left, right) in halves][::-1]


def mixed(num: int) -> pa.Table:
    """Conversations, and of each one with more and more of its letters changed, in two languages and two cells."""
    base = [talk(i, LANGUAGES[i % 2], 300) for i in range(num)]
    copies = [talks.typos(one, seeded(i), 0.6 * i / num) for i, one in enumerate(base)]
    cells = [[["a"]], [["a"], ["b"]]]
    return table(base + copies, [cells[i // 2 % 2] for i in range(num)] * 2)


def test_the_same_words_in_another_order_are_one_group_and_the_smallest_id_is_kept():
    base = [talk(i, "zh") for i in range(10)]
    rows = table([*base, *map(reworded, base)])
    both = [sorted((f"c{i}", f"c{10 + i}")) for i in range(10)]
    assert groups(stage(threshold=0.7), rows) == {pair[0]: pair for pair in both}


def test_conversations_that_begin_alike_and_end_otherwise_are_not_alike():
    asked = "The meal of my order came cold, what will you do about it?"
    ends = ["You get a refund for it, I am sorry.", "The rider brings another meal, I am sorry."]
    rows = table([said(asked, ends[0]), said(asked, ends[1]), said(asked, ends[0])])
    assert groups(stage(ByConcept, threshold=0.8), rows) == {"c0": ["c0", "c2"]}


def test_one_side_alone_is_compared_with_one_side_alone():
    asked = "The meal of my order came cold, what will you do about it?"
    rows = table([said(asked), said(asked), said(asked, "The meal comes"), said("", asked)])
    assert groups(stage(ByConcept, threshold=0.5), rows) == {"c0": ["c0", "c1"]}


def test_about_the_mean_of_their_language_what_all_share_tells_nothing_apart():
    shared = "The rider has the meal of this order, "
    rows = table([said(f"{shared}{word} please") for word in ("refund", "address", "invoice") for _ in range(200)])
    assert len(groups(stage(ByConcept, threshold=0.6, centre=False), rows)) == 1
    assert len(groups(stage(ByConcept, threshold=0.6), rows)) == 3


def test_the_mean_of_a_few_takes_little_from_them():
    rows = table(
        [said("The order is late, tell me where it is now =0"), said("The order is late, and it is hot here =3")]
    )
    near = stage(ByAngle, facts=False, threshold=0.99)
    assert groups(near, rows) == {"c0": ["c0", "c1"]}


def test_what_is_set_aside_says_why_and_how_alike_it_is():
    rows = table(
        [said("The order is late, tell me where it is now =0"), said("The order is late, tell me where it is now =10")]
    )
    found = outcome(stage(ByAngle, facts=False, centre=False), rows)
    assert found["c0"]["set_aside_why"] is None
    assert found["c0"]["dedup_similarity"] == 1
    assert found["c1"] == {
        "dedup_group": "c0",
        "dedup_kept_id": "c0",
        "dedup_similarity": pytest.approx(np.cos(np.radians(10)), abs=0.001),
        "dedup_entity_conflict": None,
        "set_aside_why": "semantic_duplicate",
    }


def test_the_best_then_the_latest_then_the_smallest_id_is_kept():
    nights = [datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2)]
    copies = [said(f"The order is late, tell me where it is now ={i}") for i in range(5)]
    when = [nights[0], nights[1], nights[1], None, None]
    assert list(groups(stage(ByAngle, facts=False, centre=False), table(copies, created_at=when))) == ["c1"]
    assert list(groups(stage(ByAngle, facts=False, centre=False), table(copies))) == ["c0"]
    scored = table(copies, created_at=when).append_column("score", [[None, 0.2, 0.2, 0.9, 0.1]])
    assert list(groups(stage(ByAngle, facts=False, centre=False, score="score"), scored)) == ["c3"]


def test_no_chain_of_likenesses_joins_what_is_unlike():
    rows = table([said(f"The order is late, tell me where it is now ={angle}") for angle in range(0, 90, 15)])
    found = groups(stage(ByAngle, facts=False, centre=False, threshold=0.96), rows)  # 15 degrees are near, 30 are not
    assert found == {"c0": ["c0", "c1"], "c2": ["c2", "c3"], "c4": ["c4", "c5"]}


@pytest.mark.parametrize("other", [[["refund"]], [["late_delivery"], ["refund"]], [[]], None])
def test_conversations_under_other_policies_are_never_compared(other):
    one = talk(1, "en")
    assert groups(stage(), table([one, one], [POLICY, other])) == {}
    assert groups(stage(), table([one, one], [other, other])) == {"c0": ["c0", "c1"]}


def test_policies_are_a_set_over_the_conversation():
    one = talk(1, "zh")
    rows = table([one] * 3, [[["a"], [], ["b"]], [["b", "a"]], [["a"], ["b"], ["a"]]])
    assert groups(stage(), rows) == {"c0": ["c0", "c1", "c2"]}
    found = semantic_texts.cells(pa.array([[["ab"]], [["a"], ["b"]], [["a", None]], [["a"]]]))
    assert len(set(found.tolist())) == 3
    assert found[2] == found[3]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("您的订单88123晚到了，已为您退款，请注意查收", "您的订单88124晚到了，已为您退款，请注意查收"),
        ("Your order A88123 is late, a refund is on its way", "Your order A88124 is late, a refund is on its way"),
        ("已为您申请退款二百元，请您注意查收，谢谢", "已为您申请退款三百元，请您注意查收，谢谢"),
        ("The refund that you asked for was approved", "The refund that you asked for was rejected"),
    ],
)
def test_the_same_about_another_order_amount_or_outcome_is_not_merged_but_marked(one, other):
    found = outcome(stage(ByConcept), table([said(one), said(other)]))
    assert [row["dedup_entity_conflict"] for row in found.values()] == [True, True]
    assert [row["dedup_group"] for row in found.values()] == [None, None]
    assert [row["dedup_similarity"] for row in found.values()] == [1, 1]
    assert groups(stage(ByConcept, facts=False), table([said(one), said(other)])) == {"c0": ["c0", "c1"]}


def test_another_outcome_or_order_in_the_signals_keeps_apart_and_silence_does_not():
    one = said("Where is the meal that I asked for, is it on its way?")
    done = [{"solution": True}, {"solution": False}]
    assert groups(stage(), table([one, one], outcome=done)) == {}
    assert groups(stage(), table([one, one], outcome=[done[0], None])) == {"c0": ["c0", "c1"]}
    orders = [[{"order": {"id": "7"}}], [{"order": {"id": "8"}}]]
    assert groups(stage(), table([one, one], signals=orders)) == {}


def test_a_copy_without_numbers_brings_no_two_orders_together():
    text = "The refund of your meal is on its way, please wait a little"
    rows = table([said(text), said(text + " 88123"), said(text + " 99321")])
    assert groups(stage(ByConcept), rows) == {"c0": ["c0", "c1"]}


def test_what_is_said_twice_in_other_words_is_no_conflict():
    one, other = (
        said("Order 88123, the meal: 88123 is late, refund 20"),
        said("Order 88123, the meal, it was 20, refund 20"),
    )
    assert groups(stage(ByConcept), table([one, other])) == {"c0": ["c0", "c1"]}


ZH, EN = (
    "您好，订单88123的餐晚到了，已成功为您退款20元",
    "Hello, the meal of order 88123 is late, the refund of 20 is successful",
)


def test_translations_stay_unless_they_are_to_be_merged():
    rows = table([said(ZH), said(EN)])
    assert outcome(stage(ByConcept), rows) == {}
    assert groups(stage(ByConcept, translations="merge"), rows) == {"c0": ["c0", "c1"]}


def test_translations_about_another_order_stay_apart():
    rows = table([said(ZH), said(EN.replace("88123", "99321"))])
    assert groups(stage(ByConcept, translations="merge"), rows) == {}
    assert outcome(stage(ByConcept, translations="merge"), rows)["c0"]["dedup_entity_conflict"] is True


def test_a_mixed_conversation_brings_no_two_translations_together_where_they_stay():
    rows = table([said(ZH), said(EN), said(f"{ZH} {EN}")], language=["zh", "en", "mixed"])
    assert groups(stage(ByConcept), rows) in ({"c0": ["c0", "c2"]}, {"c1": ["c1", "c2"]})
    nights = [datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2, 3)]
    latest = groups(stage(ByConcept), rows.drop_columns(["created_at"]).append_column("created_at", [nights]))
    assert sorted(map(len, latest.values())) == [2], "the mixed one takes one of them, never both"
    assert list(latest) == ["c2"]


def test_where_translations_merge_another_outcome_in_the_same_language_still_keeps_apart():
    refused = EN.replace("successful", "denied")
    found = groups(stage(ByConcept, translations="merge"), table([said(EN), said(refused)]))
    assert found == {}


@pytest.mark.parametrize(
    "few", [["好的"], ["Hello", "Hi"], ["", ""], ["?", "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"]]
)
def test_of_very_little_text_nothing_is_decided(few):
    assert decide(stage(), table([said(*few)] * 3)).num_rows == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_greeting_that_all_agents_say_makes_no_two_conversations_alike(language):
    greeting, question = talk(1, language, 900)[1], talk(2, language, 400)[0]
    greeting, question = (one | {"content": one["content"] * 8} for one in (greeting, question))
    replies = [talk(i, language, 80)[0]["content"] for i in range(3, 83)]
    openings = [talks.turn("user", "hi " + letters * 2) for letters in string.printable[10:90]]
    rows = table(
        [
            [one, greeting, question, talks.turn("assistant", reply)]
            for one, reply in zip(openings, replies, strict=True)
        ]
    )
    plain = groups(stage(template_contexts=None, centre=False), rows)
    assert max(map(len, plain.values())) > 40, "without the list, they are one group"
    found = groups(stage(centre=False, template_contexts=20), rows)
    assert sum(map(len, found.values())) <= 4


def test_conversations_of_templates_and_little_else_are_not_decided():
    greeting = talk(1, "zh", 900)[1::2]
    rows = table([[talks.turn("user", f"你好{chr(0x4E00 + i)}"), *greeting] for i in range(60)])
    assert decide(stage(), rows).num_rows == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_long_conversation_is_read_to_its_end_in_windows_that_an_embedder_can_hold(language):
    long = [*talk(1, language, 5000), talks.turn("user", talk(2, language, 9000)[0]["content"] * 60)]
    rows = table([long, talk(3, language, 100)])
    found = semantic_texts.windows(rows["turns"].combine_chunks(), NONE)
    assert max(len(text.encode()) for text in found.texts.to_pylist()) <= 2048
    texts = found.texts.to_pylist()
    for side, role in enumerate(("user", "assistant")):
        read = "".join(text for text, owner in zip(texts, found.owner, strict=True) if owner == side)
        assert read.replace("\n", "") == "".join(one["content"] for one in long if one["role"] == role)
    assert np.array_equal(np.unique(found.owner), [0, 1, 2, 3])


def test_the_end_of_a_long_conversation_counts():
    start, ends = talk(1, "zh", 8000), [talk(i, "zh", 2000) for i in (2, 3, 2)]
    found = semantic_texts.embedded(table([[*start, *end] for end in ends]), NONE, HashEmbedder())
    first, other, same = found["vector"].to_pylist()
    assert first == same
    assert first != other


def brute_force(rows: pa.Table, least: float) -> set[tuple[str, str]]:
    """Pairs of a cell of whom both sides are as near, by all cosines."""
    found = semantic_texts.embedded(rows, NONE, HashEmbedder())
    points = semantic_cells.vectors(found["vector"].combine_chunks(), np.float64).reshape(len(found), 2, -1)
    points /= np.linalg.norm(points, axis=2, keepdims=True)
    ids, cell = rows["conversation_id"].to_pylist(), found["cell"].to_numpy()
    alike = np.minimum(*(points[:, side] @ points[:, side].T for side in range(2)))
    near = (alike >= least) & (cell[:, None] == cell)
    return {tuple(sorted((ids[i], ids[j]))) for i, j in zip(*np.nonzero(np.triu(near, 1)), strict=True)}


def linked(rows: pa.Table, least: float) -> set[tuple[str, str]]:
    """Pairs by the stage's own rounds."""
    given = {"min_threshold": least, "threshold": 0.9, "template_contexts": None, "centre": False}
    one, found = stage(**given), list[pa.Table]()
    for each in one.rounds()[:-1]:
        found.append(each.find(each.send(rows, found)))
    pairs = found[-1].filter(found[-1]["other"].is_valid())
    ids = rows["conversation_id"].to_pylist()
    both = zip(pairs["_document"].to_pylist(), pairs["other"].to_pylist(), strict=True)
    return {tuple(sorted((ids[i], ids[j]))) for i, j in both}


def test_all_pairs_of_brute_force_are_found_in_a_cell_and_no_other():
    rows = mixed(150)
    assert len(brute_force(rows, 0.6)) > 100
    assert linked(rows, 0.6) == brute_force(rows, 0.6)


def test_a_cell_that_is_split_loses_few_copies(monkeypatch):
    rows = mixed(400)
    monkeypatch.setattr(semantic_cells, "_WHOLE", 100)
    monkeypatch.setattr(semantic_cells, "_PART", 50)
    monkeypatch.setattr(semantic_cells, "_SAMPLED", 2)
    truth, found = brute_force(rows, 0.7), linked(rows, 0.7)
    assert found < truth
    copies = {tuple(sorted((f"c{i}", f"c{400 + i}"))) for i in range(400)} & truth
    assert len(copies) > 200
    assert len(found & copies) >= 0.9 * len(copies)


def test_more_alike_than_are_looked_at_first_are_all_found():
    rows = table([said(f"The order is late, tell me where it is now ={i / 1000}") for i in range(300)])
    assert groups(stage(ByAngle, facts=False, centre=False, threshold=0.999), rows) == {
        "c0": sorted(f"c{i}" for i in range(300))
    }


def test_a_crowd_beyond_what_is_looked_at_is_told(monkeypatch):
    monkeypatch.setattr(semantic_links, "_MOST", 64)
    rows = table([said(f"The order is late, tell me where it is now ={i / 1000}") for i in range(100)])
    found = list[pa.Table]()
    for each in stage(ByAngle, facts=False, centre=False, threshold=0.999).rounds()[:-1]:
        found.append(each.find(each.send(rows, found)))
    assert note_of(found[-1]) == (CROWDED, 100)


@pytest.mark.parametrize("split", [False, True])
def test_other_reducers_and_shuffled_input_give_equal_rows(monkeypatch, split):
    if split:
        for name, value in (("_WHOLE", 30), ("_PART", 15), ("_SAMPLED", 2)):
            monkeypatch.setattr(semantic_cells, name, value)
    rows, one = mixed(80), stage(threshold=0.7)
    wanted = outcome(one, rows)
    assert any(row["set_aside_why"] for row in wanted.values())
    for reducers in (7, 64):
        assert outcome(one, rows, reducers) == wanted
    order = np.random.default_rng(5).permutation(len(rows))
    numbers = pa.array((np.arange(len(rows)) // 7 << 32) | np.arange(len(rows)) % 7, ROW.type)
    shuffled = rows.drop_columns([ROW.name]).take(order).append_column(ROW, numbers).combine_chunks()
    assert outcome(one, shuffled) == outcome(one, shuffled, 7) == wanted


def test_a_vector_of_nothing_takes_no_part():
    rows = table([said("Somebody spoke about things that it does not know")] * 2)
    assert decide(stage(ByConcept), rows).num_rows == 0


def test_a_threshold_below_the_links_that_are_kept_is_refused():
    with pytest.raises(ValidationError, match=r"0\.7 lies below min_threshold 0\.8"):
        stage(threshold=0.7, min_threshold=0.8)


def test_the_threshold_has_no_default_since_it_belongs_to_the_embedder():
    with pytest.raises(PlanError, match="threshold: Field required"):
        make("dedup.semantic", {"embedder": None})


def test_an_embedder_that_is_not_there_is_said_before_anything_runs(tmp_path):
    with pytest.raises(PlanError, match="no embedder folder .*nothing is fetched by name"):
        make("dedup.semantic", {"embedder": str(tmp_path / "none"), "threshold": 0.9, "min_threshold": 0.8})


@pytest.mark.parametrize(("package", "word"), [("faiss", "faiss"), ("sentence_transformers", "sentence-transformers")])
def test_without_a_package_it_says_what_to_install(monkeypatch, tmp_path, package, word):
    monkeypatch.setattr("refinery.dedup.semantic.find_spec", lambda name: None if name == package else object())
    with pytest.raises(PlanError, match=rf"{word}: install refinery\[embed\]"):
        make("dedup.semantic", {"embedder": str(tmp_path), "threshold": 0.9, "min_threshold": 0.8})


def test_an_embedder_s_weights_shape_the_fingerprint_and_do_not_travel(monkeypatch, tmp_path):
    monkeypatch.setattr("refinery.dedup.semantic.find_spec", lambda name: object())
    (tmp_path / "weights").write_bytes(b"1")
    one = make("dedup.semantic", {"embedder": str(tmp_path), "threshold": 0.9, "min_threshold": 0.8})
    before = one.fingerprint()
    assert one.contents() == {}
    assert Path(tmp_path).name in one.parameters()["embedder"]
    (tmp_path / "weights").write_bytes(b"2")
    assert one.fingerprint() != before


def test_only_the_last_round_is_shaped_by_the_threshold():
    near, far = (stage(threshold=each).rounds() for each in (0.9, 0.8))
    assert [a.parameters() == b.parameters() for a, b in zip(near, far, strict=True)] == [True] * 5 + [False]
