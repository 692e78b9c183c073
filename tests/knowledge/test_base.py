"""Units checked, kept in versions, and compared."""

from dataclasses import replace

import pytest

from refinery.errors import InputError, LakeError, PlanError
from refinery.knowledge.atomize import load
from refinery.knowledge.base import build, diff, read, version
from refinery.knowledge.checks import checked
from refinery.knowledge.unit import Unit
from refinery.storage.store import Store


def unit(place: str, solution: str, **more: object) -> Unit:
    values = {"kind": "fragment", "scenarios": ("desk",), "background": "Desk", "questions": ("Q?",), **more}
    return Unit(key=f"doc#{place}", solution=solution, **values)


def reasons(*units: Unit) -> list[str | None]:
    return [one.set_aside_why for one in checked(units)]


def test_a_unit_lacking_a_part_is_set_aside_with_the_reason():
    assert reasons(
        unit("a", " "),
        unit("b", "Bags cost 50.", background=""),
        unit("c", "Bags cost 50.", questions=()),
        unit("d", "The user must provide:"),
        unit("e", "退款需要提供："),
    ) == ["no_solution", "no_background", "no_question", "unfinished_solution", "unfinished_solution"]


def test_a_unit_that_leans_on_another_place_is_set_aside():
    assert reasons(
        unit("a", "Offer it only for the reasons listed above."),
        unit("b", "处理方式同上。"),
        unit("c", "This can be done once."),
        unit("d", "该规则不适用于生鲜。"),
        unit("e", "It is free.", kind="question_answer"),
    ) == ["points_outside", "points_outside", "leans_on_another", "leans_on_another", None]


def test_what_is_said_twice_where_it_applies_is_kept_once():
    first, again = checked([unit("a", "WiFi is free at the Inn."), unit("b", "Wifi is free at Inn")])
    assert (again.set_aside_why, again.duplicate_of) == ("duplicate_unit", first.unit_id)
    assert reasons(unit("a", "超时可以补偿五元。"), unit("b", "超时可以补偿五元")) == [None, "duplicate_unit"]


def test_one_word_one_number_or_another_scope_makes_another_unit():
    assert (
        reasons(
            unit("a", "An order can be cancelled if it is pending."),
            unit("b", "An order can be modified if it is pending."),
            unit("c", "An order can be modified if it is pending.", entity="Inn"),
            unit("d", "An order can be modified if it is pending.", background="Other"),
            unit("e", "超时可以补偿五元。"),
            unit("f", "超时可以补偿六元。"),
        )
        == [None] * 6
    )


def test_a_short_answer_to_another_question_is_no_duplicate():
    assert reasons(unit("a", "Yes.", questions=("Pets?",)), unit("b", "Yes.", questions=("WiFi?",))) == [None, None]


def test_an_id_follows_from_the_content_alone():
    one = unit("a", "Bags cost 50.")
    assert one.unit_id == replace(one, key="other#b", version=7, valid_from="2026-01-01").unit_id
    assert one.unit_id != replace(one, solution="Bags cost 60.").unit_id
    assert len(one.unit_id) == 32


def test_the_same_units_make_no_new_version(tmp_path):
    store, units = Store(tmp_path / "base"), [unit("a", "Bags cost 50."), unit("b", "退款三天到账。")]
    assert build(store, units, "2026-01-01")[:2] == (1, True)
    assert build(store, reversed(units), "2026-02-01")[:2] == (1, False)
    assert len(store.list("")) == 1


def test_a_changed_unit_ends_the_day_the_new_one_begins_and_both_stay(tmp_path):
    store = Store(tmp_path / "base")
    build(store, [unit("a", "Bags cost 50."), unit("b", "Dogs may come.")], "2026-01-01")
    build(store, [unit("a", "Bags cost 60."), unit("c", "Cats may come.")], "2026-03-01")
    _, units = version(store)
    found = {(one.solution, one.valid_from, one.valid_until, one.version) for one in units}
    assert found == {
        ("Bags cost 50.", None, "2026-03-01", 1),
        ("Bags cost 60.", "2026-03-01", None, 2),
        ("Dogs may come.", None, "2026-03-01", 1),
        ("Cats may come.", "2026-03-01", None, 2),
    }


def test_the_day_that_a_document_states_is_taken(tmp_path):
    store = Store(tmp_path / "base")
    build(store, [unit("a", "Bags cost 50.", valid_from="2025-05-01")], "2026-01-01")
    build(store, [unit("a", "Bags cost 60.", valid_from="2026-02-01")], "2026-03-01")
    _, units = version(store)
    assert [(one.valid_from, one.valid_until) for one in units] == [("2025-05-01", "2026-02-01"), ("2026-02-01", None)]


def test_diff_names_what_changed_and_not_what_moved(tmp_path):
    old = [
        unit("a", "Bags cost 50."),
        unit("b", "Dogs may come."),
        unit("c", "Cats may come."),
        unit("d", "No smoking."),
    ]
    new = [unit("a", "Bags cost 60."), unit("x", "Dogs may come."), unit("y", "Birds may come."), unit("d", "And:")]
    changes = diff(checked(old), checked(new))
    assert [(change.what, change.key) for change in changes] == [
        ("changed", "doc#a"),
        ("removed", "doc#c"),
        ("set_aside", "doc#d"),
        ("added", "doc#y"),
    ]
    assert (changes[0].old_id, changes[0].new_id) == (old[0].unit_id, new[0].unit_id)


def test_a_version_that_is_not_there_and_a_file_that_is_none_say_so(tmp_path):
    with pytest.raises(LakeError, match="nothing was built there yet"):
        version(Store(tmp_path / "none"))
    build(Store(tmp_path / "base"), [unit("a", "Bags cost 50.")], "2026-01-01")
    with pytest.raises(LakeError, match="no version 4 .*versions 1 to 1"):
        version(Store(tmp_path / "base"), 4)
    with pytest.raises(InputError, match="no version of a knowledge base"):
        read(b'{"unit_id": 1}\n')


def test_a_knowledge_file_is_checked_whole(tmp_path):
    path = tmp_path / "knowledge.yaml"
    for text, said in (
        ("documents: [{name: a, path: a.md, format: markdown}]", "needs scenarios"),
        ("documents: [{name: a, path: a.csv, format: answers}]", "columns"),
        ("documents: [{name: a, path: a.md, format: markdown, scenarios: [x], tags: []}]", "tags.*known: name, path"),
        ("documents: [", "not YAML"),
        ("documents: [{name: a, path: no.md, format: markdown, scenarios: [x]}]", "nothing lies at"),
    ):
        path.write_text(text)
        with pytest.raises((PlanError, InputError), match=said):
            load(path).units()
