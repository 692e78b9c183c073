"""What a step gives for its examples changes only with its version: a run takes over what an equal version wrote."""

import copy

from refinery.intake.formats import FORMATS
from refinery.stages import STAGES
from tests.properties.golden import INTAKE, changes, found, kept
from tests.properties.records import DOCUMENTS


def test_no_output_changed_under_an_unchanged_version():
    said = list(changes(kept(), found()))
    assert not said, "\n".join([*said, "then accept with `python -m tests.properties.accept`"])


def test_every_format_has_a_golden_record():
    assert DOCUMENTS.keys() == FORMATS.keys()


def test_a_changed_output_says_which_version_to_raise_and_a_raised_version_only_asks_to_be_accepted(monkeypatch):
    before = found()
    assert before == found()
    assert set(before) == {INTAKE, *STAGES}
    monkeypatch.setattr("refinery.routing.srt.USAGES", ("good",) * 27)
    monkeypatch.setitem(DOCUMENTS, "native", [{**DOCUMENTS["native"][0], "queue": "day"}])
    said = list(changes(before, found()))
    assert [line for line in said if "raise the version of routing.srt (it is 1)" in line]
    assert [line for line in said if f"raise the version of {INTAKE}" in line]
    assert len(said) == 2
    raised = copy.deepcopy(before)
    raised["routing.srt"][0] += 1
    assert list(changes(before, raised)) == ["routing.srt is version 2, was 1"]
