"""What the online guard costs: a turn in process, part by part, and the service beside an empty one of the same shape.

    python -m benchmarks.service inside --turns 2000            one turn after another, no HTTP
    python -m benchmarks.service beside --rounds 5 --seconds 10   the service and an empty deployment, in turns, by wrk

Turns are the last agent turns of the demo's conversations with all that came before them, Chinese and English. The
empty deployment is an ASGI application on the same Ray Serve, behind the same proxy, that reads the same bodies and
answers with as many bytes as the guard does. wrk (Debian's package `wrk`) keeps each connection busy: the next request
goes out when the answer came. The load average is printed, since a busy machine measures itself.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks.journal import commit
from pipelines.demo_log import make
from refinery.guard.decision import decide
from refinery.guard.inspection import Inspection
from refinery.guard.request import asked
from refinery.guard.settings import Settings, load_settings
from refinery.inspection.breaker_keeper import Found, Keeper, Request
from refinery.storage.journal import Journal

SETTINGS = Path("pipelines/guard.yaml")
LUA = """
local bodies = {}
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
local n = 0
request = function()
  n = n % #bodies + 1
  return wrk.format("POST", wrk.path, {["Content-Type"] = "application/json"}, bodies[n])
end
done = function(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format('{"num":%d,"failed":%d,"p50":%f,"p99":%f,"seconds":%f}\\n', summary.requests, failed,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.duration / 1000000))
end
"""


def bodies(num: int) -> list[bytes]:
    """Requests: the last agent turn of a conversation, and its context."""
    found = []
    for name, lines in make(num=4 * num)[0]:
        for line in lines:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                record = orjson.loads(line)
                messages = record.pop("messages")
                last = max(n for n, message in enumerate(messages) if message["role"] == "assistant")
                turn = {"turn": messages[last], "context": messages[:last], "request_id": f"{name}-{len(found)}"}
                body = orjson.dumps({**{k: record[k] for k in ("signals", "scenario") if k in record}, **turn})
                asked(body, 10**7, "2026-05-01")
                found.append(body)
    step = max(1, len(found) // num)
    return found[::step][:num]


def inside(turns: int, rules: Path) -> None:
    """Milliseconds of each part of an answer, p50 and p99, one turn after another on one thread."""
    settings = load_settings(SETTINGS)
    started = time.perf_counter()
    inspection = Inspection(rules)
    print(f"rules {inspection.version} opened in {time.perf_counter() - started:.1f} s")
    given = bodies(min(turns, 500))
    with tempfile.TemporaryDirectory() as folder:
        keeper = Keeper(settings.breaker, Journal(Path(folder)))
        parts = np.asarray([_once(given[n % len(given)], inspection, keeper, settings) for n in range(turns + 200)])
        keeper.close()
    parts = parts[200:] * 1e3
    for name, column in zip(("read", "mask and inspect", "count and write", "decide"), parts.T, strict=True):
        _line(name, column)
    _line("all", parts.sum(axis=1))
    batch = [asked(body, 10**7, "2026-05-01").row for body in given[:64]]
    seconds = [_seconds(lambda: inspection(batch)) for _ in range(20)]
    print(f"64 at once: {statistics.median(seconds) * 1e3:.2f} ms, {64 / statistics.median(seconds):,.0f} turns/s")


def _once(body: bytes, inspection: Inspection, keeper: Keeper, settings: Settings) -> list[float]:
    at = [time.perf_counter()]
    this = asked(body, 10**7, "2026-05-01")
    at.append(time.perf_counter())
    [inspected] = inspection([this.row])
    at.append(time.perf_counter())
    keys = ("turn_idx", "item", "rule_id", "severity", "enforce")
    found = [Found(**{k: one[k] for k in keys}, judged=one["turn_idx"] in this.judged) for one in inspected.findings]
    standing = keeper.turn(Request(this.key, inspected.scope), found, inspected.version)
    at.append(time.perf_counter())
    orjson.dumps(decide(settings.breaker, this, inspected.findings, standing, False)._asdict())
    at.append(time.perf_counter())
    return list(np.diff(at))


def _seconds(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def _line(name: str, values: np.ndarray) -> None:
    low, high = np.percentile(_resampled(values, 99), [2.5, 97.5])
    print(
        f"{name}: p50 {np.percentile(values, 50):.3f} ms, p99 {np.percentile(values, 99):.3f} ms "
        f"(95 % {low:.3f} to {high:.3f}), n {len(values)}"
    )


def _resampled(values: np.ndarray, percentile: float) -> list[float]:
    rng = np.random.default_rng(7)
    return [float(np.percentile(rng.choice(values, len(values)), percentile)) for _ in range(200)]


class Empty:
    """Reads a body and answers with as many bytes as the guard."""

    def __init__(self, size: int) -> None:
        self._body = b'"' + b"x" * max(0, size - 2) + b'"'

    def __serve_build_asgi_app__(self) -> Callable[..., Any]:  # noqa: PLW3201 (Serve's name)
        """The application."""

        async def application(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
            if scope["type"] != "http":
                while (message := await receive())["type"] != "lifespan.shutdown":
                    await send({"type": f"{message['type']}.complete"})
                return await send({"type": "lifespan.shutdown.complete"})
            while (await receive()).get("more_body", False):
                pass
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(self._body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": self._body})

        return application


@contextlib.contextmanager
def serving_both(folder: Path, size: int) -> Iterator[str]:
    """The guard at / and the empty deployment at /empty, on a Ray of this process's own; their address."""
    import ray
    from ray import serve
    from ray.serve.schema import LoggingConfig

    from refinery.guard import serving

    settings = load_settings(SETTINGS)
    paths = {"rules": str(Path(settings.rules).absolute()), "state": str(folder / "state"), "port": 18_473}
    ray.init(log_to_driver=False, include_dashboard=False)
    try:
        url = serving.start(settings.model_copy(update=paths))
        quiet = LoggingConfig(enable_access_log=False)
        deployed = serve.deployment(name="empty", max_ongoing_requests=64, logging_config=quiet)
        serve.run(deployed(serve.ingress()(Empty)).bind(size), name="empty", route_prefix="/empty")
        yield url
    finally:
        serving.stop()


