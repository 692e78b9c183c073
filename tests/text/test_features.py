"""Features of texts: folded words, neighbours and parts of words, sentence by sentence."""

import pyarrow as pa
import pytest

from refinery.text.features import PER_CODE, SLOTS, Scratch, Tables, Texts, features, read


def slots(text: str) -> set[int]:
    found, ends, _ = features(Texts.of(pa.array([text])))
    assert ends.tolist() == [0, len(found)]
    return set(found.tolist())


def template(text: str) -> int:
    return int(features(Texts.of(pa.array([text])))[2][0])


def sentences(text: str) -> int:
    found = Texts.of(pa.array([text]))
    return read(found.data, 0, int(found.offsets[1]), Tables.shared(), Scratch.of(found.longest))[1]


@pytest.mark.parametrize(
    "one, other",
    [
        ("Which DAY", "which day"),
        ("ｗｈｉｃｈ　ｄａｙ", "which day"),
        ("at 7:45 pm", "at 12 pm"),
        ("room 12", "room [ROOM_3]"),
        ("flight A12", "flight BX9"),
        ("don’t", "DON'T"),
        ("请问，几点", "请问几点"),
        ("well, yes", "well yes"),
    ],
)
def test_spelling_numbers_and_placeholders_make_no_difference(one: str, other: str):
    assert slots(one) == slots(other) and template(one) == template(other)


@pytest.mark.parametrize(
    "one, other",
    [("Which day?", "Which day"), ("几点", "点几"), ("you can", "can you"), ("[NAME]", "[NAME_1]"), ("done", "dont")],
)
def test_words_their_order_and_a_question_mark_do(one: str, other: str):
    assert slots(one) != slots(other)


def test_inflected_words_share_their_parts_and_chinese_characters_are_words():
    assert len(slots("booking") & slots("booked")) == 3  # <bo, boo, ook
    assert slots("几点") < slots("几点") | slots("到几点")
    assert len(slots("几点")) == 5  # two characters, ^几, 几·点, 点·$


@pytest.mark.parametrize(
    "text, num",
    [
        ("Sorry. Which day? Thanks!", 3),
        ("抱歉。哪天？谢谢！", 3),
        ("It is 3.50 at a.b", 1),
        ("...", 0),
        ("", 0),
        ("?! [ ]", 0),
        ("no end", 1),
    ],
)
def test_sentences_end_at_their_marks(text: str, num: int):
    assert sentences(text) == num


def test_a_sentence_has_the_same_features_alone_and_in_a_text():
    assert slots("Sorry.") | slots("Which day?") == slots("Sorry. Which day?")


def test_no_text_writes_beyond_the_room_it_is_given():
    for text in ("a. " * 50, "a？" * 50, "0 a " * 40, "ﷺ" * 30, "[A_1]" * 20, "字" * 40, "'a'" * 20, "½" * 30):
        found = Texts.of(pa.array([text]))
        scratch = Scratch.of(found.longest)
        num, _, _ = read(found.data, 0, int(found.offsets[1]), Tables.shared(), scratch)
        assert 0 < num <= len(scratch.slots) and len(scratch.slots) >= PER_CODE * len(text), text
        assert scratch.slots[:num].max() < SLOTS


def test_slices_and_nulls_are_read_as_they_are():
    texts = pa.array(["x", None, "几点？", ""])
    found, ends, _ = features(Texts.of(texts.slice(1)))
    assert ends[0] == ends[1] == 0 and ends[2] == ends[3] and set(found.tolist()) == slots("几点？")
