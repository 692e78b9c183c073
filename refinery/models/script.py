"""Answers written beforehand in a YAML file: for rehearsals of a plan without any model.

- {prompt: judge_v1/en, contains: refund, answer: {score: 3, explanation: "…"}}
- {answer: {score: 1, explanation: "…"}}
"""

from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from refinery.errors import PlanError
from refinery.models.chat import Scripted
from refinery.stage import Request


class Line(BaseModel):
    """One answer and what it fits; a text as it stands, anything else as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    prompt: str | None = None
    contains: str | None = None
    """Somewhere in the messages."""
    vote: int | None = None
    answer: Any

    def fits(self, request: Request) -> bool:
        """Whether this line answers the request."""
        if self.prompt not in {None, request.prompt} or self.vote not in {None, request.vote}:
            return False
        return self.contains is None or any(self.contains in m["content"] for m in request.messages)

    @cached_property
    def text(self) -> str:
        """The answer as a model would have written it."""
        return self.answer if isinstance(self.answer, str) else orjson.dumps(self.answer).decode()


def scripted(path: Path) -> Scripted:
    """The file as an answerer; a request that no line fits gets no answer. Raises PlanError where it is misshapen."""
    try:
        lines = TypeAdapter(tuple[Line, ...]).validate_python(yaml.safe_load(path.read_text("utf-8")), strict=False)
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise PlanError(f"{path} is no list of scripted answers: {error}") from None
    return Scripted(lambda request: next((line.text for line in lines if line.fits(request)), None))
