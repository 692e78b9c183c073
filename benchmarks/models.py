"""What the model plane costs beside the model: rounds and response store, replay, the HTTP client, vLLM's engine.

    python -m benchmarks.models store --num 20000       each request through fold, need, store, seal, fold
    python -m benchmarks.models replay --num 100000     the same again, every answer from the store
    python -m benchmarks.models client --num 5000       the HTTP client against an endpoint that answers at once
    python -m benchmarks.models engine --folder DIR     tokens/s of the plane and of the bare engine, in turns

`store` and `replay` use one process and a scripted model that answers at once, so all their time is overhead. `engine`
runs in the environment of `make test-models`; start-up is left out of both sides. `--model` gives it more of a plan's
model as JSON. On a GPU, and with a folder that holds a config and a tokenizer but no weights (the text is then noise):

    --model '{"gpus": 1, "engine": {"max_model_len": 2048, "dtype": "bfloat16", "load_format": "dummy"}}'
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from refinery.engine.booked import Booked
from refinery.engine.bundle import Bundle
from refinery.engine.manifest import Entry, read_entries
from refinery.engine.rounds import RANGE_ROWS, Asking, rounds
from refinery.engine.tasks import Work
from refinery.models.chat import Answerer, Scripted
from refinery.models.spec import HttpModel, VllmModel
from refinery.quality.judge import DIMENSIONS, Judge
from refinery.records.conversation import TURN
from refinery.records.fate import FATE
from refinery.stage import Request
from refinery.storage.shards import ShardWriter
from refinery.storage.store import Store

SHARD_ROWS = 20_000
SCHEMA = pa.schema([("source", pa.string()), ("turns", pa.list_(TURN)), *FATE])
ANSWER = orjson.dumps({"explanation": "Turn 3 settles it.", **dict.fromkeys(DIMENSIONS, 4)}).decode()
IDENTITY = '["scripted",{}]'


def shards(store: Store, num: int) -> list[dict[str, Any]]:
    """Conversations of four turns, all different, as the engine's shards."""
    blank: dict[str, Any] = dict.fromkeys(TURN.names)
    roles = ("user", "assistant", "user", "assistant")
    tasks = []
    for start in range(0, num, SHARD_ROWS):
        rows = []
        for i in range(start, min(num, start + SHARD_ROWS)):
            said = (f"Where is order {i}?", f"Let me look up {i} for you.", "thanks", f"It arrives at {i % 24}:00.")
            turns = [
                blank | {"turn_idx": j, "role": r, "content": t}
                for j, (r, t) in enumerate(zip(roles, said, strict=True))
            ]
            rows.append({"source": "s", "turns": turns})
        with ShardWriter(store, SCHEMA, "scratch", "wide") as out:
            out.write(pa.Table.from_pylist(rows, schema=SCHEMA))
            tasks.append({"task": len(tasks), "path": out.finish("shards", f"s{len(tasks)}").path})
    return tasks


