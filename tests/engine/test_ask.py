"""A model stage: asked in rounds, each distinct question once, a restart asks only what no flushed answer holds."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import orjson
import pyarrow as pa
import pytest
import ray

from refinery.engine import rounds
from refinery.engine.main import explained, refine
from refinery.engine.run import Run
from refinery.errors import ModelError, PlanError
from refinery.lake import snapshot
from refinery.models import responses
from refinery.models.chat import Part, Reply, Scripted
from refinery.plan import load
from refinery.stage import Answers, Ask, Request
from refinery.stages import STAGES as WORDS
from refinery.stages import step_class
from refinery.storage.store import Store
from tests.engine.runs import KEY, DyingExecutor, Killed, published_bytes, rows
from tests.logs import STAGES, conversation, plan, write

MODEL = "models: {m: {kind: scripted, path: answers.yaml, price: {prompt: 2, completion: 4, currency: EUR}}}\n"


class Judge(Ask):
    """Asks for a grade of the last agent turn; a seven is asked for a second vote."""

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
        grade = None
        for vote in range(10 if said == "for ever" else 2):
            schema = {"type": "integer", "maximum": 8}
            request = Request(({"role": "user", "content": said},), schema, "grade_v1/en", vote)
            grade = answers(request)
            if grade is None:
                return [request]
            if grade != 7:
                break
        return {"grade": grade, "set_aside_why": "poor" if grade == 0 else None}


@pytest.fixture(autouse=True)
def _listed(monkeypatch):
    monkeypatch.setitem(WORDS, "tests.judge", "tests.engine.test_ask:Judge")
    step_class.cache_clear()


def answer(request: Request) -> str | None:
    """Grades by the last digit of the reply; a nine breaks the schema, an eight only at first, a six is no answer."""
    said = request.messages[0]["content"]
    if said == "for ever":
        return "7"
    digit = said.split()[1][-1]
    again = "repair" in request.prompt
    return {"9": "my phone is 13812345678", "8": "9" if not again else "8", "6": None}.get(digit, digit)


class Counting:
    """Answers as `script` does, knows what it was asked, and dies after `lives` answers."""

    def __init__(self, lives: int = 10**9, script: Callable[[Request], str | None] = answer) -> None:
        self.asked, self.left, self._script = list[Request](), lives, script

    def answer(self, parts: Sequence[Part]) -> Iterator[tuple[str, Reply]]:
        for part in parts:
            for key, request in part():
                if self.left == 0:
                    raise Killed
                self.left -= 1
                self.asked.append(request)
                text = self._script(request)
                yield key, Reply(text, "" if text else "timed_out", "stop", 10, 2, 0.5, 1 if text else 3)


def _plan(tmp_path, talks=None, stages=("tests.judge",)):
    """Twenty replies in two conversations each, in two shards and two key ranges."""
    twice = [conversation(i % 20, conversation_id=f"c{i}", signals={"channel": f"x{i}"}) for i in range(40)]
    (tmp_path / "answers.yaml").write_text("[]")
    logs = write(tmp_path / "logs" / "a.jsonl", talks or twice)
    path = plan(tmp_path, logs, (*STAGES[:5], *stages, STAGES[5]), rows=20, input_bytes=15_000, reducer_rows=20)
    path.write_text(path.read_text("utf-8") + MODEL, "utf-8")
    return path


def _run(path, lake, counting=None, lives=10**6):
    return Run(load(path), Store(lake), KEY, DyingExecutor(lives), lambda *_: None, {"m": counting or Counting()})()


def _distinct(requests):
    return {r.key("") for r in requests}


def test_each_distinct_question_is_asked_once_and_answers_become_columns(tmp_path):
    model = Counting()
    _run(_plan(tmp_path), tmp_path / "lake", model)
    asked = {"first": 20, "second vote of sevens": 2, "repair of eights and nines": 4}
    assert len(_distinct(model.asked)) == len(model.asked) == sum(asked.values())
    graded = rows(tmp_path / "lake", "SELECT grade, count(*) FROM conversations GROUP BY 1 ORDER BY 1 NULLS LAST")
    assert graded == [*((g, 4) for g in (0, 1, 2, 3, 4, 5, 7, 8)), (None, 8)]
    query = "SELECT set_aside_why, count(*) FROM conversations WHERE set_aside_by = 'tests.judge' GROUP BY 1 ORDER BY 1"
    assert rows(tmp_path / "lake", query) == [("bad_answer", 4), ("poor", 4), ("unanswered", 4)]


def test_a_bad_answer_stands_beside_its_row_masked_and_with_what_is_wrong(tmp_path):
    _run(_plan(tmp_path), tmp_path / "lake")
    query = (
        "SELECT set_aside_error, raw_answers FROM conversations WHERE set_aside_why = 'bad_answer' AND source_id = 'c9'"
    )
    ((error, raw),) = rows(tmp_path / "lake", query)
    assert error == "not JSON: unexpected character, expected a JSON value at character 0"
    assert [(r["prompt"], r["vote"], r["fault"]) for r in raw] == [
        ("grade_v1/en", 0, error),
        ("grade_v1/en+repair_v1", 0, error),
    ]
    assert {r["answer"] for r in raw} == {"my phone is [PHONE_1000001]"}, (
        "never a placeholder of the conversation's own"
    )
    assert b"13812345678" not in b"".join(p.read_bytes() for p in (tmp_path / "lake").rglob("*") if p.is_file())
    query = "SELECT DISTINCT set_aside_error FROM conversations WHERE set_aside_why = 'unanswered'"
    assert rows(tmp_path / "lake", query) == [("timed_out",)]


def test_the_repair_names_the_fault_and_shows_the_bad_answer_as_data(tmp_path):
    model = Counting()
    _run(_plan(tmp_path), tmp_path / "lake", model)
    again = next(r for r in model.asked if "repair" in r.prompt and r.messages[0]["content"] == "done 8 👍")
    assert [m["role"] for m in again.messages] == ["user", "assistant", "user"]
    assert orjson.loads(again.messages[1]["content"]) == "9"
    assert '"$: maximum 8"' in again.messages[2]["content"]


def test_totals_stand_in_models_with_their_cost(tmp_path):
    model = Counting()
    _run(_plan(tmp_path), tmp_path / "lake", model)
    names = "stage, num_requests, num_asked, num_replayed, num_failed, num_repairs, num_retries, prompt_tokens"
    ((*counts, out, seconds, cost, currency),) = rows(
        tmp_path / "lake", f"SELECT {names}, completion_tokens, seconds, cost, currency FROM models"
    )
    assert counts == ["tests.judge", 26, 26, 0, 2, 4, 24 + 2 * 3, 240]
    assert (out, seconds, currency) == (48, 12.0, "EUR")
    assert cost == pytest.approx((240 * 2 + 48 * 4) / 1e6)


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """A plan over twenty replies in two conversations each, what an undisturbed run published, and what it asked."""
    home = tmp_path_factory.mktemp("calm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(WORDS, "tests.judge", "tests.engine.test_ask:Judge")
        path, model = _plan(home), Counting()
        _run(path, home / "lake", model)
    return path, published_bytes(home / "lake"), model.asked


def _killed_while_asking(calm, lake, lives):
    path, published, asked = calm
    first, second = Counting(lives), Counting()
    with pytest.raises(Killed):
        _run(path, lake, first)
    _run(path, lake, second)
    again = len(first.asked) + len(second.asked) - len(asked)
    failed = sum(answer(r) is None for r in first.asked)
    assert 0 <= again <= 3 + failed, "at most what was not flushed yet, and what had failed"
    assert _distinct(first.asked) | _distinct(second.asked) == _distinct(asked)
    assert published_bytes(lake) == published


def _killed_between_tasks(calm, lake, lives):
    path, published, _ = calm
    first, second = Counting(), Counting()
    with pytest.raises(Killed):
        _run(path, lake, first, lives)
    _run(path, lake, second)
    twice = [r for r in second.asked if r.key("") in _distinct(first.asked)]
    assert all(answer(r) is None for r in twice), "only failures, and only before their round is sealed"
    assert published_bytes(lake) == published


@pytest.mark.parametrize("lives", [0, 9, 23])
def test_killed_while_asking_it_asks_again_only_what_was_not_flushed(tmp_path, monkeypatch, calm, lives):
    monkeypatch.setattr(responses, "FLUSH_ANSWERS", 4)
    _killed_while_asking(calm, tmp_path / "lake", lives)


@pytest.mark.parametrize("lives", [9, 16, 21])
def test_killed_between_tasks_it_asks_nothing_twice(tmp_path, calm, lives):
    _killed_between_tasks(calm, tmp_path / "lake", lives)


@pytest.mark.slow
def test_killed_at_every_answer_and_every_task_it_publishes_the_same(tmp_path, monkeypatch, calm):
    monkeypatch.setattr(responses, "FLUSH_ANSWERS", 4)
    for lives in range(len(calm[2])):
        _killed_while_asking(calm, tmp_path / f"asking-{lives}", lives)
    for lives in range(_num_tasks(calm[0], tmp_path / "counted")):
        _killed_between_tasks(calm, tmp_path / f"tasks-{lives}", lives)


def _num_tasks(path, lake):
    executor = DyingExecutor(10**6)
    Run(load(path), Store(lake), KEY, executor, lambda *_: None, {"m": Counting()})()
    return 10**6 - executor.left


def test_another_run_of_the_lake_asks_only_what_no_run_was_answered(tmp_path):
    _run(_plan(tmp_path), tmp_path / "lake")
    more = [conversation(i, conversation_id=f"d{i}") for i in range(15, 25)]
    other, model = tmp_path / "other", Counting()
    other.mkdir()
    path = _plan(other, more)
    _run(path, tmp_path / "lake", model)
    assert {r.messages[0]["content"].split()[1] for r in model.asked if answer(r)} == {"20", "21", "22", "23", "24"}
    ((asked, replayed, tokens),) = rows(
        tmp_path / "lake",
        f"SELECT num_asked, num_replayed, prompt_tokens FROM models WHERE run_id = '{load(path).run_id()}'",
    )
    assert (asked, replayed) == (len(model.asked), 4 + 2 + 1), (
        "15 17 18 19, repairs of 18 and 19, the second vote of 17"
    )
    assert tokens == 10 * sum(answer(r) is not None for r in model.asked)


def test_a_model_under_other_parameters_is_another_model(tmp_path):
    path, model = _plan(tmp_path), Counting()
    _run(path, tmp_path / "lake")
    path.write_text(path.read_text("utf-8").replace("answers.yaml,", "answers.yaml, temperature: 0.5,"), "utf-8")
    _run(path, tmp_path / "lake", model)
    assert len(model.asked) == 26


def test_a_price_that_changes_is_the_same_run(tmp_path):
    path = _plan(tmp_path)
    first = _run(path, tmp_path / "lake")
    path.write_text(path.read_text("utf-8").replace("prompt: 2", "prompt: 3"), "utf-8")
    assert _run(path, tmp_path / "lake") == first._replace(published=False, seconds=0.0)


def test_a_fold_that_never_has_enough_ends(tmp_path):
    endless = conversation(1)
    endless["messages"][-1]["content"] = "for ever"
    model = Counting()
    _run(_plan(tmp_path, [conversation(0), endless]), tmp_path / "lake", model)
    query = "SELECT source_id, set_aside_why, set_aside_error FROM conversations WHERE source_id = 'c1'"
    assert rows(tmp_path / "lake", query) == [("c1", "unanswered", "max_rounds")]
    assert len(model.asked) == 1 + 2 * Judge.max_rounds


def test_a_row_on_which_the_fold_breaks_costs_that_row(tmp_path):
    broken = conversation(1)
    broken["messages"][-1]["content"] = "break"
    _run(_plan(tmp_path, [conversation(0), broken, conversation(4)]), tmp_path / "lake")
    query = "SELECT source_id, set_aside_why, set_aside_error FROM conversations WHERE set_aside_by = 'tests.judge'"
    found = dict((i, (why, error)) for i, why, error in rows(tmp_path / "lake", query))
    assert found["c1"][0] == "stage_fault"
    assert found["c1"][1].startswith("ValueError at test_ask.py:")


def test_a_model_that_answers_nothing_stops_the_run_and_what_was_answered_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(rounds, "_MAX_FAILED_IN_A_ROW", 6)
    left = iter(range(8))
    path = _plan(tmp_path)
    with pytest.raises(ModelError, match="6 requests in a row failed, the last with timed_out"):
        _run(path, tmp_path / "lake", Counting(script=lambda r: "1" if next(left, None) is not None else None))
    assert snapshot.latest(Store(tmp_path / "lake")) == 0
    second = Counting(script=lambda r: "1")
    _run(path, tmp_path / "lake", second)
    assert len(second.asked) == 12


def test_a_slow_trickle_of_answers_is_flushed_by_the_clock(tmp_path, monkeypatch):
    monkeypatch.setattr(responses, "FLUSH_SECONDS", 0.0)
    monkeypatch.setattr(responses, "_TICK_SECONDS", 0.01)
    store = responses.Responses(Store(tmp_path), "m")
    with responses.Book(store, "run", "failed", "scratch") as book:
        book.add("a" * 32, Reply("1"))
        for _ in range(500):
            if store.files():
                break
            import time

            time.sleep(0.01)
        assert store.files(), "written before the book is closed"


def test_a_stage_that_asks_a_model_which_the_plan_does_not_name_is_refused(tmp_path):
    path = _plan(tmp_path)
    path.write_text(path.read_text("utf-8").replace("{m: ", "{n: "), "utf-8")
    with pytest.raises(PlanError, match=r"stage 'tests.judge' asks the model 'm'; known: n"):
        load(path)


def test_a_key_that_is_not_set_is_said_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    path = _plan(tmp_path)
    spec = "models: {m: {kind: http, url: 'http://127.0.0.1:1/v1', name: a, api_key_env: NO_SUCH_KEY}}\n"
    path.write_text(path.read_text("utf-8").replace(MODEL, spec), "utf-8")
    with pytest.raises(PlanError, match="NO_SUCH_KEY"):
        Run(load(path), Store(tmp_path / "lake"), KEY, DyingExecutor(0), lambda *_: None)()


def test_explain_and_summary_show_who_is_asked(tmp_path, capsys):
    path = _plan(tmp_path, [conversation(0), conversation(4)])
    (tmp_path / "answers.yaml").write_text("- {answer: 4}\n")
    (asked,) = [line for line in explained(path, None, None).splitlines() if "asks m:" in line]
    assert "kind=scripted, path=" in asked
    assert "price={'prompt': 2.0" in asked
    refine(path, source=None, target=str(tmp_path / "lake"), limit=None, engine="local")
    (line,) = [x.split() for x in capsys.readouterr().err.splitlines() if "tests.judge" in x and "answers.yaml@" in x]
    assert line[2:] == ["2", "0", "0", "0", "0", "0.00", "EUR"]


@pytest.fixture
def _own_ray():
    """Ray as the run starts it; ended after, since the agent of a second head finds its port taken."""
    yield
    ray.shutdown()


@pytest.mark.ray
@pytest.mark.usefixtures("_own_ray")
def test_on_a_cluster_the_rounds_publish_what_one_process_publishes(tmp_path):
    path = _plan(tmp_path, stages=("quality.judge: {model: m, votes: 2}",))
    answer = "{explanation: a, knowledge_density: 1, completeness: 2, correctness: null, service_quality: 4}"
    (tmp_path / "answers.yaml").write_text(f"- {{prompt: judge_v1/en, answer: {answer}}}\n")
    refine(path, source=None, target=str(tmp_path / "one"), limit=None, engine="local")
    refine(path, source=None, target=str(tmp_path / "many"), limit=None, engine="cluster")
    assert published_bytes(tmp_path / "one") == published_bytes(tmp_path / "many")
    query = """SELECT count(*) FILTER (judge_completeness = 2), count(*) FILTER (set_aside_why = 'unanswered')
               FROM conversations"""
    assert rows(tmp_path / "many", query) == [(20, 20)]


def test_a_request_that_no_scripted_line_fits_sets_its_row_aside(tmp_path):
    path = _plan(tmp_path, [conversation(0), conversation(4)])
    (tmp_path / "answers.yaml").write_text("- {prompt: grade_v1/en, contains: done 4, answer: 4}\n")
    Run(load(path), Store(tmp_path / "lake"), KEY, DyingExecutor(10**6), lambda *_: None)()
    found = rows(tmp_path / "lake", "SELECT source_id, grade, set_aside_error FROM conversations ORDER BY 1")
    assert found == [("c0", None, "no_answer"), ("c4", 4, None)]


def test_scripted_answers_need_no_code(tmp_path):
    request = Request(({"role": "user", "content": "x"},), {}, "p")
    assert list(Scripted(lambda r: "1").answer([lambda: [("k", request)]])) == [("k", Reply("1"))]
