"""`dedup.near` on real conversations: against brute force on 5,000 of them, planted copies, tau2's pairs, STC-3."""

import pytest

from tests.dedup import figures, oracle, real, talks
from tests.dedup.real import LANGUAGES, STAGE

pytestmark = pytest.mark.slow
every_language = pytest.mark.parametrize("language", LANGUAGES)


@every_language
def test_recall_of_pairs_by_jaccard_band_and_precision_of_links_on_5000(shared, language):
    found = real.against_brute_force(shared, language)
    assert found.exact >= 0.99 * found.links > 0
    for band in found.bands:
        if band.low >= STAGE.threshold:
            assert band.num >= 50
            assert band.linked >= 0.97 * band.num, band


@every_language
@pytest.mark.parametrize("kind", talks.KINDS)
def test_planted_copies_of_real_conversations_have_an_f1_of_97_where_they_are_near(shared, language, kind):
    results = real.planted(shared, language, kind)
    assert any(one.near >= 50 for one in results)
    for one in results:
        assert one.near < 50 or one.f1 >= 0.97, one


@every_language
def test_copies_below_the_threshold_are_compared_as_often_as_the_arithmetic_says(shared, language):
    found = [one for kind in talks.KINDS for one in real.planted(shared, language, kind)]
    for at, low in enumerate(real.BELOW):
        parts = [one.below[at] for one in found]
        num, compared = (sum(part[k] for part in parts) for k in (1, 2))
        expected = sum(part[1] * part[3] for part in parts) / num
        # Sketches let go of pairs that they take for farther than 0.2 below the lowest threshold.
        slack = 0.22 if low < 0.6 else 0.1 if low < 0.65 else 0.06
        assert num >= 50
        assert expected - slack <= compared / num <= expected + 0.06, low


@every_language
def test_real_conversations_with_other_numbers_stay_apart_and_are_marked(shared, language):
    found = real.other_numbers(shared, language)
    assert found.num >= 500
    assert found.merged + found.marked == found.num
    assert found.merged <= 0.005 * found.num, "those whose new numbers are the old ones in another order"
    assert found.alike >= 0.95 * found.marked, "the numbers alone differ"


def test_the_conversations_that_tau2_holds_twice_are_its_only_groups(shared):
    rows = real.conversations(shared, "tau2")
    files = dict(zip(rows["conversation_id"].to_pylist(), rows["source_file"].to_pylist(), strict=True))
    twice = {"09c941e5": "e52d1d07", "3b514b95": "dfd71123"}
    groups = oracle.groups(STAGE, rows)
    assert len(groups) == 164
    for members in groups.values():
        first, second = sorted(files[name][:8] for name in members)
        assert twice[first] == second


@pytest.mark.parametrize("name", ["stc3-cn", "stc3-en"])
def test_boilerplate_of_many_brands_makes_no_group_of_stc3(shared, name):
    assert oracle.groups(STAGE, real.several_turns(shared, name)) == {}


def test_the_table_of_figures_has_a_row_for_each_language_kind_and_strength(shared):
    text = figures.report(shared)
    for language in LANGUAGES:
        for kind, (_, strengths) in talks.KINDS.items():
            assert text.count(f"| {language} | {kind} |") == len(strengths)
