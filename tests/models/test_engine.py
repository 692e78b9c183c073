"""The real engine (vLLM on CPU, a small model): plumbing, never quality. Marked `models`; see make test-models."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from refinery.engine.local import LocalExecutor
from refinery.engine.run import Run
from refinery.errors import ModelError
from refinery.models import vllm
from refinery.models.chat import Reply
from refinery.models.spec import VllmModel
from refinery.models.vllm import Vllm
from refinery.plan import load
from refinery.quality.judge import Judge
from refinery.stage import Request
from refinery.storage.store import Store
from tests.engine.runs import KEY, rows
from tests.faults.killing import descendants
from tests.logs import STAGES, conversation, plan, write
from tests.models.endpoint import Endpoint, cut, malformed, status

pytestmark = pytest.mark.models
TALKS = 20
ENGINE = {"max_model_len": 2048, "enforce_eager": True}  # as it starts fastest
SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["score"],
    "additionalProperties": False,
}
_PATIENCE = 400.0


@pytest.fixture(scope="module")
def small() -> Path:
    """The folder that `refinery models get smollm2` made."""
    folder = Path(os.environ.get("REFINERY_SMALL_MODEL", "")).resolve()
    assert (folder / "config.json").is_file(), "run `make test-models`: it makes the environment and the model"
    return folder


def _plan(home: Path, model: str) -> Path:
    logs = write(home / "logs" / "a.jsonl", [conversation(i) for i in range(TALKS)])
    path = plan(home, logs, (*STAGES[:5], "quality.judge: {model: small}", STAGES[5]), rows=10)
    path.write_text(path.read_text("utf-8") + f"models: {{small: {model}}}\n", "utf-8")
    return path


def _run(path: Path, lake: Path) -> None:
    Run(load(path), Store(lake), KEY, LocalExecutor(), lambda *_: None)()


def _holds(lake: Path) -> dict[str, int]:
    """Nothing is lost, and every row was judged under the schema or is set aside with what the model said."""
    query = """SELECT count(*), count(judge_votes), count(*) FILTER (set_aside_by = 'quality.judge'),
               count(*) FILTER (set_aside_why = 'bad_answer' AND len(raw_answers) = 2),
               count(*) FILTER (set_aside_why = 'bad_answer') FROM conversations"""
    ((total, judged, aside, kept, bad),) = rows(lake, query)
    assert total == TALKS == judged + aside
    assert kept == bad, "a bad answer is kept, the first and the repaired one"
    names = "num_asked, num_replayed, num_failed, num_repairs, num_retries, prompt_tokens, completion_tokens"
    ((*numbers,),) = rows(lake, f"SELECT {names} FROM models")
    found = dict(zip(names.split(", "), numbers, strict=True)) | {"num_judged": judged, "num_bad": bad}
    assert found["prompt_tokens"] > found["completion_tokens"] > 0
    return found


def test_twenty_conversations_are_judged_by_the_engine_and_a_second_run_asks_nothing(small, tmp_path):
    spec = f"{{kind: vllm, path: {small}, max_tokens: 200, engine: {{max_model_len: 2048, enforce_eager: true}}}}"
    path, lake = _plan(tmp_path, spec), tmp_path / "lake"
    _run(path, lake)
    first = _holds(lake)
    assert first["num_asked"] == TALKS + first["num_repairs"] and first["num_failed"] == 0
    path.write_text(path.read_text("utf-8").replace("name: small", "name: again"), "utf-8")
    _run(path, lake)
    again = rows(lake, "SELECT num_asked, num_replayed, prompt_tokens FROM models")
    assert again == [(0, first["num_asked"], 0)]


def _part(name: str, texts: list[str]):
    return lambda: [
        (f"{name}-{i}", Request(({"role": "user", "content": t},), SCHEMA, "p/en")) for i, t in enumerate(texts)
    ]


def test_a_request_that_the_engine_refuses_costs_that_request(small):
    model = VllmModel(kind="vllm", path=small, max_tokens=30, engine=ENGINE)
    found = dict(Vllm(model).answer([_part("a", ["score 1 to 5?", "too long " * 3000]), _part("b", ["score?"])]))
    assert found["a-1"] == Reply(None, "refused_by_engine")
    assert all(found[key].text and found[key].completion_tokens for key in ("a-0", "b-0"))


def test_a_schema_that_is_not_sent_binds_nothing(small):
    model = VllmModel(kind="vllm", path=small, max_tokens=30, engine=ENGINE, schema_sent=False)
    ((_, reply),) = Vllm(model).answer([_part("a", ["Say hello."])])
    assert reply.text and "{" not in reply.text, "bound, it could say nothing else"


def test_an_engine_that_dies_ends_the_asking_and_says_so(small, monkeypatch):
    monkeypatch.setattr(vllm, "_MAX_RESTARTS", 0)
    model = VllmModel(kind="vllm", path=small, max_tokens=600, batch_size=2, batches_in_flight=1, engine=ENGINE)
    texts = [f"Write {i} long stories." for i in range(200)]
    answers = Vllm(model).answer([_part("a", texts)])
    next(answers)
    actors = [
        pid for pid in descendants(os.getpid()) if b"vLLMEngineStageUDF" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    engines = [pid for actor in actors for pid in descendants(actor)]
    assert engines, "the engine runs in processes of its own below its actor"
    for pid in engines:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with pytest.raises(ModelError, match="died or did not start"):
        list(answers)


class Server:
    """A real `vllm serve`, which can be killed and started again."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.url = f"http://127.0.0.1:{port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        serve = [str(Path(sys.executable).parent / "vllm"), "serve", str(self.folder), "--port", str(self.port)]
        more = ["--host", "127.0.0.1", "--served-model-name", "small", "--max-model-len", "2048", "--enforce-eager"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
        self.process = subprocess.Popen([*serve, *more], env=environment, **quiet)

    def wait(self) -> None:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            assert self.process.poll() is None, "vllm serve ended"
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(1)
        raise AssertionError(f"vllm serve did not come up in {_PATIENCE:g} s")

    def kill(self) -> None:
        for pid in [*descendants(self.process.pid), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(small) -> Iterator[Server]:
    with Endpoint() as free:
        port = free.port
    found = Server(small, port)
    found.start()
    try:
        found.wait()
        yield found
    finally:
        found.kill()


async def _slow(*_) -> None:
    await asyncio.sleep(12)


def test_a_real_server_with_faults_in_between_and_killed_once_loses_no_row(server, tmp_path):
    chance, killed = random.Random(5), []
    faults = [status(429, **{"Retry-After": "1"}), status(500), cut, malformed('{"choices": ['), _slow]

    async def forward(endpoint, request, payload):
        if len(endpoint.asked) == 12 and not killed:
            killed.append(True)
            server.kill()
            server.start()
        if chance.random() < 0.25:
            found = chance.choice(faults)(endpoint, request, payload)
            return await found if asyncio.iscoroutine(found) else found
        try:
            async with aiohttp.ClientSession() as session:
                async with session.post(f"{server.url}/v1/chat/completions", json=payload) as answer:
                    return web.Response(status=answer.status, body=await answer.read())
        except aiohttp.ClientError:
            return web.Response(status=502)

    with Endpoint(forward) as endpoint:
        spec = (
            f"{{kind: http, url: '{endpoint.url}', name: small, max_tokens: 200, timeout_seconds: 60, max_tries: 6,"
            f" max_wait_seconds: 20, max_in_flight: 8, max_outage_seconds: {_PATIENCE}}}"
        )
        path, lake = _plan(tmp_path, spec), tmp_path / "lake"
        _run(path, lake)
        found = _holds(lake)
        assert killed and found["num_retries"] > 0
        assert found["num_asked"] == TALKS + found["num_repairs"]
        assert len(endpoint.asked) == found["num_asked"] + found["num_retries"], "the ledger knows every attempt"
        assert all("json_schema" in str(payload["response_format"]) for _, payload in endpoint.asked)


def test_the_judges_schema_is_one_that_the_engine_takes(small):
    ask = Judge(model="m")
    ((request,),) = ([ask.fold(row, lambda _: None) for _, rows in Judge.examples()[:1] for row in rows[:1]],)
    model = VllmModel(kind="vllm", path=small, max_tokens=200, engine=ENGINE)
    ((_, reply),) = Vllm(model).answer([lambda: [("k", request[0])]])
    assert reply.text and reply.text.lstrip().startswith("{")