def beside(rounds: int, seconds: int, connections: list[int]) -> None:
    """Round by round, in changing order, the guard and the empty deployment under the same load."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = bodies(200)
        (folder / "bodies").write_bytes(b"\n".join(given))
        (folder / "load.lua").write_text(LUA)
        inspection = Inspection(Path(load_settings(SETTINGS).rules))
        size = 600 + len(orjson.dumps([one.findings for one in inspection([asked(given[0], 10**7, "2026-05-01").row])]))
        with serving_both(folder, size) as url:
            places = {"guard": f"{url}/inspect", "empty": f"{url}/empty"}
            for one in places.values():
                _wrk(folder, one, 1, 3)
            for number in connections:
                taken = [_round(folder, places, number, seconds, n) for n in range(rounds)]
                _tell(number, taken)


def _round(folder: Path, places: dict[str, str], connections: int, seconds: int, n: int) -> dict[str, dict[str, float]]:
    order = sorted(places, reverse=bool(n % 2))
    found = {name: _wrk(folder, places[name], connections, seconds) for name in order}
    print(f"  round {n + 1}, load {os.getloadavg()[0]:.1f}: {found}", file=sys.stderr)
    return found


def _wrk(folder: Path, url: str, connections: int, seconds: int) -> dict[str, float]:
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "20s",
        "-s",
        str(folder / "load.lua"),
        url,
    ]
    said = subprocess.run(
        command, check=True, capture_output=True, text=True, env=os.environ | {"BODIES": str(folder / "bodies")}
    )
    found: dict[str, float] = orjson.loads(said.stdout.splitlines()[-1])
    return found


def _tell(connections: int, taken: list[dict[str, dict[str, float]]]) -> None:
    failed = sum(one["failed"] for found in taken for one in found.values())
    print(f"{connections} connections, {len(taken)} rounds, {failed:g} failed")
    for name in ("guard", "empty"):
        rates = [found[name]["num"] / found[name]["seconds"] for found in taken]
        figures = [f"{p} {_spread([found[name][p] for found in taken])} ms" for p in ("p50", "p99")]
        num = sum(found[name]["num"] for found in taken)
        print(f"  {name}: {', '.join(figures)}, {statistics.median(rates):,.0f} requests/s, n {num:,.0f}")
    for p in ("p50", "p99"):
        print(f"  overhead {p}: {_spread([found['guard'][p] - found['empty'][p] for found in taken])} ms")


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def hardware() -> str:
    """The processor, and how many cores of it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines()
    return f"{next((x.partition(': ')[2] for x in lines if x.startswith('model name')), '?')}, {os.cpu_count()} cores"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("what", choices=["inside", "beside"])
    parser.add_argument("--turns", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement")
    parser.add_argument("--connections", default="1,8")
    parser.add_argument("--rules", type=Path, default=Path("rules"))
    options = parser.parse_args()
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{hardware()}; {commit()}; {datetime.now(UTC):%Y-%m-%d %H:%M}; load before: {load}")
    if options.what == "inside":
        inside(options.turns, options.rules)
    else:
        beside(options.rounds, options.seconds, [int(number) for number in options.connections.split(",")])
    print("load after: " + ", ".join(f"{one:.1f}" for one in os.getloadavg()))


if __name__ == "__main__":
    main()
