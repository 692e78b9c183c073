"""`dedup.near` on invented conversations: what it finds, what it must not merge, and that nothing decides by chance."""

from datetime import UTC, datetime

import numpy as np
import pytest
from pydantic import ValidationError

from refinery.dedup.near import NearDuplicates
from refinery.engine.exchange import decide
from refinery.stage import ROW
from tests.dedup import oracle, talks
from tests.dedup.talks import LANGUAGES, said, seeded, table, talk

STAGE = NearDuplicates()
ZH = "你好，我上周在你们店里买的那台空气净化器一直响，晚上根本没法睡觉，想问一下能不能换一台新的给我"
EN = "Hello, the air cleaner that I bought in your shop last week hums all night long, may I have another one instead"


def mixed(language: str, num: int) -> talks.table:
    """Conversations, and of each a copy with typos from hardly any to many: all Jaccards from 0.3 to 1."""
    base = [talk(i, language, 300) for i in range(num)]
    return table(base + [talks.typos(one, seeded(i), 0.1 * i / num) for i, one in enumerate(base)])


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_pairs_of_the_oracle_are_found_and_links_are_exact(language):
    rows = mixed(language, 150)
    truth = oracle.all_pairs(oracle.shingle_sets(rows, STAGE.template_contexts), 0.5)
    found = oracle.links(STAGE, rows)
    assert all(found[pair] == pytest.approx(truth[pair]) for pair in found)
    for low in (0.8, 0.85, 0.9, 0.95):
        wanted = [pair for pair, value in truth.items() if low <= value < low + 0.05]
        assert wanted, "the copies cover each band"
        assert np.mean([pair in found for pair in wanted]) >= 0.97


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", talks.KINDS)
def test_planted_copies_are_found_where_they_are_near_and_nothing_else(language, kind):
    copy, strengths = talks.KINDS[kind]
    base = [talk(i, language) for i in range(15)]
    planted = [copy(one, seeded((kind, i)), strength) for strength in strengths for i, one in enumerate(base)]
    for k, _ in enumerate(strengths):
        rows = table(base + planted[15 * k : 15 * (k + 1)])
        sets = oracle.shingle_sets(rows, None)
        near = [i for i in range(15) if oracle.jaccard(sets[i], sets[15 + i]) >= STAGE.threshold]
        wanted = {tuple(sorted((f"c{i}", f"c{15 + i}"))) for i in near}
        assert oracle.together(oracle.groups(STAGE, rows)) == wanted


def pairs(one: str, other: str, *fields: dict) -> talks.table:
    return table(
        [said(*one.split("|")), said(*other.split("|"))],
        **{k: [f[k] for f in fields] for k in fields[0]} if fields else {},
    )


def merged(rows: talks.table) -> bool:
    return bool(oracle.together(oracle.groups(STAGE, rows)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{ZH}，订单号88123", f"{ZH}，订单号88124"),
        (f"{EN}, my order is A88123", f"{EN}, my order is A88124"),
        (f"{ZH}|可以给您退二百元", f"{ZH}|可以给您退三百元"),
        (f"{EN}|We can give you 20 euro back", f"{EN}|We can give you 200 euro back"),
        (f"{ZH}|周三给您送到", f"{ZH}|周五给您送到"),
        (f"{EN}|It comes on Monday", f"{EN}|It comes on Friday"),
        (f"{ZH}|退款成功了", f"{ZH}|退款失败了"),
        (f"{EN}|Your claim was approved", f"{EN}|Your claim was rejected"),
    ],
)
def test_the_same_words_about_another_order_amount_date_or_outcome_are_not_merged_but_marked(one, other):
    found = decide(STAGE, pairs(one, other)).to_pylist()
    assert [row["dedup_entity_conflict"] for row in found] == [True, True]
    assert [row["set_aside_why"] for row in found] == [None, None]
    assert all(row["dedup_group"] is None and row["dedup_similarity"] >= STAGE.threshold for row in found)
    assert merged(pairs(one, one + "。"))


@pytest.mark.parametrize("text", [ZH, EN])
@pytest.mark.parametrize(
    ("column", "one", "other"),
    [
        ("outcome", {"solution": True}, {"solution": False}),
        ("signals", [{"order": {"id": "7"}}], [{"order": {"id": "8"}}]),
        ("signals", [{"order": {"amount": 20.0}}], [{"order": {"amount": 30.0}}]),
        ("signals", [{"refund": {"status": "done"}}], [{"refund": {"status": "failed"}}]),
    ],
)
def test_other_signals_or_another_outcome_keep_equal_texts_apart_and_silence_does_not(text, column, one, other):
    assert not merged(pairs(text, text, {column: one}, {column: other}))
    assert merged(pairs(text, text, {column: one}, {column: None}))
    assert merged(pairs(text, text, {column: one}, {column: one}))


@pytest.mark.parametrize("text", [ZH, EN])
def test_other_arguments_of_a_call_keep_equal_texts_apart(text):
    def calling(arguments: str) -> talks.Talk:
        return [talks.turn("user", text), talks.turn("assistant", "", exchange=arguments)]

    lamp, desk = calling('{"item": "lamp"}'), calling('{"item": "desk"}')
    assert not merged(table([lamp, desk]))
    assert merged(table([lamp, calling('{ "item":"lamp" }')]))


