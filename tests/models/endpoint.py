"""An endpoint of OpenAI's chat completions in this process, with faults on order; it knows what it was asked."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

Act = Callable[["Endpoint", web.Request, dict[str, Any]], Any]


def said(payload: dict[str, Any]) -> str:
    """The last message of a request."""
    return str(payload["messages"][-1]["content"])


@dataclass
class Endpoint:
    """Serves on one port from a thread, until stopped; `act` answers (the default: the last message, as JSON)."""

    act: Act | None = None
    port: int = 0
    asked: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_in_flight: int = 0
    _in_flight: int = 0

    def __enter__(self) -> "Endpoint":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Listens on its port again, or on a free one at first."""
        self._loop, ready = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        """Cuts every connection, as a killed server does."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def times(self) -> Counter[str]:
        """How often each question came, by all its messages."""
        return Counter("\n".join(m["content"] for m in payload["messages"]) for _, payload in self.asked)

    def _serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._up())
        ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    async def _up(self) -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        payload = orjson.loads(await request.read())
        self.asked.append((time.monotonic(), payload))
        self.headers.append(dict(request.headers))
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            found = self.act(self, request, payload) if self.act else None
            found = await found if asyncio.iscoroutine(found) else found
            return found if found is not None else completion(said(payload))
        finally:
            self._in_flight -= 1


def completion(text: str, **usage: int) -> web.Response:
    """A well-formed body."""
    counts = {"prompt_tokens": 7, "completion_tokens": 3} | usage
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return web.json_response({"choices": [choice], "usage": counts})


async def hang(*_: Any) -> None:
    """No answer in any test's time."""
    await asyncio.sleep(60)


async def cut(endpoint: Endpoint, request: web.Request, payload: dict[str, Any]) -> web.StreamResponse:
    """Half a body, then the connection is gone."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"choices": [{"mess')
    request.transport.close()
    return response


def status(code: int, **headers: str) -> Act:
    """Answers with a status."""
    return lambda *_: web.Response(status=code, headers=headers, text="what the endpoint says about 13812345678")


def malformed(text: str) -> Act:
    """Answers 200 with this text as its body."""
    return lambda *_: web.Response(text=text)
