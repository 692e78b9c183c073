"""A model that answers chat requests: the protocol, and one that answers from a script."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from refinery.stage import Request


class Answerer(Protocol):
    """Answers requests in bulk; pickles to workers and opens what is heavy on first use."""

    def answer(self, model: str, requests: Sequence[Request]) -> list[str]:
        """One text a request, in order. Raises RefineryError where the model cannot be reached."""


@dataclass(frozen=True)
class Scripted:
    """Answers by a function of the request, for tests and rehearsals."""

    script: Callable[[Request], str]

    def answer(self, model: str, requests: Sequence[Request]) -> list[str]:
        """The script's text for each request."""
        return [self.script(request) for request in requests]