def test_a_copy_without_numbers_brings_no_two_orders_together():
    first, second = said(ZH, "订单88123，退20元"), said(ZH, "订单99321，退30元")
    bare = said(ZH, "")
    found = oracle.groups(STAGE, table([first, second, bare, first, second]))
    members = sorted(map(tuple, found.values()))
    assert members in ([("c0", "c2", "c3"), ("c1", "c4")], [("c0", "c3"), ("c1", "c2", "c4")])


@pytest.mark.parametrize(
    "short",
    [
        ["你好", "在吗", "您好", "喂", "好的", "谢谢", "嗯嗯", "？", "！", "。。。", "👍", "[呵呵]", "", "在"],
        ["hi", "hey", "ok", "yes", "no", "?", "!", "...", ":)", "👍", "", "1", "yo", "ty"],
    ],
)
def test_very_short_texts_are_compared_whole(short):
    assert not merged(table([said(text) for text in short]))
    found = oracle.groups(STAGE, table([said(text) for text in short * 2]))
    assert sorted(map(len, found.values())) == [2] * (len(short) - 1), "all but the ones in which nothing was said"


@pytest.mark.parametrize(
    ("greeting", "asked"),
    [
        ("您好，请问有什么可以帮您？", ["你好", "在吗", "我要退款", "人呢", "有人吗"]),
        ("Hi, how can I help you today?", ["Hello", "Anybody there", "Refund", "A question"]),
    ],
)
def test_conversations_of_a_greeting_and_little_else_stay_apart(greeting, asked):
    assert not merged(table([said(one, greeting) for one in asked]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_template_does_not_make_unrelated_conversations_alike_and_copies_are_still_found(language):
    template = talk(1, language, 900)[1::2]
    asked = [talk(i, language, 80)[:1] for i in range(2, 80)]
    unrelated = [[*one, *template] for one in asked]
    plain = oracle.groups(NearDuplicates(template_contexts=None), table(unrelated))
    assert max(map(len, plain.values())) == len(unrelated), "without the list, they are one group"
    assert oracle.groups(STAGE, table(unrelated)) == {}
    copies = table([*unrelated, [talks.turn("user", asked[5][0]["content"] + "!"), *template]])
    assert oracle.groups(STAGE, copies) == {"c5": ["c5", f"c{len(unrelated)}"]}


def test_a_hundred_copies_of_one_conversation_make_no_template_of_it():
    copies = [talks.typos(talk(1, "zh"), seeded(i), 0.005) for i in range(100)]
    assert [len(group) for group in oracle.groups(STAGE, table(copies)).values()] == [100]


def test_conversations_of_templates_only_are_compared_whole():
    template = talk(1, "zh", 400)[1::2]
    asked = [[*talk(i, "zh", 80)[:1], *template] for i in range(2, 80)]
    only = [template, template, [*template, *template[:1]]]
    found = oracle.groups(STAGE, table([*asked, *only]))
    assert found == {f"c{len(asked)}": [f"c{len(asked)}", f"c{len(asked) + 1}"]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_other_reducers_and_shuffled_input_give_equal_rows(language):
    rows = mixed(language, 60)
    wanted = outcome(rows, 1)
    assert any(why for *_, why in wanted.values())
    for reducers in (7, 64):
        assert outcome(rows, reducers) == wanted
    order = np.random.default_rng(5).permutation(len(rows))
    shuffled = rows.drop_columns([ROW.name]).take(order).append_column(ROW, rows[ROW.name]).combine_chunks()
    assert outcome(shuffled, 1) == outcome(shuffled, 7) == wanted


def outcome(rows: talks.table, reducers: int) -> dict[str, tuple]:
    ids = rows["conversation_id"].to_pylist()
    return {ids[row.pop(ROW.name)]: tuple(row.values()) for row in decide(STAGE, rows, reducers).to_pylist()}


def test_the_best_then_the_latest_then_the_smallest_id_is_kept():
    nights = [datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2)]
    copies = [talks.typos(talk(3, "en"), seeded(i), 0.003) for i in range(5)]
    when = [nights[0], nights[1], nights[1], None, None]
    assert list(oracle.groups(STAGE, table(copies, created_at=when))) == ["c1"]
    assert list(oracle.groups(STAGE, table(copies))) == ["c0"]
    scored = table(copies, created_at=when).append_column("score", [[None, 0.2, 0.2, 0.9, 0.1]])
    assert list(oracle.groups(NearDuplicates(score="score"), scored)) == ["c3"]


def test_similarity_is_the_jaccard_with_the_kept_one():
    rows = mixed("zh", 40)
    sets = oracle.shingle_sets(rows, None)
    ids = {name: i for i, name in enumerate(rows["conversation_id"].to_pylist())}
    found = [row for row in decide(STAGE, rows).to_pylist() if row["set_aside_why"]]
    assert found
    for row in found:
        exact = oracle.jaccard(sets[row[ROW.name]], sets[ids[row["dedup_kept_id"]]])
        assert row["dedup_similarity"] == pytest.approx(exact)
        assert row["dedup_similarity"] >= STAGE.threshold


def test_bands_that_find_too_few_are_refused_and_the_plan_is_told_which_would_do():
    with pytest.raises(ValidationError, match="25 bands of 5 rows would do"):
        NearDuplicates(threshold=0.7, min_threshold=0.7)
    assert NearDuplicates(threshold=0.7, min_threshold=0.7, bands=25, band_rows=5).bands == 25
