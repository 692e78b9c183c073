"""A whole run over HTTP while the endpoint fails: each row one answer or set aside, nothing asked too often."""

import random
import re
from pathlib import Path

import pytest

from refinery.engine.run import Run
from refinery.plan import load
from refinery.stages import STAGES as WORDS
from refinery.stages import step_class
from refinery.storage.store import Store
from tests.engine.runs import KEY, DyingExecutor, published_bytes, rows
from tests.logs import STAGES, conversation, plan, write
from tests.models.endpoint import Endpoint, completion, cut, hang, malformed, status

MAX_TRIES = 4
FAULTS = [hang, status(500), status(429, **{"Retry-After": "0.05"}), cut, malformed('{"choices": ['), malformed("")]


@pytest.fixture(autouse=True)
def _listed(monkeypatch):
    monkeypatch.setitem(WORDS, "tests.judge", "tests.engine.test_ask:Judge")
    step_class.cache_clear()


def _grade(payload) -> str:
    """The last digit of the reply, but for sevens, of which a second vote would be taken; a nine breaks the schema."""
    return re.search(r"\d+", payload["messages"][0]["content"])[0][-1].replace("7", "5")


def _plan(tmp_path: Path, url: str) -> Path:
    logs = write(tmp_path / "logs" / "a.jsonl", [conversation(i) for i in range(60)])
    path = plan(tmp_path, logs, (*STAGES[:5], "tests.judge", STAGES[5]), rows=20, reducer_rows=20)
    spec = f"{{kind: http, url: '{url}', name: a, timeout_seconds: 0.3, max_tries: {MAX_TRIES}, max_wait_seconds: 0.2}}"
    path.write_text(path.read_text("utf-8") + f"models: {{m: {spec}}}\n", "utf-8")
    return path


def _run(path: Path, lake: Path):
    return Run(load(path), Store(lake), KEY, DyingExecutor(10**6), lambda *_: None)()


@pytest.mark.parametrize("seed", [1, 2])
def test_faults_of_the_endpoint_lose_no_row_and_ask_nothing_beyond_the_retries(tmp_path, seed):
    chance = random.Random(seed)

    def act(endpoint, request, payload):
        if "done 14" in str(payload) or chance.random() < 0.4:
            return chance.choice(FAULTS)(endpoint, request, payload)
        return completion(_grade(payload))

    with Endpoint(act) as endpoint:
        path = _plan(tmp_path, endpoint.url)
        _run(path, tmp_path / "lake")
        asked = endpoint.times()
        assert max(asked.values()) <= MAX_TRIES
        ((num, retries),) = rows(tmp_path / "lake", "SELECT num_asked, num_retries FROM models")
        assert (num, num + retries) == (len(asked), sum(asked.values())), "the ledger knows every attempt"
    query = """SELECT count(*), count(grade), count(*) FILTER (set_aside_by = 'tests.judge'), count(DISTINCT source_id)
               FROM conversations WHERE grade IS NOT NULL OR set_aside_by = 'tests.judge'"""
    ((total, graded, aside, distinct),) = rows(tmp_path / "lake", query)
    assert total == distinct == 60
    assert graded + aside == 60 + sum(1 for _ in rows(tmp_path / "lake", "SELECT 1 FROM conversations WHERE grade = 0"))
    wrong = """SELECT source_id, grade FROM conversations
               WHERE grade IS NOT NULL AND grade <> replace(right(source_id, 1), '7', '5')::INT"""
    assert rows(tmp_path / "lake", wrong) == [], "no answer stands beside another row"


def test_a_second_run_asks_only_what_failed(tmp_path):
    def act(endpoint, request, payload):
        return status(500)(endpoint, request, payload) if "done 13" in str(payload) else completion(_grade(payload))

    with Endpoint(act) as endpoint:
        path = _plan(tmp_path, endpoint.url)
        _run(path, tmp_path / "lake")
        first = published_bytes(tmp_path / "lake")
        assert rows(
            tmp_path / "lake", "SELECT set_aside_error FROM conversations WHERE set_aside_why = 'unanswered'"
        ) == [("status_500",)]
        endpoint.asked.clear()
        path.write_text(path.read_text("utf-8").replace("name: small", "name: again"), "utf-8")
        endpoint.act = lambda e, r, p: completion(_grade(p))
        _run(path, tmp_path / "lake")
        assert set(endpoint.times()) == {"done 13 👍"}
        assert published_bytes(tmp_path / "lake") != first
