"""Which words belong to known phrases."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refinery.errors import PlanError
from refinery.plan import load as read_plan
from refinery.quality.heuristics import Heuristics
from refinery.quality.phrases import SHIPPED, Phrases, load
from refinery.quality.units import cut
from tests.logs import plan
from tests.properties import tables
from tests.quality.test_heuristics import said


def covered(phrases, text):
    units = cut(pa.array([text]))
    return "".join("x" if hit else "." for hit in Phrases({"known": phrases}).cover(units)["known"])


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("Thank you, the parcel came. Bye!", "xx...x"),
        ("THANK   YOU", "xx"),
        ("thank", "."),
        ("you thank you thank", ".xx."),
        ("您好，请问我的包裹呢", "xx......."),
        ("不好", ".."),
        ("您好好", "xx."),
        ("", ""),
    ],
)
def test_a_phrase_is_found_wherever_its_words_stand_together(text, hits):
    assert covered(["thank you", "bye", "您好"], text) == hits


def test_phrases_may_overlap_and_one_may_begin_another():
    assert covered(["good morning", "morning sir", "good"], "good morning sir, good") == "xxxx"


def test_a_phrase_does_not_reach_into_the_next_text():
    units = cut(pa.array(["thank", "you", "thank you"]))
    assert Phrases({"known": ["thank you"]}).cover(units)["known"].tolist() == [False, False, True, True]


def test_lists_are_told_apart_and_may_share_a_phrase():
    units = cut(pa.array(["hi, one moment, ok"]))
    found = Phrases({"a": ["hi", "ok"], "b": ["one moment", "ok"], "none": []}).cover(units)
    assert {name: mask.tolist() for name, mask in found.items()} == {
        "a": [True, False, False, True],
        "b": [False, True, True, True],
        "none": [False] * 4,
    }


@given(st.sets(st.text(alphabet="abc", min_size=1, max_size=4), max_size=5), st.text(alphabet="abc", max_size=12))
def test_hashed_lookup_finds_what_a_plain_search_finds(phrases, letters):
    """Each letter a word of its own."""
    spaced = [" ".join(phrase) for phrase in sorted(phrases)]
    plain = ["."] * len(letters)
    for phrase in phrases:
        for hit in re.finditer(f"(?={phrase})", letters):
            plain[hit.start() : hit.start() + len(phrase)] = "x" * len(phrase)
    assert covered(spaced, " ".join(letters)) == "".join(plain)


def test_the_shipped_lists_are_whole_phrases_of_both_languages_without_repeats():
    lists = load(SHIPPED)
    for name, by_language in (("greetings", lists.greetings), ("boilerplate", lists.boilerplate)):
        for language, phrases in by_language.items():
            assert len(phrases) == len(set(phrases)), (name, language)
            assert len(phrases) > 60
            assert all(phrase.isascii() == (language == "en") for phrase in phrases if phrase not in _LOANS)


_LOANS = ("ok", "hi", "hello", "bye")
"""English words that stand in Chinese chats."""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("version: 1\ngreetings: {zh: [好], fr: [salut]}\nboilerplate: {}\ncommon_english: []", "greetings.fr"),
        ("version: 1\ngreetings: {}\nboilerplate: {}\ncommon_english: [yes]", "common_english.0"),
        ("greetings: [", "cannot read the phrases in mine.yaml"),
    ],
)
def test_a_wrong_file_says_where_and_repeats_no_content(tmp_path, content, said):
    path = tmp_path / "mine.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PlanError, match=said) as caught:
        load(path)
    assert "salut" not in str(caught.value)


MINE = "version: 1\ngreetings: {en: [ahoy]}\nboilerplate: {zh: [请稍等]}\ncommon_english: [the]\n"


def test_a_plan_may_name_a_file_of_its_own_and_its_content_is_part_of_the_fingerprint(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(MINE, encoding="utf-8")
    stage = "quality.heuristics: {phrases: mine.yaml}"
    path = plan(tmp_path, tmp_path / "logs", ("intake.redact", stage, "intake.identity"))
    step = read_plan(path).stages[1]
    before = step.fingerprint()
    rows = tables.table(step, [{"turns": said(("user", "Ahoy! Hello?")), "end_reason": None}])
    assert step.open()(rows)["num_words_beyond_greetings"].to_pylist() == [1]
    mine.write_text(MINE.replace("ahoy", "ahoy, hello"), encoding="utf-8")
    assert step.fingerprint() != before
    assert step.open()(rows)["num_words_beyond_greetings"].to_pylist() == [0]


def test_the_shipped_phrases_are_part_of_the_fingerprint():
    (data,) = Heuristics().contents()["phrases"].values()
    assert data == SHIPPED.read_bytes()
