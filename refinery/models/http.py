"""Any endpoint that speaks OpenAI's chat completions: many requests in flight from one process, retries that end.

What goes wrong, and whose fault it is:
    nobody listens, 502 to 504      the endpoint's: wait for it, up to max_outage_seconds, then the run stops
    401, 403, 404                   the plan's: the run stops at once
    429                             ours: everybody waits as long as Retry-After says, the request is tried again
    timeout, 500, cut, malformed    the attempt's: tried again with backoff and jitter, max_tries in all
    any other status                the request's: it has failed
"""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any, Final

import aiohttp
import orjson
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from refinery.errors import ModelError, PlanError
from refinery.models.chat import Keyed, Part, Reply
from refinery.models.pace import Pace, tokens_about
from refinery.models.spec import HttpModel
from refinery.stage import Request

_MAX_BODY: Final = 16 * 2**20
_OUTAGE: Final = frozenset({502, 503, 504})
_REFUSED: Final = frozenset({401, 403, 404})
_AGAIN: Final = frozenset({408, 409, 425, 500})
_MAX_OUTAGE_WAIT: Final = 15.0

Answered = tuple[str, Reply]


class _Failed(Exception):  # noqa: N818 (not one of ours: it ends as a Reply)
    """The attempt has failed; `after`: seconds that the endpoint asks to wait."""

    def __init__(self, fault: str, after: float | None = None) -> None:
        super().__init__(fault)
        self.fault, self.after = fault, after


class _Passing(_Failed):
    """The next attempt may do better."""


class _Outage(_Failed):
    """Nobody is there to answer."""


@dataclass
class _Try:
    """How often a request was sent."""

    request: Request
    sent: int = 0


@dataclass(frozen=True)
class Http:
    """The client of one model; its key is read from the environment and stands in no repr, log or file."""

    model: HttpModel
    _key: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises PlanError where the key's environment variable is not set."""
        name = self.model.api_key_env
        if name is not None and not os.environ.get(name):
            raise PlanError(f"model {self.model.name!r}: the environment variable {name} (api_key_env) is not set")
        object.__setattr__(self, "_key", os.environ[name] if name else "")

    def answer(self, parts: Sequence[Part]) -> Iterator[Answered]:
        """One reply a key, as they come; see models.chat.Answerer."""
        todo = (keyed for part in parts for keyed in part())
        with asyncio.Runner() as runner:
            session = runner.run(_session(self.model, self._key))
            asking = _Asking(self.model, session)
            pending = set[asyncio.Task[Answered]]()
            try:
                while True:
                    new = list(islice(todo, self.model.max_in_flight - len(pending)))
                    done, pending = runner.run(_some(asking, new, pending))
                    if not done:
                        return
                    yield from (task.result() for task in done)
            finally:
                runner.run(_close(session, pending))


async def _session(model: HttpModel, key: str) -> aiohttp.ClientSession:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    timeout = aiohttp.ClientTimeout(total=model.timeout_seconds)
    connector = aiohttp.TCPConnector(limit=model.max_in_flight)
    return aiohttp.ClientSession(headers=headers, timeout=timeout, connector=connector)


async def _some(
    asking: "_Asking", new: list[Keyed], pending: set[asyncio.Task[Answered]]
) -> tuple[set[asyncio.Task[Answered]], set[asyncio.Task[Answered]]]:
    """Starts what is new and waits until something is done."""
    pending = pending | {asyncio.create_task(asking.reply(key, request)) for key, request in new}
    if not pending:
        return set(), set()
    return await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)


async def _close(session: aiohttp.ClientSession, pending: set[asyncio.Task[Answered]]) -> None:
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    await session.close()