def asked(
    store: Store, tasks: list[dict[str, Any]], num: int, folder: str, answerer: Answerer
) -> tuple[float, dict[str, Any]]:
    """Seconds and totals of all rounds."""
    ask = Judge(model="m")
    work = Work(
        store.url, folder, "scratch", folder, "ask", (Bundle.of(ask),), 1, SCHEMA, SCHEMA, False, model=IDENTITY
    )

    def do(name: str, part: Work, todo: list[dict[str, Any]]) -> list[Entry]:
        booked = Booked(part)
        for task in todo:
            booked(task)
        found = read_entries(store, booked.manifest)
        return [found[task["task"]] for task in todo]

    ranges = max(1, -(-num // RANGE_ROWS))
    started = time.perf_counter()
    _, totals = rounds(Asking(work, tasks, ranges, do, answerer, lambda *_: None))
    return time.perf_counter() - started, totals


def overhead(num: int, repeats: int, replay: bool) -> None:
    """Milliseconds a request, all of it overhead."""
    found = []
    for repeat in range(repeats):
        with tempfile.TemporaryDirectory() as home:
            store = Store(home)
            tasks = shards(store, num)
            seconds, totals = asked(store, tasks, num, "first", Scripted(lambda _: ANSWER))
            assert totals["num_asked"] == num
            if replay:
                seconds, totals = asked(store, tasks, num, "second", Scripted(lambda _: None))
                assert totals["num_replayed"] == num
            found.append(seconds)
            print(f"  {repeat}: {seconds:.2f} s, {seconds / num * 1000:.3f} ms a request")
    _say("replay" if replay else "store", num, [s / num * 1000 for s in found], "ms a request")


def client(num: int, repeats: int) -> None:
    """Requests a second of the HTTP client; the endpoint runs in a process of its own."""
    from refinery.models.http import Http

    port = multiprocessing.Value("i", 0)
    server = multiprocessing.Process(target=_serve, args=(port,), daemon=True)
    server.start()
    while not port.value:
        time.sleep(0.01)
    model = HttpModel(kind="http", url=f"http://127.0.0.1:{port.value}/v1", name="m", max_in_flight=64)
    message = ({"role": "user", "content": "Where is my order? " * 100},)
    requests = [(str(i), Request(message, {"type": "object"}, "p/en", i)) for i in range(num)]
    rates = []
    for _ in range(repeats):
        started = time.perf_counter()
        assert sum(reply.text is not None for _, reply in Http(model).answer([lambda: requests])) == num
        rates.append(num / (time.perf_counter() - started))
    server.terminate()
    _say("client", num, rates, "requests/s")


def _serve(port: Any) -> None:  # noqa: ANN401 (a multiprocessing value)
    from tests.models.endpoint import Endpoint

    endpoint = Endpoint()
    endpoint.asked = _Nothing()
    endpoint.headers = _Nothing()
    endpoint.start()
    port.value = endpoint.port
    time.sleep(3600)


class _Nothing(list[Any]):
    def append(self, item: Any) -> None:  # noqa: ANN401
        """Forgets it: the endpoint's memory is not what is measured."""


def engine(model: VllmModel, num: int, repeats: int) -> None:
    """Output tokens/s of the plane and of vLLM's own LLM over the same prompts and parameters, in turns."""
    from refinery.models.vllm import Vllm

    texts = [f"Tell me in a few sentences what a service desk does when parcel {i} is late." for i in range(num)]
    shape = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    requests = [(str(i), Request(({"role": "user", "content": t},), shape, "p/en")) for i, t in enumerate(texts)]
    pairs = []
    for repeat in range(repeats):
        bare = _bare(model, texts, shape if model.schema_sent else None)
        plane = _plane(Vllm(model), [lambda: requests])
        pairs.append(plane / bare)
        print(f"  {repeat}: bare {bare:.0f}, plane {plane:.0f} output tokens/s, ratio {plane / bare:.3f}")
    _say("plane over bare engine" + (" with schema" if model.schema_sent else ""), num, pairs, "")


def _model(folder: Path, schema: bool, more: dict[str, Any]) -> VllmModel:
    """What both sides run: without a schema every answer is 128 tokens long."""
    given: dict[str, Any] = {"kind": "vllm", "path": folder, "max_tokens": 128, "schema_sent": schema}
    return VllmModel(**given | {"engine": {"max_model_len": 2048}, "sampling": {"ignore_eos": not schema}} | more)


def _plane(answerer: Answerer, parts: list[Callable[[], Any]]) -> float:
    """From when the engine took the first request to the last answer."""
    tokens, first, last = 0, float("inf"), 0.0
    for _, reply in answerer.answer(parts):
        last = time.perf_counter()
        first = min(first, last - reply.seconds)
        tokens += reply.completion_tokens
    return tokens / (last - first)


def _bare(model: VllmModel, texts: list[str], shape: dict[str, Any] | None) -> float:
    """VLLM's own batch interface, in a process of its own so that its memory is given back."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:  # no daemon: the engine has a child
        return pool.submit(_bare_here, model, texts, shape).result()


def _bare_here(model: VllmModel, texts: list[str], shape: dict[str, Any] | None) -> float:
    from vllm import LLM, SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    guided = StructuredOutputsParams(json=orjson.dumps(shape).decode()) if shape else None
    sampling = SamplingParams(**model.parameters(), structured_outputs=guided)
    settings: dict[str, Any] = {"disable_log_stats": True, "tensor_parallel_size": model.gpus or 1, **model.engine}
    found = LLM(model=str(model.path), **settings)
    messages = [[{"role": "user", "content": text}] for text in texts]
    found.chat(messages[:2], sampling, use_tqdm=False)
    started = time.perf_counter()
    outputs = found.chat(messages, sampling, use_tqdm=False)
    rate = sum(len(o.outputs[0].token_ids) for o in outputs) / (time.perf_counter() - started)
    found.llm_engine.engine_core.shutdown()  # or this process waits for it for ever
    return rate


def _say(what: str, num: int, values: list[float], unit: str) -> None:
    ordered = sorted(values)
    spread = f"{ordered[0]:.3f} to {ordered[-1]:.3f}"
    print(f"{what}: median {statistics.median(values):.3f} {unit}, {spread}; n = {num}, {len(values)} times")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["store", "replay", "client", "engine"])
    parser.add_argument("--num", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--schema", action="store_true")
    parser.add_argument("--model", type=orjson.loads, default={})
    given = parser.parse_args()
    if given.what == "engine":
        engine(_model(given.folder.resolve(), given.schema, given.model), given.num, given.repeats)
    elif given.what == "client":
        client(given.num, given.repeats)
    else:
        overhead(given.num, given.repeats, given.what == "replay")


if __name__ == "__main__":
    main()
