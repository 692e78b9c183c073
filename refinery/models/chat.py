"""A model that answers chat requests: the protocol, and one that answers from a script."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from refinery.stage import Request


class Reply(NamedTuple):
    """What came back for one request: its text, or the fault for which there is none."""

    text: str | None
    fault: str = ""  # a snake_case noun, where `text` is None
    finish: str = ""  # why the model stopped, in its own word: stop, length
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0  # of the attempt that was answered
    retries: int = 0


Keyed = tuple[str, Request]
Part = Callable[[], Iterable[Keyed]]
"""Reads some hundreds of requests, here or on a worker; it pickles."""


class Answerer(Protocol):
    """Whoever answers requests in bulk; one process drives it, since one process alone knows a rate limit."""

    def answer(self, parts: Sequence[Part]) -> Iterator[tuple[str, Reply]]:
        """One reply a key, in any order, each as soon as it is there.

        A fault that may pass is tried again a bounded number of times and then is the reply. Raises ModelError where
        asking on makes no sense: a key refused, nobody there, an engine that died.
        """


@dataclass(frozen=True)
class Scripted:
    """Answers by a function of the request, for tests and rehearsals; None stands for a model that gave no answer."""

    script: Callable[[Request], str | None]

    def answer(self, parts: Sequence[Part]) -> Iterator[tuple[str, Reply]]:
        """The script's text for each request."""
        for part in parts:
            for key, request in part():
                text = self.script(request)
                yield key, Reply(text, "" if text is not None else "no_answer")