class _Asking:
    """What all requests in flight share: the connections and the pace."""

    def __init__(self, model: HttpModel, session: aiohttp.ClientSession) -> None:
        self._model, self._session = model, session
        self._requests, self._tokens = Pace(model.requests_a_minute), Pace(model.tokens_a_minute)
        self._tries = AsyncRetrying(
            stop=stop_after_attempt(model.max_tries),
            wait=self._wait,
            retry=retry_if_exception_type(_Passing),
            reraise=True,
        )
        self._outage = AsyncRetrying(
            stop=stop_after_delay(model.max_outage_seconds),
            wait=wait_random_exponential(multiplier=0.5, max=min(_MAX_OUTAGE_WAIT, model.max_wait_seconds)),
            retry=retry_if_exception_type(_Outage),
            reraise=True,
        )

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _Failed) and error.after is not None:
            return error.after
        return wait_random_exponential(multiplier=0.5, max=self._model.max_wait_seconds)(state)

    async def reply(self, key: str, request: Request) -> Answered:
        """The key and what came of its request; raises ModelError where asking on makes no sense."""
        one = _Try(request)
        try:
            reply: Reply = await self._tries.copy()(self._outage.copy(), self._once, one)
        except _Outage as error:
            seconds = self._model.max_outage_seconds
            raise ModelError(
                f"model {self._model.name!r}: {self._model.url} does not answer ({error.fault}) for {seconds:g} s; "
                "what was answered is kept. Start the run again when it is back"
            ) from None
        except _Failed as error:
            return key, Reply(None, error.fault, retries=max(0, one.sent - 1))
        return key, reply._replace(retries=one.sent - 1)

    async def _once(self, one: _Try) -> Reply:
        """One attempt."""
        need = tokens_about(one.request, self._model.max_tokens)
        await self._requests.take(1)
        await self._tokens.take(need)
        one.sent += 1
        started = time.perf_counter()
        status, after, raw = await self._post(one.request)
        self._judge(status, after)
        reply = _reply(raw)._replace(seconds=time.perf_counter() - started)
        self._tokens.correct(reply.prompt_tokens + reply.completion_tokens - need)
        return reply

    async def _post(self, request: Request) -> tuple[int, float | None, bytes]:
        url = f"{self._model.url}/chat/completions"
        try:
            async with self._session.post(url, data=body(self._model, request), allow_redirects=False) as response:
                raw = await response.content.read(_MAX_BODY) if response.status == 200 else b""
                while raw and not response.content.at_eof() and len(raw) < _MAX_BODY:
                    raw += await response.content.read(_MAX_BODY - len(raw))
                return response.status, _seconds(response.headers.get("Retry-After")), raw
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise _Outage("unreachable") from None
        except TimeoutError:
            raise _Passing("timed_out") from None
        except (aiohttp.ClientError, OSError):
            raise _Passing("cut_off") from None

    def _judge(self, status: int, after: float | None) -> None:
        """Raises what a status other than 200 means."""
        if status == 200:
            return
        if status in _REFUSED:
            raise ModelError(
                f"{self._model.url} answers {status} to model {self._model.name!r}: look at url, name and the key in "
                f"{self._model.api_key_env or 'api_key_env (the plan names none)'}; what was answered is kept"
            )
        if status in _OUTAGE:
            raise _Outage(f"status_{status}")
        if after is not None and after > self._model.max_wait_seconds:
            raise _Failed("asked_to_wait_too_long")
        if status == 429:
            self._requests.hold(after or 0.0)
            raise _Passing("rate_limited", after)
        raise (_Passing if status in _AGAIN or status > 504 else _Failed)(f"status_{status}", after)


def body(model: HttpModel, request: Request) -> bytes:
    """The request as JSON."""
    found: dict[str, Any] = {"model": model.name, "messages": list(request.messages), **model.parameters()}
    if model.schema_sent:
        schema = {"name": "answer", "strict": True, "schema": request.answer_schema}
        found["response_format"] = {"type": "json_schema", "json_schema": schema}
    return orjson.dumps(found)


def _reply(raw: bytes) -> Reply:
    """The first choice; raises _Passing where the body is not what it should be."""
    try:
        found = orjson.loads(raw)
        choice = found["choices"][0]
        text, usage = choice["message"]["content"], found.get("usage") or {}
        reply = Reply(
            text,
            finish=str(choice.get("finish_reason") or ""),
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
        )
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError, ValueError):
        raise _Passing("malformed") from None
    if not isinstance(text, str):
        raise _Passing("malformed")
    return reply


def _seconds(value: str | None) -> float | None:
    """Retry-After, in seconds or as a date; None where it says nothing that can be read."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
