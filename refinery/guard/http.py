"""HTTP around the guard: three paths, a body of bounded size, and errors that say what, where and what to do.

An ASGI application without a framework. Nothing of a request's path, headers or body is ever logged or sent back.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, NamedTuple

import orjson

from refinery.errors import ParseError, StorageError
from refinery.guard.guard import Guard

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_JSON: Final = b"application/json"
_TEXT: Final = b"text/plain; version=1.0.0; charset=utf-8"
_PATHS: Final = {"/inspect": "POST", "/health": "GET", "/metrics": "GET"}
_DO: Final = {
    "body_too_large": "send fewer turns of context, or raise `max_body_bytes`",
    "conversation_too_long": "send the last turns only",
    "not_json": "send one JSON object",
    "not_utf8": "send UTF-8",
    "repeated_key": "keep one of the two",
    "two_forms": "send one of the two forms",
}
_CORRECT: Final = "correct it as the README's native log form says, and send it again"
_STATUS: Final = {"body_too_large": 413, "conversation_too_long": 413}


class Reply(NamedTuple):
    """What is sent back. `reason` is that of a refusal."""

    status: int
    body: bytes
    kind: bytes = _JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    reason: str | None = None


class Application:
    """The ASGI application of one guard."""

    def __init__(self, guard: Guard) -> None:
        self._guard, self._max_bytes = guard, guard.settings.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the server's lifespan."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close"})
        else:
            reply = await self._reply(scope, receive)
            if reply.reason:
                self._guard.metrics.refused(reply.reason)
            sent = [(b"content-type", reply.kind), (b"content-length", str(len(reply.body)).encode()), *reply.headers]
            await send({"type": "http.response.start", "status": reply.status, "headers": sent})
            await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path not in _PATHS:
            known = ", ".join(f"{method} {name}" for name, method in _PATHS.items())
            return _refusal(404, "unknown_path", "there is no such path", "path", f"ask for one of: {known}")
        allowed = _PATHS[path]
        if scope["method"] != allowed:
            what, header = f"{path} takes {allowed} only", (b"allow", allowed.encode())
            return _refusal(405, "wrong_method", what, "method", f"use {allowed}", header)
        if path == "/health":
            return Reply(200, orjson.dumps(await self._guard.health()))
        if path == "/metrics":
            return Reply(200, self._guard.metrics.text(await self._guard.keeping.tripped()), _TEXT)
        body = await self._body(dict(scope["headers"]), receive)
        return body if isinstance(body, Reply) else await self._answer(body)

    async def _answer(self, body: bytes) -> Reply:
        try:
            return Reply(200, orjson.dumps(await self._guard.answer(body)))
        except ParseError as error:
            do, status = _DO.get(error.reason, _CORRECT), _STATUS.get(error.reason, 400)
            return _refusal(status, error.reason, error.detail, "body", do)
        except StorageError as error:
            do = "nothing was accepted; send it again when the service's disk is mended"
            return _refusal(503, "not_written", str(error), "state", do)

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes | Reply:
        """The whole body, refused as soon as it is known to be too large, coded or too slow."""
        if headers.get(b"content-encoding", b"identity") != b"identity":
            return _refusal(415, "coded_body", "the body is compressed", "header Content-Encoding", "send it plain")
        length, seconds = headers.get(b"content-length", b""), self._guard.settings.read_seconds
        if length.isdigit() and int(length[:20]) > self._max_bytes:
            return self._too_large()
        try:
            return await asyncio.wait_for(self._read(receive), seconds)
        except TimeoutError:
            what = f"the body did not come within {seconds:g} seconds"
            return _refusal(408, "body_too_slow", what, "body", "send it again, at once")

    async def _read(self, receive: Receive) -> bytes | Reply:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return _refusal(
                    400, "cut_off", "the client went away in the middle of the body", "body", "send it again"
                )
            body += message.get("body", b"")
            if len(body) > self._max_bytes:
                return self._too_large()
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self) -> Reply:
        what = f"the body is over {self._max_bytes} bytes"
        return _refusal(413, "body_too_large", what, "body", _DO["body_too_large"], (b"connection", b"close"))


def _refusal(status: int, reason: str, what: str, where: str, do: str, *headers: tuple[bytes, bytes]) -> Reply:
    body = orjson.dumps({"error": reason, "what": what, "where": where, "do": do})
    return Reply(status, body, headers=headers, reason=reason)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
