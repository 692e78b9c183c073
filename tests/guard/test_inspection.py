"""Conversations that are inspected together are answered as if alone, and one that breaks costs no other."""

import threading
from pathlib import Path

import orjson
import pytest

from refinery.guard.inspection import Desk, Inspection
from refinery.guard.request import asked
from tests.guard.house import rules, talk


@pytest.fixture(scope="module")
def inspection(tmp_path_factory) -> Inspection:
    return Inspection(rules(Path(tmp_path_factory.mktemp("r")) / "rules"))


def rows(*replies):
    return [asked(orjson.dumps(talk(reply)), 10_000, "2026-05-01").row for reply in replies]


def test_together_is_as_alone(inspection):
    several = rows("随便", "好的", "whatever, call 13812345678", "")
    assert inspection(several) == [inspection([row])[0] for row in several]


def test_one_that_breaks_costs_its_own_answer_alone(inspection):
    class Touchy:
        version = inspection.version

        def __call__(self, several):
            if any("boom" in row["turns"][1]["content"] for row in several):
                raise ValueError
            return inspection(several)

    desk = Desk(Touchy())
    answers = [desk.ask(row) for row in rows("随便", "boom", "好的")]
    assert [len(answer.result().findings) for answer in (answers[0], answers[2])] == [1, 0]
    with pytest.raises(ValueError):
        answers[1].result()
    desk.close()


def test_one_that_nobody_waits_for_any_more_is_passed_over(inspection):
    begun, go_on, seen = threading.Event(), threading.Event(), []

    class Held:
        version = inspection.version

        def __call__(self, several):
            seen.append(len(several))
            begun.set()
            go_on.wait(10)
            return inspection(several)

    desk = Desk(Held())
    first = desk.ask(rows("好的")[0])
    begun.wait(10)
    gone, last = desk.ask(rows("好的")[0]), desk.ask(rows("随便")[0])
    assert gone.cancel()
    go_on.set()
    assert [len(answer.result().findings) for answer in (first, last)] == [0, 1]
    assert seen == [1, 1]
    desk.close()
