"""A model stage: asked in rounds, each distinct question once, a restart asks only what no booked answer holds."""

from typing import Any, ClassVar

import pyarrow as pa
import pytest

from refinery.engine.run import Run
from refinery.errors import PlanError
from refinery.models.chat import Scripted
from refinery.plan import load
from refinery.stage import Answers, Ask, Request
from refinery.stages import STAGES as WORDS
from refinery.stages import step_class
from refinery.storage.store import Store
from tests.engine.runs import KEY, DyingExecutor, Killed, published_bytes, rows
from tests.logs import STAGES, conversation, plan, write


class Judge(Ask):
    """Asks for a grade of the last agent turn; an answer that is no number is asked for once more."""

    name: ClassVar[str] = "tests.judge"
    version: ClassVar[int] = 1
    max_rounds: ClassVar[int] = 2
    model: str = "m"

    def reads(self) -> frozenset[str]:
        return frozenset({"turns"})

    def writes(self) -> pa.Schema:
        return pa.schema([("grade", pa.int64()), ("set_aside_why", pa.string())])

    @classmethod
    def examples(cls):
        return []

    def fold(self, row: dict[str, Any], answers: Answers) -> dict[str, Any] | list[Request]:
        said = row["turns"][-1]["content"]
        if said == "break":
            raise ValueError(said)
        for vote in range(2):
            request = Request(({"role": "user", "content": said},), {"type": "integer"}, "grade v1", vote)
            text = answers(request)
            if text is None:
                return [request]
            if text.isdigit():
                return {"grade": int(text), "set_aside_why": "poor" if text == "0" else None}
        return [Request(({"role": "user", "content": "give up"},), {}, "never answered", len(said))]


@pytest.fixture
def asked(monkeypatch) -> list[Request]:
    """What the model was asked, in order; it grades by the last digit, and needs two tries for sevens."""
    monkeypatch.setitem(WORDS, "tests.judge", "tests.engine.test_ask:Judge")
    step_class.cache_clear()
    return []


def _answerer(asked: list[Request]) -> Scripted:
    def script(request: Request) -> str:
        asked.append(request)
        digit = request.messages[0]["content"].split()[1][-1]
        return "hm" if digit == "9" or (digit == "7" and request.vote == 0) else digit

    return Scripted(script)


def _plan(tmp_path):
    # The same hundred replies in two conversations each, over many shards.
    twice = [conversation(i % 100, conversation_id=f"c{i}", signals={"channel": f"x{i}"}) for i in range(200)]
    return plan(tmp_path, write(tmp_path / "logs" / "a.jsonl", twice), (*STAGES[:5], "tests.judge", STAGES[5]), rows=20)


def _run(path, lake, asked, lives=10**6):
    return Run(load(path), Store(lake), KEY, DyingExecutor(lives), lambda *_: None, _answerer(asked))()


def test_each_distinct_question_is_asked_once_and_answers_become_columns(tmp_path, asked):
    _run(_plan(tmp_path), tmp_path / "lake", asked)
    assert len({r.key("m") for r in asked}) == len(asked) == 100 + 20, "a hundred replies, and sevens and nines again"
    graded = rows(tmp_path / "lake", "SELECT grade, count(*) FROM conversations GROUP BY 1 ORDER BY 1 NULLS LAST")
    assert graded == [*((g, 20) for g in range(9)), (None, 20)]
    query = "SELECT set_aside_why, count(*) FROM conversations WHERE set_aside_by = 'tests.judge' GROUP BY 1 ORDER BY 1"
    assert rows(tmp_path / "lake", query) == [("poor", 20), ("unanswered", 20)]


@pytest.mark.parametrize("lives", [8, 20, 30])
def test_killed_between_answers_it_asks_only_what_is_missing(tmp_path, asked, lives):
    path, first, second = _plan(tmp_path), list[Request](), list[Request]()
    _run(path, tmp_path / "calm", asked)
    with pytest.raises(Killed):
        _run(path, tmp_path / "lake", first, lives)
    _run(path, tmp_path / "lake", second)
    assert len(first) + len(second) == len(asked)
    assert published_bytes(tmp_path / "lake") == published_bytes(tmp_path / "calm")


def test_a_row_on_which_the_fold_breaks_costs_that_row(tmp_path, asked):
    broken = conversation(1)
    broken["messages"][-1]["content"] = "break"
    logs = write(tmp_path / "logs" / "a.jsonl", [conversation(0), broken, conversation(4)])
    _run(plan(tmp_path, logs, (*STAGES[:5], "tests.judge", STAGES[5])), tmp_path / "lake", asked)
    query = "SELECT source_id, set_aside_why, set_aside_error FROM conversations WHERE set_aside_by = 'tests.judge'"
    found = dict((i, (why, error)) for i, why, error in rows(tmp_path / "lake", query))
    assert found["c1"][0] == "stage_fault"
    assert found["c1"][1].startswith("ValueError at test_ask.py:")


def test_a_plan_that_asks_needs_somebody_to_ask(tmp_path, asked):
    with pytest.raises(PlanError, match=r"\['tests.judge'\] ask a model, and this run has none"):
        Run(load(_plan(tmp_path)), Store(tmp_path / "lake"), KEY, DyingExecutor(0), lambda *_: None)
